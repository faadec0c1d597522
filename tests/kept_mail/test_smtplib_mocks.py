"""A mock of smtplib keeps the mail that it is given, however it came to be in smtplib's place; no other mock is accused."""

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

from pytest_mailtrap._kept_mail import smtplib_mocks
from pytest_mailtrap._kept_mail.watch import renew, watching

MAIL = b"From: shop@example.org\r\nTo: bob@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"
SENDMAIL = ("shop@example.org", ["bob@example.org"], MAIL)
KEPT = [("a mock of smtplib.SMTP", 1)]

SHOP = """
import smtplib
from smtplib import LMTP, SMTP, SMTP_SSL, SMTP as Connection


def by_module(host="localhost", port=25):
    with smtplib.SMTP(host, port) as client:
        client.send_message("mail")


def by_name(host="localhost", port=25):
    client = SMTP(host, port)
    client.sendmail("a@example.org", ["b@example.org"], "mail")
    client.quit()


def by_hand():
    client = smtplib.SMTP("localhost")
    client.send_message("mail")


def by_alias():
    with Connection("localhost") as client:
        client.send_message("mail")


def implicit():
    with SMTP_SSL("localhost") as client:
        client.send_message("mail")


def local():
    with LMTP("localhost") as client:
        client.sendmail("a@example.org", ["b@example.org"], "mail")
"""


@pytest.fixture
def shop(monkeypatch):
    """An application that sends mail in all the ways that smtplib is imported."""
    module = types.ModuleType("shop")
    exec(SHOP, vars(module))
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


# -- mock.patch ---------------------------------------------------------------------------


@pytest.mark.parametrize("autospec", [None, True])
@pytest.mark.parametrize(
    ("target", "send", "name"),
    [
        ("smtplib.SMTP", "by_module", "SMTP"),
        ("shop.smtplib.SMTP", "by_module", "SMTP"),
        ("shop.smtplib", "by_module", "SMTP"),
        ("shop.SMTP", "by_name", "SMTP"),
        ("shop.Connection", "by_alias", "SMTP"),
        ("shop.SMTP_SSL", "implicit", "SMTP_SSL"),
        ("shop.LMTP", "local", "LMTP"),
    ],
)
def test_wherever_the_patched_name_lies(seen, shop, target, send, name, autospec) -> None:
    """In smtplib, in the application, under another name, or the module itself."""
    with mock.patch(target, autospec=autospec):
        getattr(shop, send)()
    assert seen == [(f"a mock of smtplib.{name}", 1)]


def test_as_a_decorator(seen, shop) -> None:
    """The patch has ended when the function returns."""

    @mock.patch("smtplib.SMTP")
    def run(_):
        shop.by_module()
        shop.by_module()

    run()
    assert seen == KEPT * 2


def test_by_start_and_stop(seen, shop) -> None:
    """A patch may begin and end where the test wants it to."""
    patch = mock.patch("shop.SMTP")
    patch.start()
    shop.by_name()
    patch.stop()
    assert seen == KEPT


def test_by_pytest_mock(seen, shop, pytester: pytest.Pytester) -> None:
    """Its `mocker` starts the patches of the standard library."""
    pytest.importorskip("pytest_mock")
    pytester.makepyfile(
        """
        import smtplib
        from pytest_mailtrap._kept_mail.watch import watching

        def test_mocker(mocker):
            seen = []
            with watching(lambda keeper, count: seen.append(count)):
                mocker.patch("smtplib.SMTP")
                smtplib.SMTP("localhost").send_message("mail")
                mocker.stopall()
            assert seen == [1]
        """
    )
    pytester.runpytest_inprocess("-p", "pytest_mock").assert_outcomes(passed=1)


@pytest.mark.parametrize("method", ["sendmail", "send_message"])
@pytest.mark.parametrize("autospec", [None, True])
def test_of_a_method_alone(seen, method, autospec) -> None:
    """The connection is real, and what is given to it stays here."""
    client = smtplib.SMTP()
    arguments = {"sendmail": SENDMAIL, "send_message": ("mail",)}[method]
    with mock.patch.object(smtplib.SMTP, method, autospec=autospec):
        getattr(client, method)(*arguments)
    assert seen == KEPT


