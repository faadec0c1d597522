"""Real mail libraries that keep mail in the process are detected, and seen to send when configured to."""

from __future__ import annotations

import asyncio
import inspect
import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from unittest import mock

import pytest
from _releases import release

from pytest_mailtrap._kept_mail.watch import Keeper, watching

SENDER, RECIPIENTS = "shop@example.org", ["bob@example.org"]


@pytest.fixture
def seen():
    """What is reported while a test runs."""
    told = []
    with watching(lambda keeper, count: told.append((keeper, count))):
        yield told


def places(seen):
    return [(keeper.place, count) for keeper, count in seen]


# -- Django -------------------------------------------------------------------------------


MEMORY = "django.core.mail.backends.locmem.EmailBackend"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
IN_MEMORY = "Django's memory backend"


@pytest.fixture
def django(monkeypatch):
    """`django(backend, **options)` overrides a project's settings; the memory backend's outbox is a new one."""
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.core import mail
    from django.test import override_settings

    monkeypatch.setattr(mail, "outbox", [], raising=False)

    def using(backend, **options):
        if find_spec("django.core.mail.handler"):  # 6.1 and newer
            return override_settings(MAILERS={"default": {"BACKEND": backend, "OPTIONS": options}})
        return override_settings(
            EMAIL_BACKEND=backend,
            **{f"EMAIL_{name.upper()}": value for name, value in options.items()},
        )

    return using


def test_django_in_memory(seen, django) -> None:
    """The backend that `django.test` substitutes for SMTP keeps the mail that it is given, and reports how much."""
    from django.core import mail

    with django(MEMORY):
        mail.send_mail("Hi", "Hello", SENDER, RECIPIENTS)
        mail.send_mass_mail([("Hi", "Hello", SENDER, RECIPIENTS)] * 2)
    assert places(seen) == [(IN_MEMORY, 1), (IN_MEMORY, 2)]
    assert len(mail.outbox) == 3


def test_django_by_smtp(seen, django, mailtrap) -> None:
    """The control: the SMTP backend keeps nothing."""
    from django.core.mail import send_mail

    with django(SMTP, host=mailtrap.host, port=mailtrap.port), mailtrap.trust():
        send_mail("Hi", "Hello", SENDER, RECIPIENTS)
    assert (seen, len(mailtrap)) == ([], 1)


def test_django_refuses_a_message(seen, django) -> None:
    """A message that the backend does not accept is not kept."""
    from django.core.mail import send_mail

    with django(MEMORY), pytest.raises(ValueError, match=r"newlines|linefeed"):
        send_mail("Hi\nBcc: all@example.org", "Hello", SENDER, RECIPIENTS)
    assert seen == []


def test_django_a_backend_made_from_it(seen, django, monkeypatch) -> None:
    """A project's own backend that calls the memory backend counts once."""
    pytest.importorskip("django.core.mail.backends.locmem")
    from django.core.mail import send_mail
    from django.core.mail.backends import locmem

    class Tagging(locmem.EmailBackend):
        def send_messages(self, messages):
            return super().send_messages([*messages])

    monkeypatch.setattr(locmem, "Tagging", Tagging, raising=False)
    with django("django.core.mail.backends.locmem.Tagging"):
        send_mail("Hi", "Hello", SENDER, RECIPIENTS)
    assert places(seen) == [(IN_MEMORY, 1)]


@pytest.mark.skipif(
    find_spec("django") is None or find_spec("django.core.mail.handler") is not None,
    reason="Django 6.1 and newer have MAILERS",
)
def test_django_says_what_sends_it(seen, django) -> None:
    """The suggested setting is `EMAIL_BACKEND`, as a line for pytest-django's `settings` that can be pasted."""
    from django.core.mail import send_mail

    with django(MEMORY):
        send_mail("Hi", "Hello", SENDER, RECIPIENTS)
    settings = SimpleNamespace()
    exec(seen[0][0].setting, {"settings": settings})
    assert settings.EMAIL_BACKEND == SMTP


@pytest.mark.skipif(
    find_spec("django") is None or find_spec("django.core.mail.handler") is None,
    reason="MAILERS came with Django 6.1",
)
def test_django_says_what_sends_it_by_mailers(seen, django, monkeypatch) -> None:
    """The suggested setting is the `MAILERS` of the deployed settings, if the project has them."""
    from django.core.mail import send_mail

    deployed = ModuleType("shop_settings")
    deployed.MAILERS = {"default": {"BACKEND": SMTP}}
    monkeypatch.setitem(sys.modules, "shop_settings", deployed)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop_settings")
    with django(MEMORY):
        send_mail("Hi", "Hello", SENDER, RECIPIENTS)
    settings = SimpleNamespace()
    exec(seen[0][0].setting, {"settings": settings})
    assert settings.MAILERS is deployed.MAILERS


