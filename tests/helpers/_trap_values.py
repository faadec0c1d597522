"""Connections and messages as values, made without any I/O."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from pytest_mailtrap._facts.client_hello import ClientHello
from pytest_mailtrap._facts.connection import Connection
from pytest_mailtrap._facts.connection_facts import Facts
from pytest_mailtrap._facts.transport import Auth, Transport
from pytest_mailtrap._message.captured_message import CapturedMessage
from pytest_mailtrap._smime.issue.certificate_store import CertificateStore

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)


def hello(*versions: str) -> ClientHello:
    values: dict[str, Any] = {
        field.name: () if "tuple" in str(field.type) else None
        for field in dataclasses.fields(ClientHello)
    }
    return ClientHello(**{**values, "versions": versions})


def transport(version: str | None = None, by: str | None = None, **facts: Any) -> Transport:
    """A Transport with TLS *version*, negotiated by STARTTLS unless specified otherwise."""
    values: dict[str, Any] = {
        "cipher": None,
        "cipher_bits": None,
        "sni": None,
        "alpn": None,
        "session_reused": False,
        "client_certificate": None,
        "client_hello": None,
        "peer": ("127.0.0.1", 50000),
        "ehlo": "client",
        "handshake_seconds": None,
    }
    negotiated_by = by or ("starttls" if version else None)
    return Transport(tls_version=version, negotiated_by=negotiated_by, **{**values, **facts})


def auth(username: str = "shop", mechanism: str = "PLAIN", **facts: Any) -> Auth:
    values: dict[str, Any] = {"password": "hunter2", "encrypted": True, "accepted": True}
    return Auth(username=username, mechanism=mechanism, **{**values, **facts})


def connection(
    *lines: str, ended_by: str | None = "quit", implicit: bool = False, **facts: Any
) -> Connection:
    """A connection whose transcript has *lines*: "C: ..." or "S: ...", prefixed with "+" inside TLS."""
    made = Facts()
    made.clients = facts.pop("clients", ())
    made.ended_by = ended_by  # type: ignore[assignment]  # any of its words
    way = facts.pop("transport", None) or transport()
    made.record(**{f.name: getattr(way, f.name) for f in dataclasses.fields(way)})
    for name in ("handshake_error", "trusted"):
        if name in facts:
            setattr(made, name, facts.pop(name))
    for line in lines:
        made.recorder.encrypted = line.startswith("+")
        speaker, _, text = line.removeprefix("+").partition(": ")
        (made.recorder.client if speaker == "C" else made.recorder.server)(text.encode())
    result = Connection(implicit_tls=implicit, facts=made, settle=lambda: None)
    result.auths = facts.pop("auths", ())
    assert not facts, facts
    return result


def message(
    how: Transport | None = None,
    *lines: str,
    subject: str = "Hello",
    to: tuple[str, ...] = ("bob@example.org",),
    auth: Auth | None = None,
    attempts: tuple[Auth, ...] | None = None,
) -> CapturedMessage:
    """A message that arrived by *how*, with the transcript *lines*."""
    how = how or transport()
    auths = attempts if attempts is not None else (auth,) if auth else ()
    carrier = connection(*lines, transport=how, auths=auths)
    return CapturedMessage(
        mail_from="a@example.org",
        rcpt_tos=to,
        mail_options=(),
        rcpt_options=(),
        smtp_utf8=False,
        raw=f"Subject: {subject}\r\n\r\n".encode(),
        transport=how,
        auth=auth,
        connection=carrier,
        transcript=carrier.transcript,
        received_at=NOON,
        _certificates=CertificateStore(None),  # type: ignore[arg-type]  # no S/MIME here
    )
