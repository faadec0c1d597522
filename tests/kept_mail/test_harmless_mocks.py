"""A mock that keeps no mail is not reported, and watching changes nothing for the test that made it."""

from __future__ import annotations

import asyncio
import email
import gc
import smtplib
import sys
import threading
import types
import weakref
from unittest import mock

import pytest
from _shop import KEPT, MAIL, SENDMAIL

from pytest_mailtrap._kept_mail import smtplib_mocks
from pytest_mailtrap._kept_mail.watch import renew, watching

# -- what keeps nothing -------------------------------------------------------------------


def test_one_that_raises(seen, shop) -> None:
    """If the mock raises, the application knows that its mail was not accepted."""
    with mock.patch("shop.SMTP") as smtp:
        smtp.return_value.sendmail.side_effect = smtplib.SMTPException("no")
        with pytest.raises(smtplib.SMTPException, match="no"):
            shop.by_name()
    with mock.patch("shop.SMTP", side_effect=OSError), pytest.raises(OSError):
        shop.by_name()
    assert seen == []


def test_one_that_is_called_wrongly(seen) -> None:
    """An autospecced mock raises on a wrong call, so it keeps nothing."""
    with mock.patch("smtplib.SMTP", autospec=True), pytest.raises(TypeError):
        smtplib.SMTP("localhost").send_message()
    assert seen == []


def test_one_that_is_never_called(seen, shop) -> None:
    """A patch alone keeps nothing, and neither does calling other methods."""
    with mock.patch("shop.SMTP") as smtp:
        shop.SMTP("localhost").ehlo()
        smtp.assert_called_once_with("localhost")
    assert seen == []


class Bot:
    def send_message(self, text):
        """Chat bots have this method, too."""


def test_mocks_of_others(seen, shop, monkeypatch) -> None:
    """The method's name alone proves nothing, and neither does a patch of smtplib next to it."""
    monkeypatch.setattr(shop, "Bot", Bot, raising=False)
    monkeypatch.setattr(shop, "bot", Bot(), raising=False)
    with mock.patch("shop.SMTP"), mock.patch("shop.Bot"), mock.patch("shop.bot"):
        shop.Bot("token").send_message("hello")
        shop.bot.send_message("hello")
    with mock.patch.object(Bot, "send_message"):
        Bot().send_message("hello")
    mock.create_autospec(Bot).return_value.send_message("hello")
    mock.MagicMock().send_message("hello")
    mock.MagicMock(name="SMTP").send_message("hello")
    mock.Mock(name=["unhashable"]).send_message("hello")
    assert seen == []


def test_another_class_of_the_same_name(seen, shop) -> None:
    """aiosmtplib has an SMTP, too: what was replaced matters, not its name; and calling its methods does not yet send."""
    aiosmtplib = pytest.importorskip("aiosmtplib")
    shop.SMTP = aiosmtplib.SMTP
    with mock.patch("shop.SMTP"):
        shop.SMTP().send_message("mail")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop, "SMTP", mock.MagicMock())
        shop.SMTP().send_message("mail")
    shop.SMTP = mock.AsyncMock()
    shop.SMTP.send_message.return_value = None
    asyncio.run(shop.SMTP.send_message("mail"))
    assert seen == []


def test_other_names_of_the_module(seen, shop) -> None:
    """In a mock that replaces the module, only the mocked classes accept mail."""
    with mock.patch("shop.smtplib"):
        shop.smtplib.something.send_message("mail")
        shop.smtplib.send_message("mail")
    assert seen == []


def deliver(trap, client) -> None:
    with client as connection:
        connection.starttls(context=trap.ssl_context)
        connection.send_message(message())


def message():
    return email.message_from_bytes(MAIL)


def test_a_spy_sends(seen, mailtrap) -> None:
    """A mock that calls the real method has kept nothing: the mail has arrived. The control keeps what it is given."""
    real = smtplib.SMTP.send_message
    spy = {"side_effect": real, "autospec": True}
    with mock.patch.object(smtplib.SMTP, "send_message", **spy) as spied:
        deliver(mailtrap, smtplib.SMTP(mailtrap.host, mailtrap.port))
    spied.assert_called_once()
    assert (seen, len(mailtrap)) == ([], 1)
    with mock.patch.object(smtplib.SMTP, "send_message", autospec=True):
        deliver(mailtrap, smtplib.SMTP(mailtrap.host, mailtrap.port))
    assert (seen, len(mailtrap)) == (KEPT, 1)


