// Words and numbers for people. Nothing here creates HTML.

// Control characters, and those that reorder or hide text, are shown as escapes. Joiners of emoji and scripts are left alone.
const DECEPTIVE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

const escapeOf = (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;

// Text of several lines, safe to put in the page.
const visible = (text) => String(text ?? "").replace(DECEPTIVE, escapeOf);

// The same for one line.
const line = (text, longest = 300) => {
  const whole = visible(text).replace(/[\t\n]/g, (c) => (c === "\t" ? " " : escapeOf(c)));
  return whole.length > longest ? `${whole.slice(0, longest)}…` : whole;
};

const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const bytes = (size) => {
  if (size < 1000) return `${size} B`;
  if (size < 1e6) return `${(size / 1e3).toFixed(size < 1e4 ? 1 : 0)} kB`;
  return `${(size / 1e6).toFixed(1)} MB`;
};

const moment = (iso) => {
  const date = new Date(iso ?? NaN);
  if (Number.isNaN(date.getTime())) return line(iso);
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
};

const clock = (iso) => {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
};

const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`);

// "tests/test_a.py::TestB::test_c[x::y]" is "test_c[x::y]" in "tests/test_a.py › TestB".
const testName = (nodeid) => {
  const [, path, parameters] = /^([^[]*)([^]*)$/.exec(String(nodeid ?? ""));
  const parts = path.split("::");
  const name = parts.pop() + parameters;
  return { name, place: parts.join(" › ") };
};

const day = (iso) => {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? null : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
};

// A name for the `download` attribute: without a path or other tricks, and never empty.
const fileName = (name, fallback) => {
  const clean = String(name ?? "")
    .replace(DECEPTIVE, "")
    .replace(/[\u0000-\u001f\\/:*?"<>|\u200c\u200d]/g, "_")
    .replace(/^[\s.]+|[\s.]+$/g, "")
    .slice(-100);
  const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(clean);
  return clean && !reserved ? clean : fallback;
};
