"""A user's tests as type checkers see them: nothing here is an error."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest
import trustme

from pytest_mailtrap import (
    CapturedMessage,
    HostileMailTrap,
    Identity,
    MailTrap,
    MailTrapFactory,
    MailTrapMarkerOptions,
    MailTrapOptions,
    Scenario,
    SMIMEIdentityFactory,
    Verdict,
    smime,
)

STRICT: MailTrapMarkerOptions = {
    "starttls": "require",
    "require": ["smime-signed"],
    "mode": "implicit",
    "skip_scenarios": {"certificate-expired": "known"},
}
OPTIONS: MailTrapOptions = {"minimum_tls": "TLSv1.3", "intercept": ["smtp.example.com"]}


def send(trap: MailTrap) -> None:
    with smtplib.SMTP(trap.host, trap.port) as client:
        client.starttls(context=trap.ssl_context)
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\r\n\r\n")


@pytest.mark.mailtrap(**STRICT)
def test_mail(mailtrap: MailTrap) -> None:
    send(mailtrap)
    [message] = mailtrap
    first: CapturedMessage = mailtrap[0]
    several: list[CapturedMessage] = mailtrap[0:1]
    subject: str | None = message.subject
    version: str | None = first.transport.tls_version
    assert (several, subject, version) == ([message], "Hi", "TLSv1.3")
    mailtrap.assert_sent_over_tls(minimum="TLSv1.3")
    message.assert_authenticated(username="shop", mechanism="PLAIN")
    message.assert_smime_signed(by="alice@example.org", allow=["sha1"])
    with mailtrap.trust(), mailtrap.intercept("smtp.example.com"):
        assert mailtrap.wait_for(2)[0].connection.messages[0].subject


async def test_later(mailtrap: MailTrap) -> None:
    assert (await mailtrap.wait_for_async(1))[0].text


def test_hostile(hostile_mailtrap: HostileMailTrap) -> None:
    verdict: Verdict = hostile_mailtrap.judge(lambda: send(hostile_mailtrap))
    scenario: Scenario = verdict.scenario
    assert scenario.starttls == "offer"
    hostile_mailtrap.assert_client_refuses(lambda: send(hostile_mailtrap), timeout=None)


@pytest.fixture
def trap(mailtrap_factory: MailTrapFactory) -> Iterator[MailTrap]:
    with mailtrap_factory(starttls="require", credentials=("shop", "secret")) as trap:
        yield trap
    with mailtrap_factory(**OPTIONS) as trap:
        trap.assert_refuses_hostile_servers(
            send, mode="starttls", scenarios=["certificate-expired"]
        )


def test_identity(
    mailtrap: MailTrap, smime_identity: SMIMEIdentityFactory, mailtrap_ca: trustme.CA
) -> None:
    alice: Identity = smime_identity("alice@example.org", key="rsa-2048")
    bob: smime.Identity = mailtrap.smime_identity("bob@example.org", purposes=["clientAuth"])
    facts = smime.inspect(
        b"", trust=mailtrap_ca.cert_pem.bytes(), identities=[alice, bob], allow=["md5"]
    )
    assert facts.signed
