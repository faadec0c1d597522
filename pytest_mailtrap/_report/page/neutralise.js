// Turns a message's HTML into a document that loads nothing, runs nothing and links to nothing.
//
// It is the innermost of three defenses. The frame has a sandbox without any permission, and the policy of this page, which
// a srcdoc document inherits in addition to its own, allows data: images and nothing else. This code removes what
// no policy covers (a preconnect, for instance), using the parser of the same browser that shows the result.

const FRAME_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

// Anything that loads, runs, navigates, or has a parser of its own.
const DROPPED = new Set(
  ("applet audio base bgsound canvas dialog embed fencedframe frame frameset iframe link math meta noembed noframes " +
    "noscript object param plaintext portal script source svg template title track video xmp").split(" "),
);
const CONTROLS = new Set(["button", "input", "select", "textarea"]);
const ATTRIBUTES = new Set(
  ("abbr align alt axis bgcolor border bordercolor cellpadding cellspacing char charoff checked class clear color cols " +
    "colspan compact dir disabled face frame headers height hidden hspace id label lang link marginheight marginwidth " +
    "leftmargin topmargin media multiple nohref noshade nowrap open placeholder readonly role rowspan rows rules scope " +
    "selected shape size span start style summary text title valign value vlink vspace width wrap").split(" "),
);
const DATA_IMAGE = /^data:image\/(png|gif|jpeg|jpg|webp)[;,]/i;
const CSS_URL = /url\(\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:[^)\\"']|\\.)*)\s*\)/gi;
const BLOCKED_IMAGE =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%"><defs><pattern id="h" width="8" height="8" ' +
      'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v8" stroke="#b9c0cc" stroke-width="2"/>' +
      '</pattern></defs><rect width="100%" height="100%" fill="#eef0f4"/><rect width="100%" height="100%" fill="url(#h)"/></svg>',
  );
const OWN_STYLE =
  "html{color:#000;color-scheme:light}body{overflow-wrap:break-word}" +
  ":where(body){font:16px/1.4 Helvetica,Arial,sans-serif}";

const neutralise = (html, images) => {
  const removed = new Map();
  const count = (what) => removed.set(what, (removed.get(what) ?? 0) + 1);
  // A document of its own, without a window: it loads nothing, and no script runs in it.
  const inner = new DOMParser().parseFromString(html, "text/html");
  const quirks = inner.compatMode === "BackCompat";
  if (inner.body?.localName !== "body") inner.documentElement.append(inner.createElement("body"));

  const image = (address) => {
    const wanted = address.trim();
    if (/^cid:/i.test(wanted)) return images.get(decoded(wanted.slice(4)))?.() ?? null;
    return DATA_IMAGE.test(wanted) ? wanted : null;
  };
  const style = (css) =>
    css
      .replace(CSS_URL, (match) => {
        const kept = image(match.replace(/^url\(\s*["']?|["']?\s*\)$/gi, ""));
        if (kept === null) count("remote styles");
        return kept === null ? "none" : `url("${kept}")`;
      })
      // An escape may have become an end tag.
      .replace(/<\//g, "<\\2f ");

  for (const node of comments(inner)) node.remove();
  for (const element of inner.querySelectorAll("*")) {
    if (!inner.contains(element)) continue;
    if (dropped(element)) {
      const what = kind(element);
      if (what) count(what);
      element.remove();
    } else if (element.localName === "style") {
      element.textContent = style(rules(element.textContent));
    } else {
      attributes(element, { image, style, count });
    }
    if (element.localName === "form") {
      count("forms");
      element.replaceWith(...element.childNodes);
    }
  }
  inner.head.prepend(
    meta(inner, "Content-Security-Policy", FRAME_POLICY),
    meta(inner, "x-dns-prefetch-control", "off"),
    Object.assign(inner.createElement("style"), { textContent: OWN_STYLE }),
  );
  return { html: (quirks ? "" : "<!doctype html>") + inner.documentElement.outerHTML, removed };
};

const dropped = (element) =>
  element.namespaceURI !== "http://www.w3.org/1999/xhtml" || DROPPED.has(element.localName);

const kind = (element) => {
  const name = element.localName;
  if (name === "script") return "scripts";
  if (name === "link") return /stylesheet/i.test(element.rel) ? "style sheets" : null;
  return { iframe: "frames", frame: "frames", object: "objects", embed: "objects", svg: "drawings", audio: "sounds", video: "videos" }[name];
};

const attributes = (element, { image, style, count }) => {
  const name = element.localName;
  const address = element.getAttribute(name === "img" ? "src" : "background");
  const href = name === "a" || name === "area" ? element.getAttribute("href") : null;
  // As the browser reads it: without escapes that would hide an address.
  const css = element.getAttribute("style") === null ? null : element.style.cssText;
  for (const attribute of [...element.attributes]) {
    const kept = ATTRIBUTES.has(attribute.name) || attribute.name.startsWith("aria-");
    if (/^on/.test(attribute.name)) count("event handlers");
    if (!kept) element.removeAttribute(attribute.name);
  }
  if (css !== null) element.setAttribute("style", style(css));
  if (CONTROLS.has(name)) element.setAttribute("disabled", "");
  if (href !== null) {
    // It looks like a link, and its title shows where it would lead.
    element.setAttribute("href", href.startsWith("#") ? href : "#");
    element.setAttribute("title", line(href));
  }
  if (address === null) return;
  const kept = image(address);
  if (kept === null) count(name === "img" ? "images" : "backgrounds");
  if (name === "img") element.setAttribute("src", kept ?? BLOCKED_IMAGE);
  else if (kept !== null) element.setAttribute("background", kept);
};

// A style sheet as the browser understands it: escapes are resolved and @import is gone.
const rules = (css) => {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return [...sheet.cssRules].filter((rule) => !(rule instanceof CSSFontFaceRule)).map((rule) => rule.cssText).join("\n");
  } catch {
    return "";
  }
};

const comments = (inner) => {
  const walker = inner.createTreeWalker(inner, NodeFilter.SHOW_COMMENT | NodeFilter.SHOW_PROCESSING_INSTRUCTION);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
};

const meta = (inner, name, content) => {
  const element = inner.createElement("meta");
  element.httpEquiv = name;
  element.content = content;
  return element;
};

const decoded = (cid) => {
  try {
    return decodeURIComponent(cid);
  } catch {
    return cid;
  }
};
