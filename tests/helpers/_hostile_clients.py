"""Senders for the tests of hostile servers: secure ones, and careless ones with one fault each."""

from __future__ import annotations

import contextlib
import logging
import smtplib
import socket
import ssl
import time

TIMEOUT = 0.6
MAIL = ("a@example.org", ["b@example.org"], b"Subject: Hi\r\n\r\nHello\r\n")
log = logging.getLogger("app")


def no_context():
    """What smtplib uses if it is given no context: nothing is verified."""
    return ssl._create_unverified_context()


def lax_context():
    """Verifies certificates, but accepts every TLS version and every key length."""
    context = ssl.create_default_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with contextlib.suppress(ValueError):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
    return context


# -- smtplib --------------------------------------------------------------------------


def secure_starttls(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=ssl.create_default_context())
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def secure_without_login(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=ssl.create_default_context())
            client.sendmail(*MAIL)

    return send


def secure_implicit(trap):
    def send():
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(trap.host, trap.tls_port, timeout=TIMEOUT, context=context) as client:
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def unverified_starttls(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=no_context())
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def overlooks_the_name(trap):
    """Verifies the certificate, except for its name."""

    def send():
        context = ssl.create_default_context()
        context.check_hostname = False
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=context)
            client.sendmail(*MAIL)

    return send


def unverified_starttls_lax(trap):
    """Checks neither the certificate nor the length of its key."""

    def send():
        context = no_context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=context)
            client.sendmail(*MAIL)

    return send


def unverified_implicit(trap):
    def send():
        with smtplib.SMTP_SSL(
            trap.host, trap.tls_port, timeout=TIMEOUT, context=no_context()
        ) as client:
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def lax_starttls(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=lax_context())
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def lax_implicit(trap):
    def send():
        with smtplib.SMTP_SSL(
            trap.host, trap.tls_port, timeout=TIMEOUT, context=lax_context()
        ) as client:
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def eager_login(trap):
    """Logs in as soon as it can, and only then upgrades to TLS."""

    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.ehlo()
            if client.has_extn("auth"):
                client.login(trap.username, trap.password)
            client.starttls(context=ssl.create_default_context())
            client.sendmail(*MAIL)

    return send


def opportunist(trap):
    """Upgrades if TLS is offered and works, and continues in any case."""

    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.ehlo_or_helo_if_needed()
            if client.has_extn("starttls"):
                with contextlib.suppress(smtplib.SMTPResponseException):
                    client.starttls(context=ssl.create_default_context())
                    client.ehlo()
            if client.has_extn("auth"):
                client.login(trap.username, trap.password)
            client.sendmail(*MAIL)

    return send


def fallback(trap):
    """If TLS fails, it tries again without it."""

    def send():
        try:
            secure_starttls(trap)()
        except (OSError, smtplib.SMTPException):
            with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
                client.login(trap.username, trap.password)
                client.sendmail(*MAIL)

    return send


def fallback_implicit(trap):
    def send():
        try:
            secure_implicit(trap)()
        except (OSError, smtplib.SMTPException):
            with smtplib.SMTP(trap.host, trap.tls_port, timeout=TIMEOUT) as client:
                client.login(trap.username, trap.password)
                client.sendmail(*MAIL)

    return send


def impatient_never(trap):
    """Has no timeout."""

    def send():
        with smtplib.SMTP(trap.host, trap.port) as client:
            client.starttls(context=ssl.create_default_context())
            client.sendmail(*MAIL)

    return send


def impatient_never_implicit(trap):
    def send():
        with smtplib.SMTP_SSL(
            trap.host, trap.tls_port, context=ssl.create_default_context()
        ) as client:
            client.sendmail(*MAIL)

    return send


def swallowing(make):
    """Swallows every error."""

    def made(trap):
        send = make(trap)

        def swallow():
            with contextlib.suppress(OSError, smtplib.SMTPException):
                send()

        return swallow

    return made


def asks_for_requiretls(trap, *, insists=False):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=TIMEOUT) as client:
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
            offered = client.has_extn("requiretls")
            if insists and not offered:
                raise smtplib.SMTPNotSupportedError("5.7.30 REQUIRETLS needed")
            client.sendmail(*MAIL, mail_options=["REQUIRETLS"] if offered else [])

    return send


