// The content of each tab for one message.

const bodyText = (data, part) => text(body(data.opened ?? data.source, part), part.charset);

const htmlTab = (data, part, state) => {
  const images = inlineImages(data.opened ?? data.source, data.parts);
  const safe = neutralise(bodyText(data, part), images);
  const frame = make("iframe", { sandbox: "", referrerpolicy: "no-referrer", title: "The message as its recipient sees it", class: "frame" });
  frame.srcdoc = safe.html;
  const stage = make("div", { class: "stage" }, frame);
  const widths = [["desktop", "Desktop"], ["phone", "Phone"]].map(([id, label]) =>
    make("button", { type: "button", "data-width": id, on: { click: () => set(id) } }, label));
  const set = (id) => {
    state.width = id;
    stage.dataset.width = id;
    widths.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.width === id)));
  };
  set(state.width);
  const removed = [...safe.removed].map(([what, count]) => `${count} ${count === 1 ? what.replace(/s$/, "") : what}`);
  return [
    make("div", { class: "bar" },
      make("div", { class: "segments", role: "group", "aria-label": "Width" }, widths),
      make("span", { class: "muted" }, removed.length ? `Removed: ${removed.join(", ")}` : "Nothing had to be removed")),
    stage,
  ];
};

const lines = (text) => visible(text.replace(/\r\n/g, "\n"));

const textTab = (data, part) => make("pre", { class: "text" }, lines(bodyText(data, part)));

