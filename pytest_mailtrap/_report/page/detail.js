// The right side: one message, one connection, or one test.

const state = { tab: "html", width: "desktop" };
let current = null; // the tab list that the number keys move in

// Long values are clamped by the style; the tabs show them completely.
const address = (label, value) => value && [make("dt", {}, label), make("dd", { class: "clamp" }, make("bdi", {}, line(value, 1000)))];

const heading = (...words) => make("h2", { class: "clamp" }, ...words);

const violationsOf = (test, key, value) => (test.violations ?? []).filter((violation) => violation[key] === value);

const policyNote = (test, violations) =>
  violations.length
    ? note("bad", icon("alert"), make("span", {},
        violations.map((violation) => make("span", { class: "violation" }, make("b", {}, line(violation.requirement ?? violation.code)), ` ${line(violation.text, 500)}`)),
        test.policy ? make("span", { class: "muted" }, ` Policy ${line(test.policy.mode)}, set by ${line(test.policy.origin)}.`) : null))
    : null;

const inTest = (group) =>
  make("p", { class: "in-test" }, make("span", { class: `dot ${OUTCOMES[group.test.outcome] ?? ""}` }), `${line(group.test.outcome, 20)} `, rerun(group.test), make("code", {}, line(group.test.test, 400)));

const badges = ({ message, findings }) => {
  const { transport = {}, auth, smime, smime_notice: notice } = message;
  return make("p", { class: "badges" },
    transport.tls_version
      ? badge("good", "lock", `${line(transport.tls_version)}${transport.negotiated_by ? `, ${HOW[transport.negotiated_by]}` : ""}`)
      : badge("bad", "open", "cleartext"),
    auth && badge(auth.encrypted ? "good" : "bad", "key", auth.encrypted ? "password inside TLS" : "password in cleartext"),
    smime?.signed && badge("good", "seal", `signed by ${line(smime.signers.flatMap((signer) => signer.addresses).join(", ") || "unknown")}`),
    smime && !smime.signed && !smime.encrypted && badge("bad", "alert", "signature not valid"),
    smime?.encrypted && badge("good", "key", "encrypted"),
    notice && badge("warn", "alert", `S/MIME ${line(notice, 80)}`),
    message.exempt && badge("plain", null, `exempt: ${line(message.exempt, 80)}`),
    findings.some(({ level }) => level === "problem") && badge("warn", "alert", plural(findings.filter(({ level }) => level === "problem").length, "problem")));
};

const attachmentStrip = (data) => {
  const attached = data.parts.filter((part) => part.attached);
  if (!attached.length) return null;
  return make("ul", { class: "attachments", "aria-label": "Attachments" }, attached.map((part) =>
    make("li", {}, icon("clip"), make("bdi", { class: "file" }, line(part.name ?? part.type, 80)),
      make("span", { class: "muted" }, bytes(part.encoding === "base64" ? Math.floor((part.end - part.start) * 0.74) : part.end - part.start)), downloadButton(data, part))));
};

const messageTabs = (data, id) => {
  const html = data.parts.find((part) => part.shown === "html");
  const plain = data.parts.find((part) => part.shown === "text");
  const problems = data.findings.filter(({ level }) => level === "problem").length;
  const { smime, smime_notice: notice } = data.message;
  const missing = (words) => note("", words);
  return [
    { id: "html", label: "HTML", disabled: !html, build: () => (html ? htmlTab(data, html, state) : missing("This message has no HTML.")) },
    { id: "text", label: "Text", disabled: !plain, build: () => (plain ? textTab(data, plain) : missing("This message has no plain text.")) },
    { id: "headers", label: "Headers", build: () => headersTab(data) },
    { id: "structure", label: "Structure", count: data.parts.length > 1 && { value: data.parts.length }, build: () => structureTab(data) },
    { id: "checks", label: "Checks", count: data.findings.length && { value: problems || data.findings.length, tone: problems ? "bad" : "" }, build: () => checksTab(data) },
    { id: "connection", label: "Connection", build: () => connectionTab(data) },
    { id: "transcript", label: "Transcript", build: () => transcriptTab(data.message.transcript ?? [], data.connection.implicit_tls) },
    { id: "smime", label: "S/MIME", disabled: !smime && !notice, count: smime?.problems.length && { value: smime.problems.length, tone: "bad" }, build: () => smimeTab(data) },
    { id: "source", label: "Source", build: () => sourceTab(data, `${id}.eml`) },
  ];
};

