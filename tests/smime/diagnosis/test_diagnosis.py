"""Why a signature broke: each accident is identified from nothing but the received part and the digest."""

from __future__ import annotations

import base64
import hashlib
import quopri

import pytest
from _cost import within

from pytest_mailtrap._smime.diagnosis.digest_mismatch import SENTENCES, Diagnosis, diagnose
from pytest_mailtrap._smime.diagnosis.remedies import (
    REMEDIES,
    REMEDY_OF,
    REMEDY_OF_PROBLEM,
    remedy_lines,
)
from pytest_mailtrap._smime.problems import CODES

PLAIN = (
    b'Content-Type: text/plain; charset="utf-8"\r\n'
    b"Content-Transfer-Encoding: 7bit\r\n"
    b"MIME-Version: 1.0\r\n"
    b"\r\n"
    b"Dear Alice,\r\n"
    b"From now on:\r\n"
    b".hidden\r\n"
    b"a\ttab\r\n"
    b"yours  \r\n"
    b"-- \r\n"
    b"Bob\r\n"
)
EIGHT_BIT = (
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n" + "Grüße\r\naus Köln\r\n".encode()
)
MIXED = (
    b'Content-Type: multipart/mixed; boundary="inner"\r\n'
    b"\r\n"
    b"--inner\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"See below.\r\n"
    b"--inner\r\n"
    b"Content-Type: application/pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment;\r\n"
    b' filename="a name that is so long that it does not fit into the first line.pdf"\r\n'
    b"\r\n" + base64.encodebytes(bytes(range(200))).replace(b"\n", b"\r\n") + b"--inner--\r\n"
)
PARAMETERS = (
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii; name=invoice.txt; format=flowed\r\n"
    b"\r\nInvoice 4711\r\n"
)
SENTENCE = b"Content-Description: one two three four five six seven eight\r\n\r\nInvoice 4711\r\n"
FLOWED = (
    b"Content-Type: text/plain; format=flowed\r\n"
    b"\r\n"
    + b"This paragraph is so long that \r\nits author's program \r\nbroke it softly.\r\n\r\n"
    * 40
)


def diagnosed(signed: bytes, sent: bytes, message: bytes | None = None) -> Diagnosis:
    return diagnose(sent, hashlib.sha256(signed).digest(), "sha256", message=message)


def without(part: bytes, field: bytes) -> bytes:
    assert field + b"\r\n" in part
    return part.replace(field + b"\r\n", b"", 1)


