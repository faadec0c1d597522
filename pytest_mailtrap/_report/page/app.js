// Puts everything together: filters, search, keys, theme.

const box = (id) => document.getElementById(id);
const all = readItems();
const active = new Set();
const narrow = matchMedia("(max-width: 820px)");

const showDetail = (item, opened) => {
  const detail = box("detail");
  const within = detail.contains(document.activeElement);
  const back = make("button", { type: "button", class: "back", on: { click: () => leave() } }, "‹ Back to the list");
  detail.replaceChildren(back, ...VIEWS[item.type](item).flat());
  current?.start();
  if (opened) document.body.classList.add("reading");
  if (opened && narrow.matches) detail.focus();
  else if (within) (chosenTabButton() ?? detail).focus({ preventScroll: true });
  try {
    // Not location.replace(): that would take the focus away while typing.
    history.replaceState(null, "", `#${item.id}`);
  } catch {
    // Browsers limit how often this may be done; then the address stays that of an earlier item.
  }
};

const chosenTabButton = () => box("detail").querySelector('[role="tab"][aria-selected="true"]');

const emptyDetail = () => box("detail").replaceChildren(make("p", { class: "hollow" }, icon("mail"),
  all.length ? "Nothing matches the search and the filters." : "There is no mail to show. Mail sent to hostile servers is not included."));

const list = makeList(box("list"), box("runway"), showDetail);

const leave = () => {
  document.body.classList.remove("reading");
  box("list").focus();
};

const refresh = () => {
  const found = select(all, box("search").value, active);
  list.show(found);
  box("list").hidden = found.length === 0;
  box("nothing").hidden = found.length !== 0;
  const messages = found.filter(({ type }) => type === "message").length;
  box("totals").textContent = totals(messages);
  if (!list.has(list.selected) && !narrow.matches) {
    const first = found.find(({ type }) => type === "message") ?? found[0];
    if (first) list.chooseId(first.id);
    else emptyDetail();
  }
};

const count = (of) => all.filter(of).length;

const started = all.map(({ test }) => test?.started).filter(Boolean).sort()[0];

// A test that was rerun counts once, with the outcome of its last run.
const lastRuns = () => {
  const found = new Map();
  for (const { type, test } of all) {
    if (type === "test" && !(found.get(test.test)?.started > test.started)) found.set(test.test, test);
  }
  return [...found.values()];
};

const totals = (messages) => {
  const total = count(({ type }) => type === "message");
  const tests = lastRuns();
  const failed = tests.filter((test) => BAD.has(test.outcome)).length;
  const shown = messages === total ? plural(total, "message") : `${messages.toLocaleString("en")} of ${plural(total, "message")}`;
  return [shown, plural(tests.length, "test"), failed ? `${failed} failed` : null, day(started)].filter(Boolean).join(" · ");
};

for (const filter of FILTERS) {
  const total = count(filter.of);
  const button = make("button", { type: "button", "aria-pressed": "false", disabled: total === 0, "data-filter": filter.id, on: { click: () => {
    if (!active.delete(filter.id)) active.add(filter.id);
    button.setAttribute("aria-pressed", String(active.has(filter.id)));
    refresh();
  } } }, filter.label, make("span", { class: "count" }, total.toLocaleString("en")));
  box("filters").append(button);
}

const showAll = () => {
  active.clear();
  for (const button of box("filters").children) button.setAttribute("aria-pressed", "false");
  box("search").value = "";
  refresh();
  box("list").focus();
};

const THEMES = { "": "Auto", light: "Light", dark: "Dark" };
const setTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  box("theme").replaceChildren(icon(theme || "auto"), THEMES[theme]);
  box("theme").setAttribute("aria-label", `Colors: ${THEMES[theme]}`);
  box("theme").title = "Colors: system, light or dark";
  try {
    localStorage.setItem("mailtrap-theme", theme);
  } catch {
    // A local file may have no storage; then the choice lasts as long as the page is open.
  }
};
const nextTheme = () => {
  const names = Object.keys(THEMES);
  setTheme(names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length]);
};
const storedTheme = () => {
  try {
    return localStorage.getItem("mailtrap-theme") ?? "";
  } catch {
    return "";
  }
};

const KEYS = {
  j: () => list.move(1), k: () => list.move(-1), "/": () => box("search").focus(), d: nextTheme, Escape: leave,
};
const LIST_KEYS = {
  ArrowDown: () => list.move(1), ArrowUp: () => list.move(-1), Home: list.first, End: list.last,
  PageDown: () => list.page(1), PageUp: () => list.page(-1),
  Enter: () => { list.open(); (chosenTabButton() ?? box("detail")).focus(); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target === box("search");
  if (typing) {
    if (event.key === "Escape" && box("search").value) {
      box("search").value = "";
      refresh();
    } else if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      box("list").focus();
      if (event.key !== "Escape" && !list.has(list.selected)) list.first();
    }
    return;
  }
  const inList = event.target === box("list") || event.target === document.body;
  const action = (inList && LIST_KEYS[event.key]) || KEYS[event.key] || (/^[1-9]$/.test(event.key) && current && (() => current.nth(Number(event.key) - 1)));
  if (!action) return;
  event.preventDefault();
  action();
});

box("theme").addEventListener("click", nextTheme);
box("nothing").append(...(all.length
  ? ["Nothing matches.", make("button", { type: "button", class: "quiet", on: { click: showAll } }, "Show everything")]
  : ["No mail."]));
box("search").addEventListener("input", refresh);
addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id === list.selected || !all.some((item) => item.id === id)) return;
  if (!list.has(id)) showAll();
  list.chooseId(id);
});

setTheme(storedTheme());
const wanted = location.hash.slice(1);
const linked = all.some(({ id }) => id === wanted);
if (linked && narrow.matches) document.body.classList.add("reading");
list.show(all);
if (linked) list.chooseId(wanted);
refresh();
box("list").focus({ preventScroll: true });
