"""docs/json.md describes each key of the schema with its type, and the JSON that is written conforms to it."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from _optional_parts import skip_without_smime
from test_reference import names, table

from pytest_mailtrap._run.files import schema

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
RECORDS = [kind for name, kind in vars(schema).items() if name.endswith("Record")]
PLAIN = {str: "text", int: "integer", float: "number", bool: "boolean"}


def heading(kind: type) -> str:
    return kind.__name__.removesuffix("Record")


def words(hint: Any) -> str:
    """A type as the page spells it."""
    arguments = get_args(hint)
    if hint is type(None):
        return "null"
    if get_origin(hint) is Literal:
        *first, last = (f"`{value}`" for value in arguments)
        return f"{', '.join(first)} or {last}"
    if get_origin(hint) is list:
        return f"list of {words(arguments[0])}"
    if get_origin(hint) in (types.UnionType, Union):
        return " or ".join(map(words, arguments))
    return PLAIN.get(hint) or f"[{heading(hint)}](#{heading(hint).lower()})"


def told(kind: type) -> dict[str, str]:
    """The keys and types on the page; a cell with several types has one for each key."""
    found = {}
    for keys, cell, _ in table(PAGE, heading(kind)):
        several = names(keys)
        each = cell.split(", ")
        each = each if len(each) == len(several) else [cell] * len(several)
        found |= dict(zip(several, each, strict=True))
    return found


def objections(value: Any, hint: Any, place: str = "$") -> list[str]:
    """The places where *value*, read from JSON, does not match the schema."""
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        if not isinstance(value, dict) or value.keys() != hints.keys():
            return [f"{place}: not the keys of {hint.__name__}"]
        return [
            o for key, kind in hints.items() for o in objections(value[key], kind, f"{place}.{key}")
        ]
    if get_origin(hint) is list:
        if not isinstance(value, list):
            return [f"{place}: no list"]
        return [o for item in value for o in objections(item, get_args(hint)[0], f"{place}[]")]
    if get_origin(hint) in (types.UnionType, Union):
        every = [objections(value, kind, place) for kind in get_args(hint)]
        return [] if [] in every else min(every, key=len)
    if get_origin(hint) is Literal:
        return [] if value in get_args(hint) else [f"{place}: {value!r}"]
    return [] if type(value) is hint else [f"{place}: {value!r} is no {hint.__name__}"]


@pytest.mark.parametrize("kind", RECORDS, ids=heading)
def test_every_key_is_described_with_its_type(kind: type) -> None:
    """No schema key is missing from the page, the page has no extra keys, and each key has its type."""
    assert told(kind) == {key: words(hint) for key, hint in get_type_hints(kind).items()}


def test_the_page_names_the_schema() -> None:
    """The version on the page is the one in the code."""
    assert f"`schema` is `{schema.SCHEMA}`." in PAGE


SUITE = r"""
import contextlib, smtplib, ssl, pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

HEAD = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n"
PART = b"Content-Type: text/plain\r\n\r\nHello\r\n"

@pytest.mark.mailtrap(client_certificates="request", policy="testing", require=["tls", "smime-signed", "auth-over-tls"])
def test_much(mailtrap, mailtrap_ca):
    me = mailtrap.smime_identity("a@example.org")
    you = mailtrap.smime_identity("b@example.org", key="rsa-2048")
    sign = pkcs7.PKCS7SignatureBuilder().set_data(PART).add_signer(me.certificate, me.private_key, SHA256())
    seal = pkcs7.PKCS7EnvelopeBuilder().set_data(PART).add_recipient(you.certificate)
    mails = [
        HEAD + sign.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature]),
        b"\r\n".join((HEAD + seal.encrypt(Encoding.SMIME, [])).splitlines()) + b"\r\n",
        HEAD + PART,
    ]
    context = ssl.create_default_context(cafile=mailtrap.ca_file)
    mailtrap_ca.issue_cert("client@example.org").configure_cert(context)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=context)
        client.login(mailtrap.username, mailtrap.password)
        for mail in mails:
            client.sendmail("a@example.org", ["b@example.org"], mail)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.docmd("AUTH PLAIN AGJvYgBodW50ZXIy")
        client.sendmail("a@example.org", ["b@example.org"], PART)
    with contextlib.suppress(ssl.SSLError):
        smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, timeout=10, context=ssl.create_default_context())
"""


@pytest.fixture(scope="module")
def written() -> list[str]:
    """What the first test wrote, shared with the others, because pytester is limited to a single test."""
    return []


@pytest.fixture
def record(pytester: pytest.Pytester, written: list[str]) -> Any:
    """The JSON written for a test that has everything a record can hold."""
    skip_without_smime()
    if not written:
        pytester.makepyfile(SUITE)
        options = ["-p", "no:randomly", "-p", "no:cacheprovider", "--mailtrap-save=mail"]
        pytester.runpytest_inprocess(*options).assert_outcomes(passed=1)
        [path] = pytester.path.glob("mail/*/mail.json")
        written.append(path.read_text(encoding="utf-8"))
    return json.loads(written[0])


def test_what_is_written_conforms(record: Any) -> None:
    """Each key is present and holds what the schema says; the record has an example of every kind."""
    assert objections(record, schema.TestRecord) == []
    signed, encrypted, plain, bare = record["messages"]
    assert signed["smime"]["signers"][0]["certificate"]["issuer"]
    assert encrypted["smime"]["recipients"][0]["addresses"] == ["b@example.org"]
    assert encrypted["smime"]["layers"][0]["kind"] == "enveloped"
    assert plain["smime"] is None
    assert plain["transport"]["client_certificate"]["fingerprint"]
    assert plain["transport"]["client_hello"]["versions"]
    assert bare["transport"]["client_hello"] is None
    assert record["policy"]["mode"] == "testing"
    assert {found["code"] for found in record["violations"]} == {
        "cleartext",
        "closed",
        "not-signed",
        "password-in-cleartext",
    }
    assert record["connections"][2]["handshake_error"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("messages", 0, "size"), "12"),
        (("messages", 0, "transport", "negotiated_by"), "ssl"),
        (("messages", 0, "smime", "layers", 0, "valid"), 1),
        (("connections", 0, "password"), "hunter2"),
        (("outcome",), None),
    ],
)
def test_what_does_not_conform_is_found(record: Any, place: tuple[Any, ...], value: Any) -> None:
    """The negative control: one value of another type, or one extra key."""
    *way, last = place
    inside = record
    for step in way:
        inside = inside[step]
    inside[last] = value
    assert len(objections(record, schema.TestRecord)) == 1
