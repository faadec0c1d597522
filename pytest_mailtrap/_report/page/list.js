// The list on the left: tests with their messages and connections; only the visible rows are in the DOM.

const HEIGHTS = { test: 48, message: 58, connection: 50 };
const BAD = new Set(["failed", "error", "interrupted", "xpassed"]);

const readBlock = (id) => JSON.parse(document.getElementById(id).textContent);

// Every test, message and connection as one flat array, with the text that is searched.
const readItems = () => {
  const items = [];
  for (const block of document.querySelectorAll('script[data-kind="test"]')) {
    const test = JSON.parse(block.textContent);
    const name = testName(test.test);
    const group = { type: "test", id: block.id, test, name, test_text: lower(test.test), group: null };
    items.push(group);
    for (const message of test.messages) items.push(messageItem(message, group));
    test.connections.forEach((connection) => items.push(connectionItem(connection, group)));
  }
  return items;
};

const lower = (...texts) => texts.filter(Boolean).join("\n").toLowerCase();

const messageItem = (message, group) => {
  const to = [message.to, ...message.rcpt_tos];
  return {
    type: "message", id: message.id, message, group,
    to: lower(...to), from: lower(message.from), subject: lower(message.subject),
    any: lower(message.subject, message.from, ...to, message.message_id, group.test_text),
  };
};

const connectionId = (test, connection) => `${test}-c${connection.place}`;

const connectionEnd = (connection) => (connection.ended_by ? `was ended by ${line(connection.ended_by, 40)}` : "was still open at the end");

const connectionWords = (connection) => line(connection.handshake_error ?? connectionEnd(connection));

const connectionItem = (connection, group) => ({
  type: "connection", id: connectionId(group.id, connection), connection, group,
  to: "", from: "", subject: "",
  any: lower(connection.handshake_error, connection.peer, connection.transport?.ehlo, connection.transport?.sni, group.test_text),
});

const FILTERS = [
  { id: "cleartext", label: "Cleartext", of: (item) => item.type === "message" && !item.message.tls_version },
  { id: "signed", label: "Signed", of: (item) => item.type === "message" && item.message.signed },
  { id: "encrypted", label: "Encrypted", of: (item) => item.type === "message" && item.message.encrypted },
  { id: "attachments", label: "Attachments", of: (item) => item.type === "message" && item.message.attachments > 0 },
  { id: "problems", label: "Problems", of: (item) => item.type === "message" && (item.message.problems > 0 || item.message.violated) },
  { id: "failed", label: "Failed tests", of: (item) => item.type !== "test" && BAD.has(item.group.test.outcome) },
  { id: "refused", label: "Connections without mail", of: (item) => item.type === "connection" },
];