def asks_for_requiretls_implicit(trap):
    def send():
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(trap.host, trap.tls_port, timeout=TIMEOUT, context=context) as client:
            client.ehlo()
            options = ["REQUIRETLS"] if client.has_extn("requiretls") else []
            client.sendmail(*MAIL, mail_options=options)

    return send


def logs_what_it_hears(make):
    """Logs the server's replies unescaped."""

    def made(trap):
        send = make(trap)

        def logged():
            try:
                send()
            except smtplib.SMTPResponseException as error:
                log.warning("refused: %s", error.smtp_error.decode("latin-1"))
                raise

        return logged

    return made


# -- a client on the bare socket, for faults that no library has any more --------------


class BareClient:
    """
    SMTP by hand.

    *keeps_input* does not discard what arrived before TLS, *keeps_offers* does not forget what was offered there;
    *reads_late* waits for the network before it reads its buffer, *ignores_refusals* ignores all reply codes.
    """

    def __init__(
        self,
        trap,
        *,
        keeps_input=False,
        keeps_offers=False,
        reads_late=False,
        ignores_refusals=False,
    ):
        self.socket = socket.create_connection((trap.host, trap.port), timeout=3)
        self.keeps_input = keeps_input
        self.keeps_offers = keeps_offers
        self.reads_late = reads_late
        self.ignores_refusals = ignores_refusals
        self.incoming = b""
        self.offers = set()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def reply(self):
        is_late = self.reads_late
        while True:
            while is_late or b"\r\n" not in self.incoming:
                is_late = False
                data = self.socket.recv(4096)
                if not data:
                    raise ConnectionResetError
                self.incoming += data
            line, self.incoming = self.incoming.split(b"\r\n", 1)
            self.offers.update(line.decode().replace("250-", "250 ").upper().split())
            if line[3:4] != b"-":
                return int(line[:3])

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def ehlo(self):
        if not self.keeps_offers:
            self.offers = set()
        if self.say("EHLO bare") != 250 and not self.ignores_refusals:
            raise OSError("EHLO was refused")

    def starttls(self):
        self.say("STARTTLS")
        if not self.keeps_input:
            self.incoming = b""
        context = ssl.create_default_context()
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, trap, *, auth):
        import base64

        if auth:
            secret = base64.b64encode(f"\0{trap.username}\0{trap.password}".encode()).decode()
            self.say(f"AUTH PLAIN {secret}")
        self.say("MAIL FROM:<a@example.org>")
        self.say("RCPT TO:<b@example.org>")
        self.say("DATA")
        if self.say("Subject: Hi\r\n\r\nHello\r\n.") != 250:
            raise OSError("not accepted")


def bare(trap, *, auth="if offered", **faults):
    def send():
        with BareClient(trap, **faults) as client:
            client.reply()
            client.ehlo()
            client.starttls()
            client.ehlo()
            client.send(trap, auth=auth == "always" or "AUTH" in client.offers)

    return send


def keeps_input(trap):
    return bare(trap, keeps_input=True)


def reads_late(trap):
    return bare(trap, keeps_input=True, reads_late=True)


def ignores_refusals(trap):
    return bare(trap, ignores_refusals=True)


def keeps_offers(trap):
    return bare(trap, keeps_offers=True)


def always_auth(trap):
    return bare(trap, auth="always")


def goes_on_in_cleartext(trap):
    """If the handshake fails, it continues without TLS on the same connection."""

    def send():
        with BareClient(trap) as client:
            client.reply()
            client.ehlo()
            client.say("STARTTLS")
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = ssl.create_default_context().wrap_bio(
                incoming, outgoing, server_hostname="localhost"
            )
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            client.socket.sendall(outgoing.read())
            data = client.socket.recv(4096)
            if data.startswith(b"\x16\x03"):
                raise NotImplementedError("it would have gone on inside TLS")
            client.send(trap, auth=False)

    return send


def with_fallback_on_the_connection(trap):
    """Talks to the good server correctly, so that it passes the control."""
    careless, secure = goes_on_in_cleartext(trap), secure_starttls(trap)

    def send():
        try:
            careless()
        except NotImplementedError:
            secure()

    return send


def wait_until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()
