"""
The records of messages and connections: their facts, as defined in `_run.files.schema`.

It judges nothing, and writes no files: `_run.files.run_files` does.

Rules of this file: pure, values in, dictionaries out; it never receives a password or a key; no message makes it raise;
every text can be encoded as UTF-8.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pytest_mailtrap._facts.certificates import as_der, validity
from pytest_mailtrap._system import clock
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cryptography import x509

    from pytest_mailtrap._facts.client_hello import ClientHello
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._facts.transcript import Line, Transcript
    from pytest_mailtrap._facts.transport import Auth, Transport
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._run.files.schema import (
        AuthRecord,
        CertificateRecord,
        ClientHelloRecord,
        ConnectionRecord,
        LayerRecord,
        MessageRecord,
        ProblemRecord,
        RecipientRecord,
        SignerRecord,
        SMIMERecord,
        TransportRecord,
    )
    from pytest_mailtrap._smime.facts import Layer, Recipient, Signer, SMIMEFacts
    from pytest_mailtrap._smime.problems import Problem

# On a connection with thousands of messages, the same lines recur thousands of times.
_LONGEST_TRANSCRIPT = 400
_SURROGATES = re.compile("[\ud800-\udfff]")
_SHOWN = frozenset({"subject", "from", "to", "date", "message-id"})
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_LONGEST_HEAD = 1 << 18
_LONGEST_VALUE = 2000


def message_record(
    message: CapturedMessage,
    *,
    number: int,
    connection: int,
    smime: SMIMERecord | None = None,
    smime_notice: str | None = None,
    exempt: str | None = None,
) -> MessageRecord:
    """The facts of a message; *connection* is the index of its connection in the test's list."""
    headers = _headers(message.raw)
    return {
        "number": number,
        "file": message_file(number),
        "size": len(message.raw),
        "received_at": _time(message.received_at),
        "mail_from": _text(message.mail_from),
        "rcpt_tos": [_text(address) for address in message.rcpt_tos],
        "mail_options": [_text(option) for option in message.mail_options],
        "rcpt_options": [_text(option) for option in message.rcpt_options],
        "smtp_utf8": message.smtp_utf8,
        "subject": headers.get("subject"),
        "from": headers.get("from"),
        "to": headers.get("to"),
        "date": headers.get("date"),
        "message_id": headers.get("message-id"),
        "transport": transport_record(message.transport),
        "auth": None if message.auth is None else auth_record(message.auth),
        "connection": connection,
        "transcript": message_lines(message.transcript),
        "smime": smime,
        "smime_notice": smime_notice,
        "exempt": exempt,
    }


def message_file(number: int) -> str:
    """The name of a message's file, which nothing in the message can influence."""
    return f"{number:04}.eml"


def connection_record(
    connection: Connection, *, messages: Iterable[int] = (), exempt: str | None = None
) -> ConnectionRecord:
    """The facts of a connection as they are now; *messages* are the numbers of those that it carried."""
    error, ended_by = connection.handshake_error, connection.ended_by
    return {
        "peer": _peer(connection.peer),
        "implicit_tls": connection.implicit_tls,
        "handshake_error": None if error is None else _text(error),
        "ended_by": ended_by,
        "transport": transport_record(connection.transport),
        "auths": [auth_record(auth) for auth in connection.auths],
        "transcript": connection_lines(connection.transcript),
        "messages": list(messages),
        "exempt": exempt,
    }


def transport_record(transport: Transport) -> TransportRecord:
    certificate, hello = transport.client_certificate, transport.client_hello
    return {
        "tls_version": transport.tls_version,
        "cipher": transport.cipher,
        "cipher_bits": transport.cipher_bits,
        "negotiated_by": transport.negotiated_by,
        "sni": None if transport.sni is None else _text(transport.sni),
        "alpn": transport.alpn,
        "session_reused": transport.session_reused,
        "client_certificate": None if certificate is None else certificate_record(certificate),
        "client_hello": None if hello is None else _client_hello_record(hello),
        "peer": _peer(transport.peer),
        "ehlo": None if transport.ehlo is None else _text(transport.ehlo),
        "handshake_seconds": transport.handshake_seconds,
        "server_host": transport.server_host,
        "requested_port": transport.requested_port,
    }


def auth_record(auth: Auth) -> AuthRecord:
    return {
        "mechanism": _text(auth.mechanism),
        "username": _text(auth.username),
        "encrypted": auth.encrypted,
        "accepted": auth.accepted,
    }


def certificate_record(certificate: x509.Certificate) -> CertificateRecord:
    first, last = validity(certificate)
    return {
        "subject": _name(lambda: certificate.subject),
        "issuer": _name(lambda: certificate.issuer),
        "not_before": _time(first),
        "not_after": _time(last),
        "fingerprint": hashlib.sha256(as_der(certificate)).hexdigest(),
    }


