// The bytes of a message and their meaning. A message is passed as a string in which each character is a byte.

const bytesOf = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));

const fromBase64 = (text) => {
  const clean = text.replace(/[^A-Za-z0-9+/]/g, "");
  return atob(clean.slice(0, clean.length - (clean.length % 4 === 1 ? 1 : 0)));
};

const fromQuotedPrintable = (text) =>
  text
    .replace(/[ \t]+(?=\r?\n|$)/g, "")
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

// A part's body without its transfer encoding.
const body = (source, part) => {
  const raw = source.slice(part.start, part.end);
  if (part.encoding === "base64") return fromBase64(raw);
  return part.encoding === "quoted-printable" ? fromQuotedPrintable(raw) : raw;
};

const decoderFor = (charset) => {
  try {
    return new TextDecoder(charset || "utf-8");
  } catch {
    return new TextDecoder("utf-8");
  }
};

const text = (binary, charset) => decoderFor(charset).decode(bytesOf(binary));

const IMAGES = ["image/png", "image/gif", "image/jpeg", "image/webp"];

// The inline images of a message, by Content-ID, as data: addresses.
const inlineImages = (source, parts) => {
  const found = new Map();
  for (const part of parts) {
    if (part.cid && part.complete && IMAGES.includes(part.type)) {
      found.set(part.cid, () => `data:${part.type};base64,${btoa(body(source, part))}`);
    }
  }
  return found;
};

const offer = (binary, name) => {
  // Never the sender's type, so that the browser does not open the download as a page.
  const address = URL.createObjectURL(new Blob([bytesOf(binary)], { type: "application/octet-stream" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
};
