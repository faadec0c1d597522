"""Unusual mocks of smtplib are detected; objects that have nothing to do with mail are left alone and not resolved."""

from __future__ import annotations

import smtplib
import sys
import types
from unittest import mock

import pytest

KEPT = [("a mock of smtplib.SMTP", 1)]
SENDMAIL = ("shop@example.org", ["bob@example.org"], "Subject: Hi")


@pytest.fixture
def app(monkeypatch):
    """A module of an application."""
    module = types.ModuleType("app")
    module.mail_lib, module.Client = smtplib, smtplib.SMTP
    monkeypatch.setitem(sys.modules, "app", module)
    return module


class NoMail:
    """A conftest's replacement for smtplib's classes, so that no mail leaves."""

    def __init__(self, *_):
        raise RuntimeError("no mail in tests")


def no_mail(*_):
    raise RuntimeError("no mail in tests")


@pytest.mark.parametrize("stand_in", [NoMail, no_mail], ids=["class", "function"])
@pytest.mark.parametrize("name", ["SMTP", "Client"])
def test_a_mock_over_what_blocks_all_mail(seen, app, monkeypatch, stand_in, name) -> None:
    """The mock replaces smtplib, too."""
    target = smtplib if name == "SMTP" else app
    monkeypatch.setattr(target, name, stand_in)
    with mock.patch.object(target, name) as client:
        client("localhost").sendmail(*SENDMAIL)
    assert seen == KEPT


def test_what_blocks_all_mail_keeps_none(seen, monkeypatch) -> None:
    """The negative control: a replacement that blocks mail keeps none."""
    monkeypatch.setattr(smtplib, "SMTP", NoMail)
    with pytest.raises(RuntimeError):
        smtplib.SMTP("localhost").sendmail(*SENDMAIL)
    assert seen == []


@pytest.mark.parametrize("make", [types.SimpleNamespace, lambda **names: module_of(names)])
def test_a_namespace_in_the_place_of_the_module(seen, app, monkeypatch, make) -> None:
    """The namespace's classes are mocks."""
    monkeypatch.setattr(app, "mail_lib", make(SMTP=mock.MagicMock()))
    app.mail_lib.SMTP("localhost").sendmail(*SENDMAIL)
    assert seen == KEPT


def module_of(names):
    module = types.ModuleType("fake")
    vars(module).update(names)
    return module


def test_an_object_that_a_function_gives_for_a_connection(seen, app, monkeypatch) -> None:
    """The object's methods are mocks that do not show where they came from."""
    connection = types.SimpleNamespace(sendmail=mock.Mock())
    monkeypatch.setattr(app, "Client", lambda *_: connection)
    app.Client("localhost").sendmail(*SENDMAIL)
    assert seen == KEPT


def test_an_object_in_the_place_of_a_connection(seen, app, monkeypatch) -> None:
    """The application already has a connection open, and the test replaces it."""
    app.client = smtplib.SMTP()
    monkeypatch.setattr(app, "client", types.SimpleNamespace(sendmail=mock.Mock()))
    app.client.sendmail(*SENDMAIL)
    assert seen == KEPT


class Slotted:
    __slots__ = ("transport",)


def test_an_attribute_in_a_slot(seen, monkeypatch) -> None:
    """An object with slots has no `__dict__`."""
    mailer = Slotted()
    mailer.transport = smtplib.SMTP
    monkeypatch.setattr(mailer, "transport", mock.MagicMock())
    mailer.transport("localhost").sendmail(*SENDMAIL)
    assert seen == KEPT


@pytest.mark.parametrize("name", ["sendmail", "sent"])
def test_a_method_that_is_attached_to_another_mock(seen, app, name) -> None:
    """As the documentation of `attach_mock()` suggests, to record the order of calls."""
    manager = mock.Mock()
    with mock.patch("app.Client") as client:
        manager.attach_mock(client.return_value.sendmail, name)
        app.Client("localhost").sendmail(*SENDMAIL)
    assert seen == KEPT


