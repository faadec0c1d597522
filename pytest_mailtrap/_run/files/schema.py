"""
The schema of all files: types, no code; `_run.files.record` and `_run.mail_of_test` fill them.

`docs/json.md` describes it for users.
A key is never removed or given another meaning without a new `SCHEMA`; new keys may be added at any time.
"""

from __future__ import annotations

from typing import Literal, TypedDict

SCHEMA = "pytest-mailtrap/1"

Outcome = Literal["passed", "failed", "skipped", "error", "xfailed", "xpassed", "interrupted"]


class ClientHelloRecord(TypedDict):
    """What the client offered, most preferred first, with the names of the IANA registries."""

    versions: list[str]
    ciphers: list[str]
    groups: list[str]
    signature_algorithms: list[str]
    server_name: str | None
    alpn: list[str]


class CertificateRecord(TypedDict):
    """A certificate: names as in RFC 4514, times as in RFC 3339, the SHA-256 fingerprint in hexadecimal."""

    subject: str
    issuer: str
    not_before: str
    not_after: str
    fingerprint: str


class TransportRecord(TypedDict):
    """How it was sent; the members are those of `Transport`."""

    tls_version: str | None
    cipher: str | None
    cipher_bits: int | None
    negotiated_by: Literal["starttls", "implicit"] | None
    sni: str | None
    alpn: str | None
    session_reused: bool
    client_certificate: CertificateRecord | None
    client_hello: ClientHelloRecord | None
    peer: str  # "127.0.0.1:40312"
    ehlo: str | None
    handshake_seconds: float | None
    server_host: str | None  # the host that the client wanted to reach; None unless intercepted
    requested_port: int | None


class AuthRecord(TypedDict):
    """One AUTH exchange, without its password."""

    mechanism: str
    username: str
    encrypted: bool
    accepted: bool


class ProblemRecord(TypedDict):
    code: str
    text: str


class SignerRecord(TypedDict):
    addresses: list[str]
    certificate: CertificateRecord | None
    digest: str
    signature_algorithm: str
    signing_time: str | None
    valid: bool
    trusted: bool | None
    problems: list[ProblemRecord]


class RecipientRecord(TypedDict):
    kind: str
    algorithm: str
    addresses: list[str]
    issuer: str | None
    serial: str | None  # hexadecimal: it may be too big for a JSON number
    key_identifier: str | None


class LayerRecord(TypedDict):
    kind: str
    valid: bool | None
    algorithms: list[str]
    problems: list[ProblemRecord]
    warnings: list[ProblemRecord]


class SMIMERecord(TypedDict):
    """The members of `SMIMEFacts`, judged with the trap's CA, without keys."""

    signed: bool
    encrypted: bool
    layers: list[LayerRecord]
    signers: list[SignerRecord]
    recipients: list[RecipientRecord]
    problems: list[ProblemRecord]
    warnings: list[ProblemRecord]
    errant: list[ProblemRecord]


# "from" is a Python keyword, so that this one cannot be written as a class.
MessageRecord = TypedDict(
    "MessageRecord",
    {
        "number": int,  # from 1, in the order of acceptance within the test
        "file": str,  # in the test's directory; the exact bytes
        "size": int,
        "received_at": str,
        "mail_from": str,
        "rcpt_tos": list[str],
        "mail_options": list[str],
        "rcpt_options": list[str],
        "smtp_utf8": bool,
        "subject": str | None,
        "from": str | None,
        "to": str | None,
        "date": str | None,
        "message_id": str | None,
        "transport": TransportRecord,
        "auth": AuthRecord | None,
        "connection": int,  # its index in the test's "connections", from 0
        "transcript": list[
            str
        ],  # the opening of the connection, and what was said for this message
        "smime": SMIMERecord | None,  # None if there is no trace of S/MIME, or it was not judged
        "smime_notice": str | None,  # why S/MIME was not judged although there is a trace of it
        "exempt": str | None,  # why no policy applies to it, or None
    },
)


class ConnectionRecord(TypedDict):
    peer: str
    implicit_tls: bool
    handshake_error: str | None
    ended_by: str | None  # None while it is open
    transport: TransportRecord
    auths: list[AuthRecord]
    transcript: list[str]
    messages: list[int]  # the numbers of this test's messages that it carried
    exempt: str | None


class PolicyRecord(TypedDict):
    """What was required of the test's mail, where it was set, and why it is less than in the rest of the run."""

    mode: Literal["none", "testing", "enforce"]
    require: list[str]
    origin: str
    reason: str | None


class ViolationRecord(TypedDict):
    """A requirement that a message (given by its number) or a connection (given by its index) did not meet."""

    requirement: str
    code: str
    text: str
    message: int | None
    connection: int | None


class TestHead(TypedDict):
    """The part of a test's record that is known when its first mail arrives."""

    schema: str
    test: str  # the node id
    directory: str  # where its files are, under the directory of the run
    rerun: int  # 0 for the first run of the test, 1 if a plugin such as pytest-rerunfailures runs it again
    outcome: Outcome  # "interrupted" until the test has ended
    worker: str | None  # "gw0" under pytest-xdist
    started: str
    policy: PolicyRecord | None


class TestRecord(TestHead):
    """One run of one test that received mail, or at least a connection."""

    duration: float  # seconds, including setup and teardown
    violations: list[ViolationRecord]
    messages: list[MessageRecord]
    connections: list[ConnectionRecord]
