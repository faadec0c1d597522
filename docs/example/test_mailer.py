"""The example application's tests: each runs over STARTTLS and over implicit TLS."""

from __future__ import annotations

import dataclasses
import ssl
from typing import TYPE_CHECKING

import pytest
from mailer import MailSettings, send_reset

if TYPE_CHECKING:
    from pytest_mailtrap import MailTrap


@pytest.fixture(params=["starttls", "implicit"])
def settings(request: pytest.FixtureRequest, mailtrap: MailTrap) -> MailSettings:
    """The application's settings, with the trap as its mail server."""
    return MailSettings(
        host=mailtrap.host,
        port=mailtrap.port if request.param == "starttls" else mailtrap.tls_port,
        security=request.param,
        username=mailtrap.username,
        password=mailtrap.password,
        ca_file=str(mailtrap.ca_file),
    )


def test_reset_mail_is_encrypted(settings: MailSettings, mailtrap: MailTrap) -> None:
    """The mail is sent inside TLS, and so is the password before it."""
    send_reset(settings, "bob@example.org", "https://example.org/reset/4711")

    mailtrap.assert_sent_over_tls(minimum="TLSv1.3")
    mailtrap.assert_authenticated(username=settings.username)
    [message] = mailtrap
    assert message["Subject"] == "Reset your password"
    assert message.rcpt_tos == ("bob@example.org",)
    assert message.links == ("https://example.org/reset/4711",)
    assert message.transport.negotiated_by == settings.security


def test_nothing_is_sent_to_an_impostor(settings: MailSettings, mailtrap: MailTrap) -> None:
    """Without the trap's CA the certificate is not trusted: the application must not send."""
    stranger = dataclasses.replace(settings, ca_file=None)

    with pytest.raises(ssl.SSLCertVerificationError):
        send_reset(stranger, "bob@example.org", "https://example.org/reset/4711")

    assert not mailtrap
    [connection] = mailtrap.connections
    assert "rejected the certificate" in str(connection.handshake_error)