def test_a_default_of_the_function_in_its_place(seen, monkeypatch) -> None:
    """What the function returns existed before the call."""
    ready = mock.MagicMock()
    monkeypatch.setattr(smtplib, "SMTP", lambda *_, client=ready: client)
    del ready
    smtplib.SMTP("localhost").sendmail(*SENDMAIL)
    assert seen == KEPT


# -- what has nothing to do with it -----------------------------------------------------------


@pytest.mark.parametrize("call", [{"chat_id": 1, "text": "down"}, {"text": "down"}, {}])
def test_a_bot_that_a_function_in_its_place_speaks_of(seen, app, monkeypatch, call) -> None:
    """The bot was given no mail; both mocks belong to one manager only to record the order of calls."""
    events = mock.Mock()

    def down(*arguments):
        events.smtp(*arguments)
        raise ConnectionRefusedError

    monkeypatch.setattr(smtplib, "SMTP", down)
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("localhost")
    events.bot.send_message(*([] if call else ["down"]), **call)
    assert seen == []


class Gateway:
    """The application's own class, under smtplib's name."""


@pytest.mark.parametrize("own", [Gateway(), no_mail, Gateway], ids=["object", "function", "class"])
@pytest.mark.parametrize("how", ["monkeypatch", "mock.patch"])
def test_what_only_has_the_name_of_smtplibs(seen, app, monkeypatch, own, how) -> None:
    """What was replaced matters, not its name."""
    app.SMTP = own
    if how == "monkeypatch":
        monkeypatch.setattr(app, "SMTP", mock.MagicMock())
        app.SMTP().send_message("hello")
    else:
        with mock.patch("app.SMTP"):
            app.SMTP().send_message("hello")
    assert seen == []


def test_another_module_of_that_name(seen, app, monkeypatch) -> None:
    """A package may have its own module of that name."""
    app.smtplib = types.ModuleType("app.smtplib")
    monkeypatch.setattr(app, "smtplib", mock.MagicMock())
    app.smtplib.SMTP().send_message("hello")
    assert seen == []


class Lazy:
    """A proxy that resolves its target when any attribute is read, as Celery's do."""

    woken: list[str] = []  # noqa: RUF012  # of all of them

    @property
    def __dict__(self):
        Lazy.woken.append("__dict__")
        raise RuntimeError("no connection to the database")


class Lazier(Lazy):
    """A proxy whose class must not be read either; `mock.patch()` itself reads it."""

    @property
    def __class__(self):
        Lazy.woken.append("__class__")
        raise RuntimeError("no connection to the database")


def test_a_proxy_stays_asleep(seen, app, monkeypatch) -> None:
    """A proxy is not resolved, whether it is replaced, is the replacement, or is returned by a known mock."""
    app.database, app.cache, app.SMTP = Lazy(), Lazier(), smtplib.SMTP
    with monkeypatch.context() as patch:
        patch.setattr(app, "cache", mock.MagicMock())
        patch.setattr(app, "SMTP", Lazy())
    with mock.patch("app.database"), mock.patch("app.SMTP", return_value=Lazy()):
        app.SMTP()
    assert (Lazy.woken, seen) == ([], [])


def test_a_property_is_not_read_once_more(seen, monkeypatch) -> None:
    """`monkeypatch` reads the property before setting it; nothing else reads it."""

    class Mailer:
        reads = 0

        @property
        def client(self):
            Mailer.reads += 1
            return smtplib.SMTP()

        @client.setter
        def client(self, value):
            pass

    mailer = Mailer()
    monkeypatch.setattr(mailer, "client", mock.MagicMock())
    assert Mailer.reads == 1


class Odd:
    """A name that cannot be compared, like a numpy array."""

    def __eq__(self, other):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


def test_a_mock_that_is_called_by_an_object(seen) -> None:
    """`Mock(name=...)` accepts any object: a common mistake when an attribute of that name is wanted."""
    mock.Mock(name=Odd())()
    assert seen == []