def smime_record(facts: SMIMEFacts) -> SMIMERecord:
    return {
        "signed": facts.signed,
        "encrypted": facts.encrypted,
        "layers": [_layer_record(layer) for layer in facts.layers],
        "signers": [_signer_record(signer) for signer in facts.signers],
        "recipients": [_recipient_record(recipient) for recipient in facts.recipients],
        "problems": _problem_records(facts.problems),
        "warnings": _problem_records(facts.warnings),
        "errant": _problem_records(facts.errant),
    }


def message_lines(transcript: Transcript) -> list[str]:
    """The opening of the connection, followed by the lines that belong to the last message in *transcript*."""
    # Thousands of messages may share a connection: do not walk through all of its lines for each of them.
    length = len(transcript)
    own = length
    ends = 0
    while own > 0 and length - own < _LONGEST_TRANSCRIPT:
        line = transcript[own - 1]
        ends += line.speaker == "-" and line.text.startswith("message data, ")
        if ends == 2:
            own += 1  # the reply to the previous message
            break
        own -= 1
    opening = 0
    while opening < min(own, _LONGEST_TRANSCRIPT) and not _is_mail(transcript[opening]):
        opening += 1
    own = max(own, opening)
    return [
        *map(str, transcript[:opening]),
        *_left_out(own - opening),
        *map(str, transcript[own:]),
    ]


def connection_lines(transcript: Transcript) -> list[str]:
    """All lines of a connection; if there are very many, without those in the middle."""
    surplus = len(transcript) - _LONGEST_TRANSCRIPT
    if surplus <= 0:
        return list(map(str, transcript))
    half = _LONGEST_TRANSCRIPT // 2
    return [
        *map(str, transcript[:half]),
        *_left_out(surplus),
        *map(str, transcript[-half:]),
    ]


def _is_mail(line: Line) -> bool:
    return line.speaker == "C" and line.text[:5].upper() == "MAIL "


def _left_out(count: int) -> list[str]:
    return [f"-- {plural(count, 'line')} left out"] if count > 0 else []


def now() -> str:
    return _time(clock.now())


def _layer_record(layer: Layer) -> LayerRecord:
    return {
        "kind": layer.kind,
        "valid": layer.valid,
        "algorithms": [_text(name) for name in layer.algorithms],
        "problems": _problem_records(layer.problems),
        "warnings": _problem_records(layer.warnings),
    }


def _signer_record(signer: Signer) -> SignerRecord:
    certificate, claimed = signer.certificate, signer.signing_time
    return {
        "addresses": [_text(address) for address in signer.addresses],
        "certificate": None if certificate is None else certificate_record(certificate),
        "digest": signer.digest,
        "signature_algorithm": signer.signature_algorithm,
        "signing_time": None if claimed is None else _time(claimed),
        "valid": signer.valid,
        "trusted": signer.trusted,
        "problems": _problem_records(signer.problems),
    }


def _recipient_record(recipient: Recipient) -> RecipientRecord:
    return {
        "kind": recipient.kind,
        "algorithm": _text(recipient.algorithm),
        "addresses": [_text(address) for address in recipient.addresses],
        "issuer": None if recipient.issuer is None else _text(recipient.issuer),
        "serial": None if recipient.serial is None else f"{recipient.serial:x}",
        "key_identifier": None
        if recipient.key_identifier is None
        else recipient.key_identifier.hex(),
    }


def _problem_records(problems: Sequence[Problem]) -> list[ProblemRecord]:
    return [{"code": found.code, "text": _text(found.text)} for found in problems]


def _client_hello_record(hello: ClientHello) -> ClientHelloRecord:
    return {
        "versions": list(hello.versions),
        "ciphers": list(hello.ciphers),
        "groups": list(hello.groups),
        "signature_algorithms": list(hello.signature_algorithms),
        "server_name": hello.server_name,
        "alpn": list(hello.alpn),
    }


def _headers(raw: bytes) -> dict[str, str]:
    """
    The header fields that a record shows, decoded; a field that occurs twice shows both values.

    The email package takes seconds for some headers, and raises for others: this function accepts every message.
    """
    head = _FOLD.sub(b"", _HEAD_END.split(raw[:_LONGEST_HEAD], maxsplit=1)[0])
    found: dict[str, str] = {}
    for line in head.splitlines():
        name, colon, value = line.partition(b":")
        key = name.strip().lower().decode("ascii", "replace")
        if colon and key in _SHOWN:
            text = _decoded(value.strip().decode("utf-8", "replace")[:_LONGEST_VALUE])
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _decoded(value: str) -> str:
    """Decode encoded words (RFC 2047); those that cannot be decoded stay as they are."""
    if "=?" not in value:
        return value
    from email.errors import MessageError
    from email.header import decode_header, make_header

    try:
        return _text(str(make_header(decode_header(value))))
    except (LookupError, ValueError, MessageError):
        return value


def _name(read: Callable[[], x509.Name]) -> str:
    try:
        return _text(read().rfc4514_string())
    except ValueError:  # a certificate need not be well-formed to be shown
        return "(unreadable)"


def _peer(peer: tuple[str, int]) -> str:
    host, port = peer
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def _text(text: str) -> str:
    """The email package represents bytes that are not UTF-8 as lone surrogates, which cannot be written to a file."""
    return _SURROGATES.sub("\ufffd", text)