def test_of_a_connection(seen) -> None:
    """An application may keep one open."""
    shop = types.SimpleNamespace(client=smtplib.SMTP_SSL())
    with mock.patch.object(shop, "client"):
        shop.client.send_message("mail")
    assert seen == [("a mock of smtplib.SMTP_SSL", 1)]


def test_of_several_at_once(seen, shop) -> None:
    """`patch.multiple()` makes its mocks in one go."""
    with mock.patch.multiple(shop, SMTP=mock.DEFAULT, SMTP_SSL=mock.DEFAULT):
        shop.by_name()
        shop.implicit()
    assert seen == [*KEPT, ("a mock of smtplib.SMTP_SSL", 1)]


def test_of_a_class_made_from_smtplibs(seen) -> None:
    """It is told by the name of the class of smtplib that it is made from."""

    class Client(smtplib.SMTP_SSL):
        pass

    shop = types.SimpleNamespace(Client=Client)
    with mock.patch.object(shop, "Client"):
        shop.Client("localhost").send_message("mail")
    assert seen == [("a mock of smtplib.SMTP_SSL", 1)]


@pytest.mark.parametrize("how", ["return_value", "side_effect"])
def test_what_it_returns_has_a_name_of_its_own(seen, shop, how) -> None:
    """A mock with a name does not tell which mock returned it."""
    connection = mock.MagicMock(name="connection")
    value = connection if how == "return_value" else [connection]
    with mock.patch("shop.SMTP", **{how: value}):
        shop.by_name()
    assert seen == KEPT


def test_a_function_in_its_place_that_returns_a_mock(seen, shop) -> None:
    """The mock takes the mail, whoever hands it out."""
    connection = mock.MagicMock()

    def connect(*_):
        return connection

    with mock.patch("shop.SMTP", connect):
        shop.by_name()
    assert seen == KEPT


def test_a_manager_of_several_mocks(seen, shop) -> None:
    """`attach_mock()` gives a mock a new parent and name."""
    manager = mock.Mock()
    with mock.patch("shop.SMTP") as smtp:
        manager.attach_mock(smtp, "mailer")
        shop.by_name()
    assert seen == KEPT


def test_a_mock_that_is_handed_to_the_application(seen) -> None:
    """Nothing is patched: it is smtplib's by its spec."""
    mock.create_autospec(smtplib.SMTP, instance=True).send_message("mail")
    mock.MagicMock(spec=smtplib.SMTP).sendmail(*SENDMAIL)
    mock.MagicMock(spec=smtplib.SMTP("", 0)).sendmail(*SENDMAIL)
    assert seen == KEPT * 3


# -- without mock.patch -------------------------------------------------------------------


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
    """Under whatever name, as with `mock.patch`."""
    monkeypatch.setattr(target, mock.MagicMock())
    getattr(shop, send)()
    assert seen == KEPT


@pytest.mark.parametrize("method", ["sendmail", "send_message"])
@pytest.mark.parametrize("named", [{}, {"name": "sending"}])
def test_by_monkeypatch_of_a_method_alone(seen, monkeypatch, method, named) -> None:
    """The mock need not be called as the method is."""
    monkeypatch.setattr(smtplib.SMTP, method, mock.MagicMock(**named))
    getattr(smtplib.SMTP("", 0), method)(*SENDMAIL)
    assert seen == KEPT


class Mailer:
    """An application that has the class at hand."""

    transport = smtplib.SMTP_SSL

    def send(self):
        self.transport("localhost").send_message("mail")


class Courier(Mailer):
    """Its transport is inherited: nothing of its own is replaced."""


@pytest.mark.parametrize(
    "target", [Mailer, Courier, Mailer(), Courier()], ids=["class", "heir", "object", "heir's"]
)
def test_by_monkeypatch_of_what_a_class_has(seen, monkeypatch, target) -> None:
    """Of its own or inherited."""
    monkeypatch.setattr(target, "transport", mock.MagicMock())
    (target() if isinstance(target, type) else target).send()
    assert seen == [("a mock of smtplib.SMTP_SSL", 1)]


def test_by_monkeypatch_of_what_was_not_there(seen, monkeypatch) -> None:
    """It is left to monkeypatch what it makes of that."""
    with pytest.raises(AttributeError, match="Mailer'> has no attribute 'nothing'"):
        monkeypatch.setattr(Mailer, "nothing", mock.MagicMock())
    monkeypatch.setattr(Mailer, "nothing", mock.MagicMock(), raising=False)
    Mailer.nothing().send_message("hello")
    assert seen == []


