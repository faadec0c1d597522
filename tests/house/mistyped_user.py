"""A user's mistakes: type checkers must find one on each line that ends in `# error`, and on no other."""

from __future__ import annotations

from pytest_mailtrap import MailTrap, MailTrapFactory, MailTrapMarkerOptions, SMIMEIdentityFactory
from pytest_mailtrap import MailTrapp  # error
import pytest_mailtrap

MARKED: MailTrapMarkerOptions = {"start_tls": "require"}  # error


def test_mistakes(
    mailtrap: MailTrap, mailtrap_factory: MailTrapFactory, smime_identity: SMIMEIdentityFactory
) -> None:
    pytest_mailtrap.nonsense  # error
    mailtrap.assert_sent_over_tls(minimum="1.3")  # error
    mailtrap_factory(nonsense=1)  # error
    mailtrap_factory(starttls="required")  # error
    mailtrap.smime_identity("alice@example.org", key="rsa2048")  # error
    smime_identity("alice@example.org", purpose="emailProtection")  # error
    mailtrap[0].assert_smime_signed(allow=["sha-1"])  # error
    mailtrap[0].assert_authenticated(mechanism="XOAUTH2")  # error
    mailtrap.judge_hostile_servers(print, mode="smtps")  # error
    mailtrap[0].headline  # error