// The tab that was open for the last message if this one has it, else one that it has.
const chosenTab = (tabs) => {
  const wanted = tabs.find((tab) => tab.id === state.tab && !tab.disabled);
  return (wanted ?? tabs.find((tab) => !tab.disabled)).id;
};

const messageView = ({ id, group }) => {
  const data = readBlock(id);
  const { message } = data;
  const tabs = messageTabs(data, id);
  const cc = data.headers.filter(([name]) => name.toLowerCase() === "cc").map(([, value]) => value).join(", ");
  const shownTo = message.to || (cc ? null : message.rcpt_tos?.join(", "));
  const named = lower(shownTo, cc);
  const silent = (message.rcpt_tos ?? []).filter((to) => !named.includes(to.toLowerCase()));
  current = tabList(tabs, chosenTab(tabs), (tab) => { if (!tabs.find(({ id: known }) => known === tab).disabled) state.tab = tab; });
  return [
    make("header", { class: "head" },
      inTest(group),
      heading(make("bdi", {}, message.subject ? line(message.subject, 500) : "no subject")),
      policyNote(group.test, violationsOf(group.test, "message", message.number)),
      make("dl", { class: "addresses" },
        address("From", message.from || message.mail_from), address("To", shownTo), address("Cc", cc),
        silent.length ? address("Envelope only", silent.join(", ")) : null,
        address("Received", `${moment(message.received_at)}, ${bytes(message.size ?? 0)}`)),
      badges(data),
      data.notices.map((words) => note("warn", make("span", {}, visible(words)))),
      attachmentStrip(data)),
    current.bar, current.panel,
  ];
};

const connectionView = ({ connection, group }) => {
  const transport = connection.transport ?? {};
  const tabs = [
    { id: "connection", label: "Connection", build: () => [
      transportFacts(transport, connection.transcript ?? [], connection.implicit_tls, connection.handshake_error),
      section("Login", facts((connection.auths ?? []).length ? connection.auths.map((auth) => ["AUTH", authWords(auth)]) : [["AUTH", "none"]])),
      section("End", facts([["Ended by", connection.ended_by ?? "still open"], ["Port", connection.implicit_tls ? "implicit TLS" : "STARTTLS"]])),
      transport.client_hello ? offered(transport.client_hello) : null,
    ].flat().filter(Boolean) },
    { id: "transcript", label: "Transcript", build: () => transcriptTab(connection.transcript ?? [], connection.implicit_tls) },
  ];
  current = tabList(tabs, "connection", () => {});
  return [
    make("header", { class: "head" },
      inTest(group),
      heading(connection.handshake_error ? "The handshake failed" : "A connection without mail"),
      note(connection.handshake_error ? "bad" : "", icon("plug"), make("span", {}, line(connection.handshake_error ?? `It carried no message and ${connectionEnd(connection)}.`, 500))),
      policyNote(group.test, violationsOf(group.test, "connection", connection.place))),
    current.bar, current.panel,
  ];
};

const testView = ({ id, test, name }) => {
  current = null;
  const policy = test.policy;
  return [
    make("header", { class: "head" },
      make("p", { class: "in-test" }, make("span", { class: `dot ${OUTCOMES[test.outcome] ?? ""}` }), `${line(test.outcome, 20)} `, rerun(test)),
      heading(make("bdi", {}, line(name.name, 400))),
      policyNote(test, test.violations ?? [])),
    make("div", { class: "panel" },
      section("Test", facts([
        ["Node", test.test],
        ["Started", moment(test.started)],
        ["Took", typeof test.duration === "number" && duration(test.duration)],
        ["Worker", test.worker],
        ["Policy", policy && `${policy.mode}, set by ${policy.origin}${policy.reason ? `: ${policy.reason}` : ""}`],
        ["Requires", policy && (policy.require ?? []).join(", ")],
      ])),
      test.messages.length ? section(plural(test.messages.length, "message"), make("ul", { class: "plain" }, test.messages.slice(0, 200).map((message) =>
        make("li", {}, make("a", { href: `#${message.id}` }, make("bdi", {}, line(message.subject || "no subject", 120))),
          make("bdi", { class: "muted" }, ` to ${line(message.to || message.rcpt_tos.join(", ") || "nobody", 120)}`))))) : null,
      test.connections.length ? section(plural(test.connections.length, "connection without mail", "connections without mail"), make("ul", { class: "plain" }, test.connections.slice(0, 200).map((connection) =>
        make("li", {}, make("a", { href: `#${connectionId(id, connection)}` }, connectionWords(connection)))))) : null),
  ];
};

const VIEWS = { message: messageView, connection: connectionView, test: testView };