def test_by_monkeypatch_with_a_function(seen, shop, monkeypatch) -> None:
    """What a function hands out that is called SMTP stands for a connection."""
    connection = mock.MagicMock(name="connection")
    monkeypatch.setattr(shop, "SMTP", lambda *_: connection)
    shop.by_name()
    assert seen == KEPT


def test_by_monkeypatch_with_a_named_connection(seen, shop, monkeypatch) -> None:
    """Also what the `with` statement gives is followed."""
    connection = mock.MagicMock(name="connection")
    smtp = mock.MagicMock(return_value=mock.MagicMock(name="made"))
    smtp.return_value.__enter__.return_value = connection
    monkeypatch.setattr(smtplib, "SMTP", smtp)
    shop.by_module()
    assert seen == KEPT


def test_in_the_place_of_the_module(seen, monkeypatch) -> None:
    """Who imports smtplib then gets the mock."""
    monkeypatch.setitem(sys.modules, "smtplib", mock.MagicMock())
    import smtplib as mocked

    mocked.SMTP("localhost").send_message("mail")
    assert seen == KEPT


def test_a_module_that_is_imported_in_the_test(seen, monkeypatch) -> None:
    """It is looked for again when there are more modules than before."""
    mock.MagicMock().send_message("to nobody")
    module = types.ModuleType("late")
    module.SMTP = mock.MagicMock()
    monkeypatch.setitem(sys.modules, "late", module)
    module.SMTP().send_message("mail")
    assert seen == KEPT


@pytest.mark.parametrize("entered", [True, False])
def test_a_method_with_a_name_of_its_own(seen, shop, entered) -> None:
    """It does not tell where it came from."""
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
    """As some have it who mock a context manager by hand."""
    server = mock.MagicMock(**named)
    with mock.patch("smtplib.SMTP") as smtp:
        smtp.return_value.__enter__ = lambda _: server
        shop.by_module()
    assert seen == KEPT


# -- when it began and when it ends -------------------------------------------------------


@pytest.mark.parametrize("send", ["by_module", "by_name"])
def test_a_patch_that_began_before(shop, send) -> None:
    """As one of a fixture of the session does: the mock is found where it lies."""
    seen = []
    with (
        mock.patch(f"shop.{'smtplib.SMTP' if send == 'by_module' else 'SMTP'}"),
        watching(lambda keeper, count: seen.append((keeper.place, count))),
    ):
        getattr(shop, send)()
    assert seen == KEPT


@pytest.mark.parametrize("is_another", [True, False])
def test_each_patch_that_was_started_before_is_looked_at(shop, is_another) -> None:
    """
    Under another name than smtplib's, as a conftest does that starts it when it is imported.

    Several come one after the other, or the same one again, which puts another mock there.
    """
    seen = []
    patch = mock.patch("shop.Connection")
    for _ in range(3):
        patch.start()
        try:
            with watching(lambda keeper, count: seen.append((keeper.place, count))):
                shop.by_alias()
        finally:
            patch.stop()
        patch = mock.patch("shop.Connection") if is_another else patch
    assert seen == KEPT * 3


def test_a_mock_that_outlives_its_patch(seen) -> None:
    """The application still has the connection."""
    with mock.patch("smtplib.SMTP"):
        client = smtplib.SMTP("localhost")
    client.send_message("mail")
    assert seen == KEPT


def test_in_another_thread(seen, shop) -> None:
    """It is told on the thread that has sent."""
    told_on = []
    with (
        watching(lambda *_: told_on.append(threading.current_thread())),
        mock.patch("shop.SMTP"),
    ):
        thread = threading.Thread(target=shop.by_name)
        thread.start()
        thread.join()
    assert seen == KEPT
    assert told_on == [thread]


# -- what keeps nothing -------------------------------------------------------------------


def test_one_that_raises(seen, shop) -> None:
    """The application was told that its mail was not taken."""
    with mock.patch("shop.SMTP") as smtp:
        smtp.return_value.sendmail.side_effect = smtplib.SMTPException("no")
        with pytest.raises(smtplib.SMTPException, match="no"):
            shop.by_name()
    with mock.patch("shop.SMTP", side_effect=OSError), pytest.raises(OSError):
        shop.by_name()
    assert seen == []