ACCIDENTS = {
    "LF signed, CRLF sent": (PLAIN.replace(b"\r\n", b"\n"), PLAIN, "signed-with-lf", None),
    "CRLF signed, LF sent": (PLAIN, PLAIN.replace(b"\r\n", b"\n"), "sent-with-lf", 1),
    "CR doubled on one line": (PLAIN, PLAIN.replace(b"on:\r\n", b"on:\r\r\n"), "cr-cr-lf", 6),
    "CR doubled on all lines": (PLAIN, PLAIN.replace(b"\r\n", b"\r\r\n"), "cr-cr-lf", 1),
    "CR CR LF signed": (PLAIN.replace(b"\r\n", b"\r\r\n"), PLAIN, "signed-with-cr-cr-lf", None),
    "lone CR became a line end": (
        PLAIN,
        PLAIN.replace(b"Alice,\r\n", b"Alice,\r"),
        "lone-cr",
        5,
    ),
    "headers not signed": (PLAIN.partition(b"\r\n\r\n")[2], PLAIN, "headers-not-signed", 1),
    "headers not signed, LF": (
        PLAIN.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n"),
        PLAIN,
        "headers-not-signed",
        1,
    ),
    "header unfolded": (
        MIXED,
        MIXED.replace(b";\r\n filename", b"; filename"),
        "header-refolded",
        10,
    ),
    "last parameter unfolded": (
        PARAMETERS.replace(b"; format", b";\r\n\tformat"),
        PARAMETERS,
        "header-refolded",
        2,
    ),
    "folded at another parameter": (
        PARAMETERS.replace(b"; name", b";\r\n name"),
        PARAMETERS.replace(b"; charset", b";\r\n charset"),
        "header-refolded",
        2,
    ),
    "one of many words unfolded": (
        SENTENCE.replace(b"six seven", b"six\r\n seven"),
        SENTENCE,
        "header-refolded",
        1,
    ),
    "unfolded in a part of the part": (
        MIXED.replace(b"attachment;\r\n filename", b"attachment; size=200;\r\n filename"),
        MIXED.replace(b"attachment;\r\n filename", b"attachment; size=200; filename"),
        "header-refolded",
        10,
    ),
    "soft breaks stripped": (
        FLOWED,
        FLOWED.replace(b" \r\n", b"\r\n"),
        "trailing-blanks-stripped",
        3,
    ),
    "blanks stripped from three of a few lines": (
        b"\r\n\r\none\r\ntwo \r\nthree\r\nfour \r\nfive \r\nsix\r\n",
        b"\r\n\r\none\r\ntwo\r\nthree\r\nfour\r\nfive\r\nsix\r\n",
        "trailing-blanks-stripped",
        4,
    ),
    "header folded": (MIXED.replace(b";\r\n filename", b"; filename"), MIXED, "header-folded", 10),
    "fold became a tab": (
        MIXED,
        MIXED.replace(b";\r\n filename", b";\r\n\tfilename"),
        "header-tabs",
        10,
    ),
    "header added": (without(PLAIN, b"MIME-Version: 1.0"), PLAIN, "header-added", 3),
    "header removed": (PLAIN, without(PLAIN, b"MIME-Version: 1.0"), "header-removed", None),
    "MIME-Version moved": (
        PLAIN,
        b"MIME-Version: 1.0\r\n" + without(PLAIN, b"MIME-Version: 1.0"),
        "header-order",
        1,
    ),
    "header name in other case": (
        PLAIN,
        PLAIN.replace(b"MIME-Version", b"Mime-Version"),
        "header-case",
        3,
    ),
    "charset unquoted": (
        PLAIN,
        PLAIN.replace(b'"utf-8"', b"utf-8"),
        "header-parameters",
        1,
    ),
    "charset quoted": (PLAIN.replace(b'"utf-8"', b"utf-8"), PLAIN, "header-parameters", 1),
    "charset in capitals": (
        PLAIN.replace(b'"utf-8"', b"UTF-8"),
        PLAIN,
        "header-parameters",
        1,
    ),
    "last line end lost": (PLAIN, PLAIN[:-2], "blank-line-lost", 11),
    "blank line added": (PLAIN, PLAIN + b"\r\n", "blank-line-added", 12),
    "trailing blanks stripped": (
        PLAIN,
        PLAIN.replace(b"yours  ", b"yours"),
        "trailing-blanks-stripped",
        9,
    ),
    "signature dashes stripped": (
        PLAIN,
        PLAIN.replace(b"-- ", b"--"),
        "trailing-blanks-stripped",
        10,
    ),
    "fold after the colon removed": (
        b"X-Ticket:\r\n <1234@tickets.example.org>\r\n" + PLAIN,
        b"X-Ticket: <1234@tickets.example.org>\r\n" + PLAIN,
        "header-blanks",
        1,
    ),
    "blank and fold after the colon removed": (
        b"X-Ticket: \r\n <1234@tickets.example.org>\r\n" + PLAIN,
        b"X-Ticket: <1234@tickets.example.org>\r\n" + PLAIN,
        "header-blanks",
        1,
    ),
    "trailing blanks added": (PLAIN, PLAIN.replace(b"Bob", b"Bob "), "trailing-blanks-added", 11),
    "tabs became blanks": (
        PLAIN,
        PLAIN.replace(b"\t", b"        "),
        "tabs",
        8,
    ),
    "footer": (PLAIN, PLAIN + b"\r\n__\r\nScanned by Example\r\n", "footer-added", 12),
    "footer in the inner text": (
        MIXED,
        MIXED.replace(b"below.\r\n", b"below.\r\nScanned.\r\n"),
        "footer-added",
        7,
    ),
    "banner": (
        PLAIN,
        PLAIN.replace(b"Dear", b"[External sender]\r\n\r\nDear"),
        "banner-added",
        5,
    ),
    "line put in": (PLAIN, PLAIN.replace(b".hidden", b"Buy!\r\n.hidden"), "line-added", 7),
    "dot-stuffing left in": (PLAIN, PLAIN.replace(b".hidden", b"..hidden"), "dot-stuffing", 7),
    "dot lost": (PLAIN, PLAIN.replace(b".hidden", b"hidden"), "dot-lost", 7),
    "From quoted": (PLAIN, PLAIN.replace(b"From now", b">From now"), "from-quoted", 6),
    "From unquoted": (PLAIN.replace(b"From now", b">From now"), PLAIN, "from-unquoted", 6),
    "base64 wrapped again": (
        MIXED,
        MIXED.replace(
            base64.encodebytes(bytes(range(200))).replace(b"\n", b"\r\n"),
            base64.b64encode(bytes(range(200))) + b"\r\n",
        ),
        "base64-rewrapped",
        13,
    ),
    "8bit became quoted-printable": (
        EIGHT_BIT,
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + quopri.encodestring("Grüße\naus Köln\n".encode()).replace(b"\n", b"\r\n"),
        "re-encoded",
        4,
    ),
    "8bit became base64": (
        EIGHT_BIT,
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes("Grüße\r\naus Köln\r\n".encode()).replace(b"\n", b"\r\n"),
        "re-encoded",
        4,
    ),
    "quoted-printable became 8bit": (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + quopri.encodestring("Grüße\naus Köln\n".encode()).replace(b"\n", b"\r\n"),
        EIGHT_BIT,
        "re-encoded",
        4,
    ),
    "nothing was signed": (b"", PLAIN, "nothing-signed", None),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_each_accident_is_named_with_its_line(accident: str) -> None:
    """The code identifies what happened, and the line number refers to the part as received."""
    signed, sent, code, line = ACCIDENTS[accident]
    found = diagnosed(signed, sent)
    assert (found.code, found.line) == (code, line)
    assert found.found


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_and_a_changed_word_are_not_recognized(accident: str) -> None:
    """The negative control: only the digest decides, not how the part looks."""
    signed, sent, _, _ = ACCIDENTS[accident]
    found = diagnosed(signed + b"changed", sent)
    assert found.code == "unknown"
    assert not found.found
    assert found.line is None


@pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha384", "sha512", "md5"])
def test_every_hash_of_a_signature_can_be_searched(hash_name: str) -> None:
    """The digest is compared using the hash that the signer used."""
    digest = hashlib.new(hash_name, PLAIN.replace(b"\r\n", b"\n")).digest()
    assert diagnose(PLAIN, digest, hash_name).code == "signed-with-lf"


@pytest.mark.parametrize(
    ("signed", "sent", "code", "also"),
    [
        (
            MIXED.replace(b"\r\n", b"\n"),
            MIXED.replace(b";\r\n filename", b"; filename"),
            "header-refolded",
            ("signed-with-lf",),
        ),
        (
            MIXED.replace(b"See", b"From"),
            MIXED.replace(b"See", b">From").replace(b";\r\n filename", b"; filename"),
            "header-refolded",
            ("from-quoted",),
        ),
        (
            MIXED,
            MIXED.replace(b";\r\n filename", b"; filename") + b"\r\n",
            "header-refolded",
            ("blank-line-added",),
        ),
    ],
)
def test_two_accidents_together_are_both_named(
    signed: bytes, sent: bytes, code: str, also: tuple[str, ...]
) -> None:
    """One pass through a library may change two things, and both must be fixed."""
    found = diagnosed(signed, sent)
    assert (found.code, found.also) == (code, also)
    assert SENTENCES[also[0]] in found.sentence


def test_headers_moved_out_of_the_part_are_found_in_the_message_around_it() -> None:
    """A part signed with its Subject loses it when the program moves Subject to the message."""
    message = b"From: a@example.org\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n\r\n--b\r\n" + PLAIN
    found = diagnosed(b"Subject: Hello\r\n" + PLAIN, PLAIN, message)
    assert found.code == "headers-moved-out"
    assert "Subject" in found.sentence
    assert diagnosed(b"Subject: Hello\r\n" + PLAIN, PLAIN).code == "unknown"


def test_the_sentence_names_the_line_and_the_header() -> None:
    """Readers can find the place without counting."""
    signed, sent, _, _ = ACCIDENTS["header unfolded"]
    sentence = diagnosed(signed, sent).sentence
    assert sentence.startswith("line 10: header Content-Disposition was signed folded")


@pytest.mark.parametrize("size", [10_000, 300_000, 25 * 2**20])
def test_the_search_ends_soon_whatever_the_size(size: int) -> None:
    """The work is bounded in bytes: the second or two of CPU time for a small mail suffices for a large one."""
    sent = b"Content-Type: text/plain\r\n\r\n" + b"hello \t world\r\n" * (size // 15)
    assert within(30, lambda: diagnose(sent, bytes(32), "sha256")).code == "unknown"


def test_a_large_part_is_diagnosed_as_well() -> None:
    """Frequent accidents are tried first, within the budget for a message of 25 MiB."""
    body = base64.encodebytes(bytes(18 * 2**20)).replace(b"\n", b"\r\n")
    sent = MIXED.replace(b";\r\n filename", b"; filename").replace(b"See below.", body)
    signed = MIXED.replace(b"See below.", body)
    assert diagnosed(signed, sent).code == "header-refolded"
    assert diagnosed(signed.replace(b"\r\n", b"\n"), signed).code == "signed-with-lf"


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\r\n",
        b":" * 3000,
        b"Content-Type: " + b"(" * 3000 + b"\r\n\r\n",
        b'Content-Type: multipart/mixed; boundary="(["\r\n\r\n--([\r\n\r\n',
        b"A:" + b"\r\n " * 5000 + b"\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Content-Type: text/plain; name*0*=\xff\r\n" * 50 + b"\r\n",
        bytes(range(256)) * 20,
    ],
)
def test_no_part_makes_the_search_fail(hostile: bytes) -> None:
    """Whatever arrives, the answer is a diagnosis."""
    found = within(30, lambda: diagnose(hostile, bytes(32), "sha256", message=hostile))
    assert found.code == "unknown"


def test_every_code_has_a_sentence_and_a_remedy_that_exists() -> None:
    """Whatever the search can find, a failure message can explain and suggest how to fix."""
    assert set(REMEDY_OF) == set(SENTENCES) - {"unknown"}
    assert {*REMEDY_OF.values(), *REMEDY_OF_PROBLEM.values()} == set(REMEDIES)
    assert set(REMEDY_OF_PROBLEM) <= set(CODES)


@pytest.mark.parametrize("remedy", REMEDIES)
def test_remedies_fit_into_a_failure_message(remedy: str) -> None:
    """A failure message has 72 columns, and two of them are its margin."""
    lines = remedy_lines(remedy)
    assert lines
    assert max(map(len, lines)) <= 70
    assert remedy_lines(None) == []
