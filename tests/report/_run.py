"""A test run that never took place: records and bytes, as the plugin leaves them behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mailtrap._report.writer import write_report

if TYPE_CHECKING:
    from pathlib import Path

HTML = (
    b"From: shop@example.org\r\nTo: bob@example.org\r\nSubject: Hello\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
)


def html_mail(html: str) -> bytes:
    return HTML + html.encode() + b"\r\n"


def transport(**changes: Any) -> dict[str, Any]:
    known = {
        "tls_version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "cipher_bits": 256,
        "negotiated_by": "starttls",
        "sni": "localhost",
        "alpn": None,
        "session_reused": False,
        "client_certificate": None,
        "client_hello": None,
        "peer": "127.0.0.1:40312",
        "ehlo": "client.example.org",
        "handshake_seconds": 0.002,
        "server_host": None,
        "requested_port": None,
    }
    return known | changes


def message(number: int, raw: bytes, **changes: Any) -> dict[str, Any]:
    known = {
        "number": number,
        "file": f"{number:04}.eml",
        "size": len(raw),
        "received_at": "2026-11-25T10:00:00.000+00:00",
        "mail_from": "shop@example.org",
        "rcpt_tos": ["bob@example.org"],
        "mail_options": [],
        "rcpt_options": [],
        "smtp_utf8": False,
        "subject": f"Hello {number}",
        "from": "Shop <shop@example.org>",
        "to": "bob@example.org",
        "date": None,
        "message_id": f"<{number}@example.org>",
        "transport": transport(),
        "auth": None,
        "connection": 0,
        "transcript": ["S: 220 localhost", "C: EHLO client.example.org", "-- TLSv1.3, AES"],
        "smime": None,
        "exempt": None,
    }
    return known | changes


def connection(**changes: Any) -> dict[str, Any]:
    known = {
        "peer": "127.0.0.1:40312",
        "implicit_tls": False,
        "handshake_error": None,
        "ended_by": "quit",
        "transport": transport(),
        "auths": [],
        "transcript": ["S: 220 localhost", "C: EHLO client.example.org"],
        "messages": [],
        "exempt": None,
    }
    return known | changes


class Run:
    """Collects tests and their mail, then writes the report."""

    def __init__(self, directory: Path) -> None:
        self.run_files = directory / "spool"
        self.path = directory / "report.html"
        self.tests: list[dict[str, Any]] = []

    def test(self, name: str, *mails: bytes | tuple[bytes, dict[str, Any]], **changes: Any) -> None:
        """Add a test; a mail is given as its bytes, or as its bytes with overrides for its record."""
        directory = self.run_files / f"d{len(self.tests)}"
        directory.mkdir(parents=True)
        messages = []
        for number, mail in enumerate(mails, 1):
            raw, said = mail if isinstance(mail, tuple) else (mail, {})
            (directory / f"{number:04}.eml").write_bytes(raw)
            messages.append(message(number, raw, **said))
        known = {
            "schema": "pytest-mailtrap/1",
            "test": name,
            "directory": directory.name,
            "rerun": 0,
            "outcome": "passed",
            "worker": None,
            "started": "2026-11-25T10:00:00.000+00:00",
            "duration": 0.1,
            "policy": None,
            "violations": [],
            "messages": messages,
            "connections": [connection(messages=[m["number"] for m in messages])],
        }
        self.tests.append(known | changes)

    def write(self) -> Path:
        write_report(self.path, self.tests, root=self.run_files)
        return self.path