# -- Flask-Mail ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        ({"TESTING": True}, True),
        ({"MAIL_SUPPRESS_SEND": True}, True),
        ({"TESTING": True, "MAIL_SUPPRESS_SEND": False}, False),
        ({}, False),
    ],
)
def test_flask_mail(seen, mailtrap, config, kept) -> None:
    """When suppressed, it keeps mail; with the suggested setting, it sends."""
    flask, flask_mail = map(pytest.importorskip, ("flask", "flask_mail"))
    app = flask.Flask("shop")
    app.config.update(MAIL_SERVER=mailtrap.host, MAIL_PORT=mailtrap.port, **config)
    mail = flask_mail.Mail(app)
    with app.app_context():
        mail.send(flask_mail.Message("Hi", RECIPIENTS, "Hello", sender=SENDER))
        with mail.connect() as connection:
            for _ in range(2):
                connection.send(flask_mail.Message("Hi", RECIPIENTS, "Hello", sender=SENDER))
    assert places(seen) == [("Flask-Mail (suppressed)", 1)] * (3 if kept else 0)
    assert len(mailtrap) == (0 if kept else 3)


def test_flask_mail_with_a_mock_of_smtplib(seen) -> None:
    """Flask-Mail sends, and the mock keeps the mail."""
    flask, flask_mail = map(pytest.importorskip, ("flask", "flask_mail"))
    app = flask.Flask("shop")
    mail = flask_mail.Mail(app)
    with app.app_context(), mock.patch("smtplib.SMTP"):
        mail.send(flask_mail.Message("Hi", RECIPIENTS, "Hello", sender=SENDER))
    assert places(seen) == [("a mock of smtplib.SMTP", 1)]


def test_flask_mail_refuses_a_message(seen) -> None:
    """A message that raises is not kept, suppressed or not."""
    flask, flask_mail = map(pytest.importorskip, ("flask", "flask_mail"))
    app = flask.Flask("shop")
    app.config.update(TESTING=True)
    with app.app_context(), pytest.raises(AssertionError, match="sender"):
        flask_mail.Mail(app).send(flask_mail.Message("Hi", RECIPIENTS, "Hello"))
    assert seen == []


# -- Flask-Mailman ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        ({"TESTING": True}, True),
        ({"MAIL_BACKEND": "locmem"}, True),
        ({"TESTING": True, "MAIL_BACKEND": "smtp"}, False),
        ({}, False),
    ],
)
def test_flask_mailman(seen, mailtrap, config, kept) -> None:
    """In a test, Flask-Mailman uses its memory backend unless a backend is set."""
    flask, flask_mailman = map(pytest.importorskip, ("flask", "flask_mailman"))
    app = flask.Flask("shop")
    app.config.update(MAIL_SERVER=mailtrap.host, MAIL_PORT=mailtrap.port, **config)
    mail = flask_mailman.Mail(app)
    with app.app_context():
        mail.send_mail("Hi", "Hello", SENDER, RECIPIENTS)
        flask_mailman.EmailMessage("Hi", "Hello", SENDER, RECIPIENTS).send()
    assert places(seen) == [("Flask-Mailman's memory backend", 1)] * (2 if kept else 0)
    assert len(mailtrap) == (0 if kept else 2)


# -- FastAPI-Mail -------------------------------------------------------------------------


@pytest.mark.parametrize("suppressed", [0, 1])
@pytest.mark.parametrize("bulk", [False, True])
def test_fastapi_mail(seen, mailtrap, suppressed, bulk) -> None:
    """`SUPPRESS_SEND` keeps the mail that it is given, including a list of messages."""
    fastapi_mail = pytest.importorskip("fastapi_mail")
    if bulk and release("fastapi-mail") < (1, 6):
        pytest.skip("FastAPI-Mail takes lists from 1.6 on")
    config = fastapi_mail.ConnectionConfig(
        MAIL_USERNAME="",
        MAIL_PASSWORD="",
        USE_CREDENTIALS=False,
        MAIL_FROM=SENDER,
        MAIL_SERVER=mailtrap.host,
        MAIL_PORT=mailtrap.port,
        MAIL_STARTTLS=False,
        MAIL_SSL_TLS=False,
        SUPPRESS_SEND=suppressed,
    )
    mail = fastapi_mail.MessageSchema(
        subject="Hi", recipients=RECIPIENTS, body="Hello", subtype=fastapi_mail.MessageType.plain
    )
    asyncio.run(fastapi_mail.FastMail(config).send_message([mail, mail] if bulk else mail))
    count = 2 if bulk else 1
    assert places(seen) == ([("FastAPI-Mail (suppressed)", count)] if suppressed else [])
    assert len(mailtrap) == (0 if suppressed else count)


def test_fastapi_mail_stays_a_coroutine_function(seen) -> None:
    """Frameworks check for this."""
    fastapi_mail = pytest.importorskip("fastapi_mail")
    assert inspect.iscoroutinefunction(fastapi_mail.FastMail.send_message)


def test_a_setting_fits_into_a_message() -> None:
    """No line of a suggested setting is longer than the message allows."""
    from pytest_mailtrap._kept_mail import libraries, smtplib_mocks

    keepers = [k for k in vars(libraries).values() if isinstance(k, Keeper)]
    keepers += [smtplib_mocks.keeper(name) for name in smtplib_mocks.CLASSES]
    keepers.append(libraries._mailers())
    assert len(keepers) == 8
    for line in [line for keeper in keepers for line in keeper.setting.splitlines()]:
        assert len(line) <= 60, line
