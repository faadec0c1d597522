"""A mock of smtplib keeps the mail that it is given, however it got there; no other mock is reported."""

from __future__ import annotations

import smtplib
import threading
import types
from unittest import mock

import pytest
from _shop import KEPT, SENDMAIL

from pytest_mailtrap._kept_mail.watch import watching

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
    """The patched name may be in smtplib, in the application, under another name, or the module itself."""
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
    """pytest-mock's `mocker` starts the standard library's patches."""
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
    """The connection is real, but the mail that it is given stays here."""
    client = smtplib.SMTP()
    arguments = {"sendmail": SENDMAIL, "send_message": ("mail",)}[method]
    with mock.patch.object(smtplib.SMTP, method, autospec=autospec):
        getattr(client, method)(*arguments)
    assert seen == KEPT


def test_of_a_connection(seen) -> None:
    """An application may keep a connection open."""
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
    """It is reported under the name of the smtplib class that it is derived from."""

    class Client(smtplib.SMTP_SSL):
        pass

    shop = types.SimpleNamespace(Client=Client)
    with mock.patch.object(shop, "Client"):
        shop.Client("localhost").send_message("mail")
    assert seen == [("a mock of smtplib.SMTP_SSL", 1)]


@pytest.mark.parametrize("how", ["return_value", "side_effect"])
def test_what_it_returns_has_a_name_of_its_own(seen, shop, how) -> None:
    """A mock with its own name does not show which mock returned it."""
    connection = mock.MagicMock(name="connection")
    value = connection if how == "return_value" else [connection]
    with mock.patch("shop.SMTP", **{how: value}):
        shop.by_name()
    assert seen == KEPT


def test_a_function_in_its_place_that_returns_a_mock(seen, shop) -> None:
    """The mock keeps the mail, whatever function returns it."""
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
    """Nothing is patched: the mock's spec identifies it as smtplib's."""
    mock.create_autospec(smtplib.SMTP, instance=True).send_message("mail")
    mock.MagicMock(spec=smtplib.SMTP).sendmail(*SENDMAIL)
    mock.MagicMock(spec=smtplib.SMTP("", 0)).sendmail(*SENDMAIL)
    assert seen == KEPT * 3


# -- when it began and when it ends -------------------------------------------------------


@pytest.mark.parametrize("send", ["by_module", "by_name"])
def test_a_patch_that_began_before(shop, send) -> None:
    """A session fixture may patch earlier: the mock is found where it is."""
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
    The patched name is not smtplib's own, as when a conftest starts the patch on import.

    Several patches are started one after the other, or the same one again, which installs another mock.
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
    """The application still holds the connection."""
    with mock.patch("smtplib.SMTP"):
        client = smtplib.SMTP("localhost")
    client.send_message("mail")
    assert seen == KEPT


def test_in_another_thread(seen, shop) -> None:
    """The mail is reported on the thread that sent it."""
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