def test_one_that_is_called_wrongly(seen) -> None:
    """An autospec raises then."""
    with mock.patch("smtplib.SMTP", autospec=True), pytest.raises(TypeError):
        smtplib.SMTP("localhost").send_message()
    assert seen == []


def test_one_that_is_never_called(seen, shop) -> None:
    """A patch alone keeps nothing, and neither do other methods."""
    with mock.patch("shop.SMTP") as smtp:
        shop.SMTP("localhost").ehlo()
        smtp.assert_called_once_with("localhost")
    assert seen == []


class Bot:
    def send_message(self, text):
        """What chat bots have, too."""


def test_mocks_of_others(seen, shop, monkeypatch) -> None:
    """The name of the method alone says nothing, and neither does a patch of smtplib beside it."""
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
    """aiosmtplib has an SMTP, too: what was replaced counts, not what it is called; nor is its sending over when it is called."""
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
    """Of a mock in the place of the module only its classes take mail."""
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
    """A mock that calls the real method has kept nothing: the mail has arrived. Its control keeps what it is given."""
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
    """So does one that hands every call on."""
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
    """A side effect that returns and sends nothing is an outbox; a call inside a call is one message."""
    outbox = []
    with mock.patch("shop.SMTP") as smtp:
        client = smtp.return_value
        client.send_message.side_effect = outbox.append
        client.sendmail.side_effect = lambda *mail: client.send_message(mail)
        shop.by_name()
    assert (seen, len(outbox)) == (KEPT, 1)


def test_the_real_thing(seen, mailtrap) -> None:
    """The control: without a mock nothing stays."""
    deliver(mailtrap, smtplib.SMTP(mailtrap.host, mailtrap.port))
    with smtplib.SMTP_SSL("localhost", mailtrap.tls_port, context=mailtrap.ssl_context) as client:
        client.sendmail(*SENDMAIL)
    assert (seen, len(mailtrap)) == ([], 2)


# -- what a mock is to its test -----------------------------------------------------------


def test_a_mock_is_what_it_was(seen, shop) -> None:
    """What it records, returns and raises does not change; nor does it gain a name."""
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
    """Whoever patches over a lazy object does not want to know what it stands for."""

    woken = []

    class Lazy:
        @property
        def __class__(self):
            woken.append(self)
            raise RuntimeError("working outside of application context")

    shop = types.SimpleNamespace(SMTP=Lazy(), mailer=Lazy())
    new = mock.MagicMock()
    new.send_message.side_effect = lambda _: Lazy()
    with mock.patch.object(shop, "SMTP", new), mock.patch.object(shop, "mailer", new):
        shop.mailer.send_message("mail")
    assert (seen, woken) == ([], [])


def test_mocks_are_not_kept_alive(seen, shop) -> None:
    """What a test has made goes when the test is done with it."""
    with mock.patch("shop.SMTP") as smtp:
        shop.by_name()
    gone = threading.Event()
    weakref.finalize(smtp, gone.set)
    del smtp
    gc.collect()
    assert gone.is_set()


class Recorder:
    """What a library's method may be replaced by, without looking like it."""

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
    """A test finds again what it has put there, also when watching is renewed in the meantime."""
    with mock.patch.object(smtplib.SMTP, "data", **new):
        replaced = smtplib.SMTP.data
        renew()
        assert smtplib.SMTP.data is replaced
    renew()
    assert isinstance(smtplib.SMTP.data, types.FunctionType)


def test_a_changed_library_is_left_alone(monkeypatch) -> None:
    """What is not as it was expected is not watched, and nothing fails."""
    for name in ("unittest.mock", "smtplib", "flask_mail", "fastapi_mail.fastmail"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    with watching(lambda *_: None):
        renew()


@pytest.mark.parametrize(("name", "looks"), [("method", 0), ("sendmail", 1), ("send_message", 1)])
def test_other_mocks_are_not_looked_into(seen, monkeypatch, name, looks) -> None:
    """A suite makes a hundred thousand calls of mocks: only those of the two names are asked what they stand for."""
    asked = []
    monkeypatch.setattr(smtplib_mocks, "_class_of", lambda *call: asked.append(call))
    getattr(mock.MagicMock(name="a"), name)(1)
    assert len(asked) == looks