// "to:bob subject:'two words' reset" → which words must occur, and where.
const parseQuery = (query) =>
  [...query.toLowerCase().matchAll(/(?:(to|from|subject|test):)?(?:"([^"]*)"?|(\S+))/g)]
    .map(([, where, quoted, word]) => ({ where: where ?? "any", what: quoted ?? word ?? "" }))
    .filter(({ what }) => what);

const matches = (item, terms) =>
  terms.every(({ where, what }) => (where === "test" ? item.group.test_text : item[where]).includes(what));

// The items to show: those that match, each below its test; without any condition, tests without mail as well.
const select = (items, query, active) => {
  const terms = parseQuery(query);
  const filters = FILTERS.filter((filter) => active.has(filter.id));
  if (!terms.length && !filters.length) return items;
  const found = [];
  let group = null;
  for (const item of items) {
    if (item.type === "test" || !matches(item, terms) || !filters.every((filter) => filter.of(item))) continue;
    if (item.group !== group) found.push((group = item.group));
    found.push(item);
  }
  return found;
};

const OUTCOMES = { passed: "ok", failed: "bad", error: "bad", interrupted: "bad", xpassed: "bad", xfailed: "mild", skipped: "mild" };

const rerun = (test) => (test.rerun ? `rerun ${line(String(test.rerun), 10)}` : "");

const testRow = ({ test, name }) => [
  make("span", { class: `dot ${OUTCOMES[test.outcome] ?? ""}`, role: "img", "aria-label": test.outcome }),
  make("span", { class: "words", title: line(test.test) },
    make("bdi", { class: "name" }, line(name.name)),
    name.place ? make("bdi", { class: "place" }, line(name.place)) : null),
  test.rerun ? make("span", { class: "tag mild" }, rerun(test)) : null,
  make("span", { class: "end" }, test.outcome === "passed" ? "" : make("span", { class: `tag ${OUTCOMES[test.outcome]}` }, line(test.outcome, 20))),
];

const messageRow = ({ message }) => [
  make("span", { class: "first" },
    make("bdi", { class: "subject" }, message.subject ? line(message.subject) : make("i", {}, "no subject")),
    make("time", {}, clock(message.received_at))),
  make("span", { class: "second" },
    make("bdi", { class: "to" }, `to ${line(message.to || message.rcpt_tos.join(", ") || "nobody")}`),
    make("span", { class: "marks" },
      message.problems > 0 && make("span", { class: "mark-count", title: plural(message.problems, "problem") }, icon("alert", plural(message.problems, "problem")), make("span", { "aria-hidden": "true" }, String(message.problems))),
      message.attachments > 0 && icon("clip", plural(message.attachments, "attachment")),
      message.violated && make("span", { class: "tag bad", title: "violates the policy" }, "policy"),
      message.signed && icon("seal", "S/MIME signed"),
      message.encrypted && icon("key", "S/MIME encrypted"),
      message.tls_version ? icon("lock", message.tls_version) : make("span", { class: "tag bad" }, icon("open"), "cleartext"))),
];

const connectionRow = ({ connection }) => [
  icon("plug"),
  make("span", { class: "words" },
    make("span", { class: "subject" }, connection.handshake_error ? "Handshake failed" : "Connection without mail"),
    make("bdi", { class: "to" }, connectionWords(connection))),
];

const ROWS = { test: testRow, message: messageRow, connection: connectionRow };

const makeList = (box, runway, onSelect) => {
  let shown = [];
  let tops = [0];
  let selected = null;
  const drawn = new Map();

  const at = (y) => {
    let [low, high] = [0, shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const row = (place) => {
    const item = shown[place];
    const violated = item.type === "message" && item.message.violated;
    const element = make("div", {
      class: `row ${item.type}${violated ? " violated" : ""}`, role: "option", id: `row-${item.id}`, tabindex: "-1",
      "aria-setsize": shown.length, "aria-posinset": place + 1, "aria-selected": String(item.id === selected),
      on: { click: () => choose(place, true) },
    }, ROWS[item.type](item));
    element.style.top = `${tops[place]}px`;
    element.style.height = `${HEIGHTS[item.type]}px`;
    return element;
  };
  const draw = () => {
    const first = Math.max(0, at(box.scrollTop - 300));
    const last = Math.min(shown.length, at(box.scrollTop + box.clientHeight + 300) + 1);
    for (const [place, element] of drawn) {
      if (place < first || place >= last) {
        element.remove();
        drawn.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (!drawn.has(place)) {
        drawn.set(place, row(place));
        runway.append(drawn.get(place));
      }
    }
  };
  const redraw = () => {
    drawn.clear();
    runway.replaceChildren();
    draw();
  };
  const mark = () => {
    for (const [place, element] of drawn) element.setAttribute("aria-selected", String(shown[place].id === selected));
    if (selected && shown.some((item) => item.id === selected)) box.setAttribute("aria-activedescendant", `row-${selected}`);
    else box.removeAttribute("aria-activedescendant");
  };
  const reveal = (place) => {
    const [top, bottom] = [tops[place], tops[place + 1]];
    if (top < box.scrollTop) box.scrollTop = place && shown[place - 1].type === "test" ? tops[place - 1] : top;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
    draw();
  };
  const choose = (place, opened = false) => {
    if (!shown[place]) return;
    selected = shown[place].id;
    reveal(place);
    mark();
    onSelect(shown[place], opened);
  };
  const place = () => shown.findIndex((item) => item.id === selected);
  const move = (by) => choose(Math.min(shown.length - 1, Math.max(0, place() + by)));
  const show = (items) => {
    shown = items;
    tops = [0];
    for (const item of items) tops.push(tops.at(-1) + HEIGHTS[item.type]);
    runway.style.height = `${tops.at(-1)}px`;
    box.scrollTop = 0;
    redraw();
    if (place() >= 0) reveal(place());
    mark();
  };
  box.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(box);
  return {
    show, move, chooseId: (id) => choose(shown.findIndex((item) => item.id === id)),
    first: () => choose(0), last: () => choose(shown.length - 1), page: (by) => move(by * Math.max(1, Math.floor(box.clientHeight / 60))),
    has: (id) => shown.some((item) => item.id === id), open: () => place() >= 0 && onSelect(shown[place()], true),
    get selected() { return selected; },
  };
};
