// Builds elements. Text goes in as text, and attributes by name: no HTML is ever parsed here.

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

const ICONS = {
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z",
  open: "M7 11V8a5 5 0 0 1 9.5-2M5.5 11h13v9h-13z",
  seal: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM8.7 12l2.3 2.3 4.3-4.6",
  key: "M8 15a4 4 0 1 1 3.5-6H21v4h-3v3h-4v-3h-2.5A4 4 0 0 1 8 15z",
  clip: "M19 11l-7.5 7.5a4.5 4.5 0 0 1-6.4-6.4L13 4.3a3 3 0 0 1 4.3 4.3l-7.6 7.6a1.4 1.4 0 0 1-2-2L14 8",
  alert: "M12 4l9.5 16h-19zM12 10v5M12 17.4v.2",
  plug: "M4 4l16 16M9 7V3M15 7V3M7 8v3a5 5 0 0 0 7.6 4.3M17 12V8h-4M12 16v5",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  mail: "M3 5.5h18v13H3zM3.5 7l8.5 6.5L20.5 7",
  auto: "M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16zM12 4v16M15 5v14M18 7v10",
  light: "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  dark: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
};

const icon = (name, title) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon i-${name}`);
  path.setAttribute("d", ICONS[name]);
  if (title) {
    const label = document.createElementNS("http://www.w3.org/2000/svg", "title");
    label.textContent = title;
    svg.append(label);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  svg.append(path);
  return svg;
};

const badge = (tone, name, words) => make("span", { class: `badge ${tone}` }, name && icon(name), words);

const note = (tone, ...children) => make("p", { class: `note ${tone}`, role: "note" }, ...children);

// Rows of a name and a value; rows without a value are left out.
const facts = (rows) =>
  make(
    "dl",
    { class: "facts" },
    rows
      .filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value instanceof Node ? value : line(value, 2000))]),
  );

const section = (title, ...children) => make("section", { class: "block" }, make("h3", {}, title), ...children);

// An ARIA tab list: arrow keys move, and a panel is built when it is first shown.
const tabList = (tabs, chosen, onChoice) => {
  const panel = make("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
  const buttons = tabs.map(({ id, label, count, disabled }) =>
    make(
      "button",
      {
        type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "panel", "aria-disabled": disabled ? "true" : null,
        class: disabled ? "empty" : null, on: { click: () => choose(id) },
      },
      label,
      count ? make("span", { class: `count ${count.tone ?? ""}` }, String(count.value)) : null,
    ),
  );
  const choose = (id, focus = false) => {
    tabs.forEach((tab, place) => {
      const on = tab.id === id;
      buttons[place].setAttribute("aria-selected", String(on));
      buttons[place].tabIndex = on ? 0 : -1;
      if (on) {
        panel.replaceChildren(...[tab.build()].flat().filter(Boolean));
        panel.dataset.tab = id;
        panel.scrollTop = 0;
        panel.setAttribute("aria-labelledby", `tab-${id}`);
        if (focus) buttons[place].focus();
        buttons[place].scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    });
    onChoice(id);
  };
  const move = (event) => {
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(tabs[(to + tabs.length) % tabs.length].id, true);
  };
  const bar = make("div", { class: "tabs", role: "tablist", "aria-label": "What to show", on: { keydown: move } }, buttons);
  return { bar, panel, choose, start: () => choose(chosen), nth: (place) => tabs[place] && choose(tabs[place].id) };
};
