"""What a captured message says: its header fields, bodies, links and attachments, and the remarks on them."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pytest_mailtrap._content.attachments import attachments_of
from pytest_mailtrap._content.mail import Envelope, Mail
from pytest_mailtrap._content.reading import read
from pytest_mailtrap._content.wire_format import wire_format
from pytest_mailtrap._message.header_object import header_object
from pytest_mailtrap._message.opened import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._content.attachments import Attachment
    from pytest_mailtrap._content.reading import Content
    from pytest_mailtrap._content.remark import Remark
    from pytest_mailtrap._facts.transport import Transport

Value = TypeVar("Value")
_URL = re.compile(r"""https?://[^\s<>"'\])}]+""")


class MessageContent:
    """
    What a message says, read once from its exact bytes; no message makes any of this raise an exception.

    It looks through signatures, and, after `decrypt()`, inside the encryption.
    """

    # Something to which there can be weak references, despite its slots; Python 3.11 has an option for it.
    __slots__ = ("__weakref__",)

    if TYPE_CHECKING:

        @property
        def raw(self) -> bytes: ...
        @property
        def mail_from(self) -> str: ...
        @property
        def rcpt_tos(self) -> tuple[str, ...]: ...
        @property
        def smtp_utf8(self) -> bool: ...
        @property
        def transport(self) -> Transport: ...
        @property
        def _cache(self) -> dict[str, Any]: ...

    def _derived(self, name: str, make: Callable[[], Value]) -> Value:
        """A value that is made on first access."""
        if name not in self._cache:
            self._cache[name] = make()
        return cast("Value", self._cache[name])

    @property
    def parsed(self) -> email.message.EmailMessage:
        """
        The message as the standard library's `EmailMessage`, which raises many kinds of errors on malformed mail.

        It is parsed once, on first access.
        """
        return self._derived(
            "parsed", lambda: email.message_from_bytes(self.raw, policy=email.policy.default)
        )

    @property
    def _content(self) -> Content:
        return self._derived("content", self._read)

    def _read(self) -> Content:
        content = read(self.raw)
        inside = opened(content)
        return content if inside is None else read(inside)

    def __getitem__(
        self, header: str
    ) -> Any:  # like EmailMessage: a header object of the field's kind
        fields = self._content.by_name.get(header.lower())
        return header_object(fields[0]) if fields else None

    def __contains__(self, header: object) -> bool:
        return isinstance(header, str) and header.lower() in self._content.by_name

    @property
    def subject(self) -> str | None:
        """The decoded Subject, or None if there is none."""
        return self._content.value("subject")

    @property
    def text(self) -> str | None:
        """The text/plain body, decoded, with "\\n" as line endings; None if there is none."""
        body = self._content.text
        return None if body is None else body.text

    @property
    def html(self) -> str | None:
        """The text/html body, decoded, with "\\n" as line endings; None if there is none."""
        body = self._content.html
        return None if body is None else body.text

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """
        The attachments, in order: every part that is neither one of the bodies nor the container of a signature.

        The parts of a forwarded message are not among them, but the forwarded message is.
        """
        return self._derived("attachments", lambda: tuple(attachments_of(self._content)))

    @property
    def links(self) -> tuple[str, ...]:
        """The URLs that the bodies link to, each once: first those in the HTML body, then those in the text."""
        facts = self._content.html_facts
        in_html = [link.url for link in facts.links] if facts else []
        in_text = [url.rstrip(".,;:!?") for url in _URL.findall(self.text or "")]
        return tuple(dict.fromkeys(in_html + in_text))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """
        What a careful reader would point out about the message and its envelope, each thing once.

        The two kinds that need the Public Suffix List are left out if the extra `content` is not installed.
        """
        return self._derived("remarks", self._make_remarks)

    def _make_remarks(self) -> tuple[Remark, ...]:
        from pytest_mailtrap._content.remarks import remarks

        return remarks(
            Mail(
                content=self._content,
                wire_format=wire_format(self.raw),
                envelope=Envelope(
                    mail_from=self.mail_from,
                    rcpt_tos=self.rcpt_tos,
                    smtp_utf8=self.smtp_utf8,
                    ehlo=self.transport.ehlo,
                ),
            )
        )
