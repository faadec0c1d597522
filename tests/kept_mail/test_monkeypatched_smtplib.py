"""A mock that replaced smtplib without mock.patch keeps the mail that it is given."""

from __future__ import annotations

import smtplib
import sys
import types
from unittest import mock

import pytest
from _shop import KEPT, SENDMAIL


@pytest.mark.parametrize(
    ("target", "send"),
    [
        ("smtplib.SMTP", "by_module"),
        ("shop.SMTP", "by_name"),
        ("shop.smtplib", "by_module"),
        ("shop.Connection", "by_alias"),
    ],
)
def test_by_monkeypatch(seen, shop, monkeypatch, target, send) -> None:
    """Whatever the patched name is, as with `mock.patch`."""
    monkeypatch.setattr(target, mock.MagicMock())
    getattr(shop, send)()
    assert seen == KEPT


@pytest.mark.parametrize("method", ["sendmail", "send_message"])
@pytest.mark.parametrize("named", [{}, {"name": "sending"}])
def test_by_monkeypatch_of_a_method_alone(seen, monkeypatch, method, named) -> None:
    """The mock need not have the method's name."""
    monkeypatch.setattr(smtplib.SMTP, method, mock.MagicMock(**named))
    getattr(smtplib.SMTP("", 0), method)(*SENDMAIL)
    assert seen == KEPT


class Mailer:
    """An application that stores the class as an attribute."""

    transport = smtplib.SMTP_SSL

    def send(self):
        self.transport("localhost").send_message("mail")


class Courier(Mailer):
    """Its transport is inherited, so nothing of its own is replaced."""


@pytest.mark.parametrize(
    "target", [Mailer, Courier, Mailer(), Courier()], ids=["class", "heir", "object", "heir's"]
)
def test_by_monkeypatch_of_what_a_class_has(seen, monkeypatch, target) -> None:
    """The attribute may be the class's own or inherited."""
    monkeypatch.setattr(target, "transport", mock.MagicMock())
    (target() if isinstance(target, type) else target).send()
    assert seen == [("a mock of smtplib.SMTP_SSL", 1)]


def test_by_monkeypatch_of_what_was_not_there(seen, monkeypatch) -> None:
    """Patching a missing attribute has the usual effect of monkeypatch, and nothing is reported."""
    with pytest.raises(AttributeError, match="Mailer'> has no attribute 'nothing'"):
        monkeypatch.setattr(Mailer, "nothing", mock.MagicMock())
    monkeypatch.setattr(Mailer, "nothing", mock.MagicMock(), raising=False)
    Mailer.nothing().send_message("hello")
    assert seen == []


def test_by_monkeypatch_with_a_function(seen, shop, monkeypatch) -> None:
    """What a function that replaces SMTP returns counts as a connection."""
    connection = mock.MagicMock(name="connection")
    monkeypatch.setattr(shop, "SMTP", lambda *_: connection)
    shop.by_name()
    assert seen == KEPT


def test_by_monkeypatch_with_a_named_connection(seen, shop, monkeypatch) -> None:
    """The object that the `with` statement returns is followed, too."""
    connection = mock.MagicMock(name="connection")
    smtp = mock.MagicMock(return_value=mock.MagicMock(name="made"))
    smtp.return_value.__enter__.return_value = connection
    monkeypatch.setattr(smtplib, "SMTP", smtp)
    shop.by_module()
    assert seen == KEPT


def test_in_the_place_of_the_module(seen, monkeypatch) -> None:
    """An application that imports smtplib then gets the mock."""
    monkeypatch.setitem(sys.modules, "smtplib", mock.MagicMock())
    import smtplib as mocked

    mocked.SMTP("localhost").send_message("mail")
    assert seen == KEPT


def test_a_module_that_is_imported_in_the_test(seen, monkeypatch) -> None:
    """Modules are searched again when there are more of them than before."""
    mock.MagicMock().send_message("to nobody")
    module = types.ModuleType("late")
    module.SMTP = mock.MagicMock()
    monkeypatch.setitem(sys.modules, "late", module)
    module.SMTP().send_message("mail")
    assert seen == KEPT


@pytest.mark.parametrize("entered", [True, False])
def test_a_method_with_a_name_of_its_own(seen, shop, entered) -> None:
    """The name of such a mock does not show where it came from."""
    with mock.patch("smtplib.SMTP") as smtp:
        connection = smtp.return_value
        if entered:
            connection = connection.__enter__.return_value
        connection.send_message = mock.Mock(name="send_message")
        (shop.by_module if entered else shop.by_hand)()
    assert seen == KEPT


@pytest.mark.parametrize("name", ["sendmail", "sending", None])
def test_an_object_that_has_mocks_for_methods(seen, shop, name) -> None:
    """A connection need not be a mock itself."""
    connection = types.SimpleNamespace(sendmail=mock.Mock(name=name), quit=mock.Mock())
    with mock.patch("shop.SMTP", return_value=connection):
        shop.by_name()
    assert seen == KEPT


@pytest.mark.parametrize("named", [{}, {"name": "server"}])
def test_a_function_that_gives_what_with_gives(seen, shop, named) -> None:
    """Some tests mock a context manager by hand in this way."""
    server = mock.MagicMock(**named)
    with mock.patch("smtplib.SMTP") as smtp:
        smtp.return_value.__enter__ = lambda _: server
        shop.by_module()
    assert seen == KEPT