def test_a_mock_that_wraps_sends(seen, mailtrap) -> None:
    """A mock that passes every call on sends, too."""
    with mock.patch("smtplib.SMTP", wraps=smtplib.SMTP):
        deliver(mailtrap, smtplib.SMTP(mailtrap.host, mailtrap.port))
    real = smtplib.SMTP(mailtrap.host, mailtrap.port)
    with mock.patch("smtplib.SMTP", return_value=mock.MagicMock(wraps=real)):
        client = smtplib.SMTP()
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail(*SENDMAIL)
        client.quit()
    assert (seen, len(mailtrap)) == ([], 2)


def test_a_function_that_collects_keeps(seen, shop) -> None:
    """A side effect that returns without sending is an outbox; a call inside a call is one message."""
    outbox = []
    with mock.patch("shop.SMTP") as smtp:
        client = smtp.return_value
        client.send_message.side_effect = outbox.append
        client.sendmail.side_effect = lambda *mail: client.send_message(mail)
        shop.by_name()
    assert (seen, len(outbox)) == (KEPT, 1)


def test_the_real_thing(seen, mailtrap) -> None:
    """The control: without a mock, nothing is kept."""
    deliver(mailtrap, smtplib.SMTP(mailtrap.host, mailtrap.port))
    with smtplib.SMTP_SSL("localhost", mailtrap.tls_port, context=mailtrap.ssl_context) as client:
        client.sendmail(*SENDMAIL)
    assert (seen, len(mailtrap)) == ([], 2)


# -- what a mock is to its test -----------------------------------------------------------


def test_a_mock_is_what_it_was(seen, shop) -> None:
    """What a mock records, returns, and raises does not change; nor does it gain a name."""
    with mock.patch("shop.SMTP") as smtp:
        smtp.return_value.send_message.return_value = {"bob@example.org": (550, b"no")}
        known = [dir(smtp), sorted(vars(smtp))]
        assert shop.SMTP("localhost", port=25).send_message("mail") == {
            "bob@example.org": (550, b"no")
        }
        assert smtp.mock_calls == [
            mock.call("localhost", port=25),
            mock.call().send_message("mail"),
        ]
        assert [dir(smtp), sorted(vars(smtp))] == known
    assert seen == KEPT


def test_a_proxy_is_not_woken(seen) -> None:
    """Patching over a lazy object does not resolve it."""

    woken = []

    class Lazy:
        @property
        def __class__(self):
            # From Python 3.15 on, mock itself looks at the class of what it patches.
            who = sys._getframe(1).f_globals["__name__"]
            if who == "unittest.mock":
                return object
            woken.append(who)
            raise RuntimeError("working outside of application context")

    shop = types.SimpleNamespace(SMTP=Lazy(), mailer=Lazy())
    new = mock.MagicMock()
    new.send_message.side_effect = lambda _: Lazy()
    with mock.patch.object(shop, "SMTP", new), mock.patch.object(shop, "mailer", new):
        shop.mailer.send_message("mail")
    assert (seen, woken) == ([], [])


def test_mocks_are_not_kept_alive(seen, shop) -> None:
    """A mock is released when the test is done with it."""
    with mock.patch("shop.SMTP") as smtp:
        shop.by_name()
    gone = threading.Event()
    weakref.finalize(smtp, gone.set)
    del smtp
    gc.collect()
    assert gone.is_set()


class Recorder:
    """An object that may replace a library's method without looking like one."""

    __module__ = "smtplib"

    def __call__(self, *_):
        return 250, b"OK"


def fake(*_):
    return 250, b"OK"


@pytest.mark.parametrize(
    "new",
    [{}, {"autospec": True}, {"new": fake}, {"new": Recorder()}],
    ids=["mock", "autospec", "function", "object"],
)
def test_what_is_in_the_place_of_a_watched_method_stays(seen, new) -> None:
    """A test finds what it has put there, even if watching is renewed in the meantime."""
    with mock.patch.object(smtplib.SMTP, "data", **new):
        replaced = smtplib.SMTP.data
        renew()
        assert smtplib.SMTP.data is replaced
    renew()
    assert isinstance(smtplib.SMTP.data, types.FunctionType)


def test_a_changed_library_is_left_alone(monkeypatch) -> None:
    """A library that is not as expected is not watched, and nothing fails."""
    for name in ("unittest.mock", "smtplib", "flask_mail", "fastapi_mail.fastmail"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    with watching(lambda *_: None):
        renew()


@pytest.mark.parametrize(("name", "looks"), [("method", 0), ("sendmail", 1), ("send_message", 1)])
def test_other_mocks_are_not_looked_into(seen, monkeypatch, name, looks) -> None:
    """A suite may call mocks a hundred thousand times: only calls with the two names are checked for what they replace."""
    asked = []
    monkeypatch.setattr(smtplib_mocks, "_class_of", lambda *call: asked.append(call))
    getattr(mock.MagicMock(name="a"), name)(1)
    assert len(asked) == looks