const headersTab = (data) =>
  make("table", { class: "headers" }, make("tbody", {}, data.headers.map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row" }, line(name, 100)), make("td", {}, make("bdi", {}, visible(value)))))));

const attachmentName = (part) => fileName(part.name, `part-${part.number || "0"}.bin`);

const downloadButton = (data, part) =>
  part.complete
    ? make("button", {
        type: "button", class: "download", on: { click: () => offer(body(data.opened ?? data.source, part), attachmentName(part)) },
      }, icon("download"), "Download")
    : make("span", { class: "muted" }, "too large for the report");

const structureTab = (data) =>
  make("table", { class: "structure" },
    make("thead", {}, make("tr", {}, ["Part", "Type", "Name", "Encoding", "Size", ""].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, data.parts.map((part) => {
      const type = make("span", { class: "type" }, line(part.type, 80), part.charset ? make("span", { class: "muted" }, ` ${line(part.charset, 40)}`) : null);
      type.style.paddingInlineStart = `${part.depth * 18}px`;
      return make("tr", {},
        make("td", { class: "muted" }, part.number || "·"),
        make("td", {}, type, part.shown ? badge("plain", null, part.shown === "html" ? "HTML" : "text") : null),
        make("td", {}, make("bdi", {}, line(part.name ?? "", 120)), part.cid ? make("span", { class: "muted" }, ` cid:${line(part.cid, 80)}`) : null),
        make("td", { class: "muted" }, [line(part.encoding, 30), part.disposition].filter(Boolean).join(", ")),
        make("td", { class: "number" }, bytes(part.end - part.start)),
        make("td", {}, part.type.startsWith("multipart/") ? null : downloadButton(data, part)));
    })));

const CODE_WORDS = {
  "link-http": "not encrypted", "link-other-host": "shows another host", "link-relative": "relative", "link-scheme": "not a web link",
  "link-local": "local host", "link-ip-address": "IP address", "link-idn": "not ASCII", "link-userinfo": "contains a user name", "link-unreadable": "not a URL",
};

const checksTab = (data) => {
  const order = { problem: 0, hint: 1 };
  const found = [...data.findings].sort((one, other) => order[one.level] - order[other.level]);
  const list = found.length
    ? make("ul", { class: "findings" }, found.map((finding) =>
        make("li", { class: finding.level }, make("span", { class: "level" }, finding.level), make("div", {},
          make("p", {}, finding.text, finding.about ? make("bdi", { class: "words-of" }, line(finding.about, 300)) : null),
          make("p", { class: "about" }, make("code", {}, finding.code), finding.reference ? ` · ${finding.reference}` : null)))))
    : note("ok", "No remarks on the content of this message.");
  const links = data.links.filter(({ kind }) => kind === "link");
  const loads = data.links.filter(({ kind }) => kind === "loads");
  return [
    list,
    links.length ? section(plural(links.length, "link"), make("table", { class: "links" }, make("tbody", {}, links.map((link) => make("tr", {},
      make("td", {}, make("bdi", {}, line(link.text, 120) || "—")),
      make("td", {}, make("code", {}, make("bdi", {}, line(link.url, 400))), link.codes.map((code) => badge("warn", null, CODE_WORDS[code] ?? code)))))))) : null,
    loads.length ? section("Would be loaded from a server", make("ul", { class: "plain" }, loads.map(({ url }) => make("li", {}, make("code", {}, line(url, 400)))))) : null,
  ];
};

const certificate = (known) => known && `${known.subject}, issued by ${known.issuer}, until ${moment(known.not_after)}`;

const offered = (hello) => {
  const rows = [["Versions", hello.versions], ["Cipher suites", hello.ciphers], ["Groups", hello.groups], ["Signatures", hello.signature_algorithms], ["ALPN", hello.alpn]];
  return make("details", {}, make("summary", {}, "What the client offered (ClientHello)"),
    facts(rows.map(([name, values]) => [name, (values ?? []).join(", ")])));
};

const authWords = (auth) =>
  `${auth.mechanism} as ${auth.username || "no user"}, ${auth.encrypted ? "inside TLS" : "in cleartext"}, ${auth.accepted ? "accepted" : "refused"}`;

// The client's commands, separated by whether they were inside TLS.
const insideTls = (transcript, implicit) => {
  const start = transcript.findIndex((entry) => /^-- TLSv|^-- SSLv/.test(entry));
  const verbs = (lines) => [...new Set(lines.filter((entry) => entry.startsWith("C: ")).map((entry) => entry.slice(3).split(/[ :]/)[0].toUpperCase()))].join(", ");
  if (start < 0) return { inside: "nothing", outside: verbs(transcript) || "nothing" };
  return { inside: verbs(transcript.slice(start)) || "nothing", outside: implicit ? "nothing" : verbs(transcript.slice(0, start)) || "nothing" };
};

const HOW = { starttls: "STARTTLS", implicit: "implicit TLS" };

const transportFacts = (transport, transcript, implicit, failed) => {
  const { inside, outside } = insideTls(transcript, implicit);
  return [
    section("Encryption", facts([
      ["TLS", transport.tls_version ?? (failed ? "none: the handshake failed" : "none: everything was sent in cleartext")],
      ["Negotiated by", HOW[transport.negotiated_by]],
      ["Cipher", transport.cipher && `${transport.cipher}, ${transport.cipher_bits} bits`],
      ["Server name (SNI)", transport.sni ?? (transport.tls_version ? "none" : null)],
      ["Client certificate", certificate(transport.client_certificate) ?? (transport.tls_version ? "none" : null)],
      ["ALPN", transport.alpn],
      ["Handshake", typeof transport.handshake_seconds === "number" && `${duration(transport.handshake_seconds)}${transport.session_reused ? ", session resumed" : ""}`],
      ["Inside TLS", inside],
      ["In cleartext", outside],
    ])),
    section("Client", facts([
      ["Intended for", transport.server_host && `${transport.server_host}:${transport.requested_port ?? "?"}`],
      ["From", transport.peer],
      ["EHLO", transport.ehlo],
    ])),
  ];
};

const connectionTab = ({ message, connection }) => [
  transportFacts(message.transport ?? {}, message.transcript ?? [], connection.implicit_tls),
  section("Login", facts([["AUTH", message.auth ? authWords(message.auth) : "none"]])),
  section("Envelope", facts([
    ["MAIL FROM", `<${message.mail_from ?? ""}> ${(message.mail_options ?? []).join(" ")}`],
    ["RCPT TO", make("span", {}, (message.rcpt_tos ?? []).map((to) => make("span", { class: "address" }, make("bdi", {}, `<${line(to)}>`))))],
    ["RCPT options", (message.rcpt_options ?? []).join(" ")],
    ["SMTPUTF8", message.smtp_utf8 ? "yes" : null],
  ])),
  section("End", facts([["Ended by", connection.ended_by ?? "still open"]])),
  message.transport?.client_hello ? offered(message.transport.client_hello) : null,
].flat();

const transcriptTab = (transcript, implicit) => {
  let inside = false;
  const rows = transcript.map((entry) => {
    inside ||= /^-- TLSv|^-- SSLv/.test(entry);
    const kind = { "C:": "client", "S:": "server" }[entry.slice(0, 2)] ?? "event";
    const said = kind === "event" ? entry.replace(/^-- /, "") : entry.slice(3);
    return make("tr", { class: `${kind}${inside ? " inside" : ""}` },
      make("td", {}, kind === "event" ? "" : entry.slice(0, 2)), make("td", {}, line(said, 2000)));
  });
  return [
    make("p", { class: "muted legend" }, ...(inside ? [make("span", { class: "swatch" }), implicit ? "inside TLS from the first byte" : "inside TLS"] : ["Nothing was inside TLS"]), ". Secrets are redacted."),
    make("table", { class: "transcript" }, make("tbody", {}, rows)),
  ];
};

const problemList = (problems, level) =>
  make("ul", { class: "findings" }, problems.map((problem) =>
    make("li", { class: level }, make("span", { class: "level" }, level), make("div", {}, make("p", {}, visible(problem.text)), make("p", { class: "about" }, make("code", {}, line(problem.code)))))));

const yes = (value, words) => (value === null || value === undefined ? `${words[2]}` : value ? words[0] : words[1]);

const smimeTab = ({ message }) => {
  const { smime, smime_notice: notice } = message;
  if (notice) return note("warn", icon("alert"), `There may be a signature or encryption, ${line(notice, 200)}.`);
  if (!smime) return note("", "Neither signed nor encrypted with S/MIME.");
  const verdict = smime.signed ? note("ok", icon("seal"), "Validly signed: every check passed.") : smime.encrypted
    ? note("ok", icon("key"), "Encrypted. No key was given, so the content is not shown.")
    : note("bad", icon("alert"), "Not validly signed, and not encrypted.");
  return [
    verdict,
    smime.problems.length ? problemList(smime.problems, "problem") : null,
    smime.errant?.length ? problemList(smime.errant, "problem") : null,
    smime.warnings.length ? problemList(smime.warnings, "hint") : null,
    ...smime.signers.map((signer) => section("Signer", facts([
      ["Addresses", signer.addresses.join(", ") || "none"],
      ["Signature", `${signer.signature_algorithm}, ${signer.digest}: ${yes(signer.valid, ["valid", "not valid", "unknown"])}`],
      ["Certificate", signer.certificate && `${signer.certificate.subject}, issued by ${signer.certificate.issuer}`],
      ["Valid until", signer.certificate && moment(signer.certificate.not_after)],
      ["SHA-256 fingerprint", signer.certificate && make("code", {}, line(signer.certificate.fingerprint.match(/.{1,4}/g)?.join(" ")))],
      ["Trusted", yes(signer.trusted, ["yes, it leads to the trap's CA", "no", "not checked"])],
      ["Claimed time", signer.signing_time && moment(signer.signing_time)],
    ]))),
    ...smime.recipients.map((recipient) => section("Recipient", facts([
      ["Addresses", recipient.addresses.join(", ") || "unknown: no certificate matches"],
      ["Algorithm", recipient.algorithm],
      ["Issuer", recipient.issuer],
      ["Serial", recipient.serial],
    ]))),
    section("Layers, from the outside in", make("ol", { class: "plain" }, smime.layers.map((layer) =>
      make("li", {}, `${line(layer.kind)}${layer.valid === null ? "" : layer.valid ? ", valid" : ", not valid"} `, make("span", { class: "muted" }, line(layer.algorithms.join(", "))))))),
  ];
};

const sourceTab = (data, name) => {
  const complete = data.source.length === data.message.size;
  return [
    make("div", { class: "bar" },
      make("button", { type: "button", class: "download", on: { click: () => offer(data.source, name) } }, icon("download"), complete ? "Download .eml" : "Download this part"),
      make("span", { class: "muted" }, `${bytes(data.source.length)}${complete ? ", the exact bytes" : ` of ${bytes(data.message.size ?? 0)}`}`)),
    make("pre", { class: "source" }, lines(text(data.source, "utf-8"))),
  ];
};
