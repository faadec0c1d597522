"""
What a transcript shows of a line whose first word is not a command of SMTP.

A client that is out of step sends its password, or the body of a message, where a command should be; clients of other
protocols send credentials in their own way.

Rules of this file: pure; what could be a secret is replaced, and what helps to recognize the client is kept.
"""

from __future__ import annotations

import re

REDACTED = b"[redacted]"
# RFC 5321, 3207 and 4954; and those that the trap does not implement: RFC 821, 1985, 2033, 2645, 3030 and 4468.
VERBS = frozenset(
    b"AUTH DATA EHLO EXPN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY "
    b"ATRN BDAT BURL ETRN LHLO SAML SEND SOML TURN".split()
)
# Alone on a line, anything else may be a password.
_VERB = re.compile(rb"[A-Z]{1,12}")
# The commands of POP3, IMAP, FTP and NNTP with which clients log in.
_LOGINS = frozenset({b"AUTHENTICATE", b"AUTHINFO", b"LOGIN", b"PASS", b"USER"})
# The name of a header field, as HTTP clients send them, and as the header of a message has them.
_FIELD = re.compile(rb"[A-Za-z][A-Za-z-]*:")
_PLAIN = re.compile(
    rb"[a-z]{1,12}[,.;!?]?|[A-Z][a-z]{0,11}[,.;!?]?|[A-Z]{1,12}"  # words, but not base64
    rb"|(?:[A-Z]+:)?<?[\w.+-]+@[\w.-]+>?|[A-Z]+:<>|[A-Z]+:"  # FROM:<a@example.org>
    rb"|HTTP/\d\.\d|/[a-z0-9_./-]*|\d{1,3}"
    rb"|(?:SIZE|BODY|AUTH|RET|NOTIFY|SMTPUTF8)=[A-Z0-9<>,]{0,12}"
)


def is_command(word: bytes) -> bool:
    """Whether *word* is a command, or looks like one of another protocol."""
    return word.upper() in VERBS or _VERB.fullmatch(word) is not None


def shown(line: bytes) -> bytes:
    """*line* without the words that could be secrets."""
    words = line.split(b" ")
    if len(words) == 1:
        return line if not line or _VERB.fullmatch(line) else REDACTED
    first = words[0]
    upper = [word.upper() for word in words[:2]]
    # IMAP has a tag before the command.
    if not _LOGINS.isdisjoint(upper):
        kept = words[: 1 if upper[0] in _LOGINS else 2]
        return b" ".join([*(_shown(word) for word in kept), REDACTED])
    if _FIELD.fullmatch(first):
        return first + b" " + REDACTED
    return b" ".join(map(_shown, words))


def _shown(word: bytes) -> bytes:
    return word if not word or _PLAIN.fullmatch(word) else REDACTED
