"""The extensions that the reply to EHLO offers (RFC 5321, section 4.1.1.1), and the commands that they make longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._smtp.line_reader import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

# RFC 5321, section 4.5.3.1.4, plus what the extensions add: SIZE (RFC 1870) 26, SMTPUTF8 (RFC 6531) 10,
# AUTH (RFC 4954) 500, DSN (RFC 3461) about 120 for MAIL and 500 for RCPT.
LONGEST_COMMANDS = {"AUTH": LONGEST_LINE, "MAIL": 512 + 26 + 10 + 500 + 120, "RCPT": 512 + 500}


def offered(lines: Sequence[str], *, has_size_limit: bool, inside_tls: bool) -> list[str]:
    """The keywords of aiosmtpd's reply *lines*, and those that it does not know."""
    keywords = [line[4:] for line in lines]
    if not has_size_limit:
        keywords.insert(1, "SIZE")
    if inside_tls:
        keywords.insert(-1, "REQUIRETLS")  # RFC 8689, section 2: only inside TLS
    keywords.insert(-1, "DSN")
    return keywords


def reply(keywords: Sequence[str]) -> str:
    """The reply in one text, without its last line ending: some clients read only the first segment."""
    return "\r\n".join(f"250-{one}" for one in keywords[:-1]) + f"\r\n250 {keywords[-1]}"
