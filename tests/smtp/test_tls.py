"""TLS as the trap offers it and records it: STARTTLS, implicit TLS, versions, and the facts of a session."""

from __future__ import annotations

import smtplib
import ssl
import warnings
from pathlib import Path

import pytest
from _trap_talk import MAIL, SECONDS, Talk, send

from pytest_mailtrap import Transport

MODES = ("starttls", "implicit")


def deliver(trap, mode, context=None):
    """Send one message, and return the transport it was captured with."""
    context = context or trap.ssl_context
    if mode == "implicit":
        client = smtplib.SMTP_SSL(trap.host, trap.tls_port, context=context, timeout=SECONDS)
    else:
        client = smtplib.SMTP(trap.host, trap.port, timeout=SECONDS)
    with client:
        if mode == "starttls":
            client.starttls(context=context)
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
    return trap[-1].transport


def client_context(trap, minimum=None, maximum=None, ciphers=None):
    context = ssl.create_default_context(cafile=trap.ca_file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if ciphers:
            context.set_ciphers(ciphers)
        if minimum:
            context.minimum_version = minimum
        if maximum:
            context.maximum_version = maximum
    return context


# -- the three ways a message can come ---------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_facts_of_a_tls_session(mailtrap, mode):
    """Version, cipher, bits, server name, peer and time are those of the session the client had."""
    transport = deliver(mailtrap, mode)
    assert transport.encrypted
    assert transport.tls_version == "TLSv1.3"
    assert transport.negotiated_by == mode
    assert transport.cipher in ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")
    assert transport.cipher_bits in (128, 256)
    assert f"_{transport.cipher_bits}_" in transport.cipher
    assert transport.sni == "localhost"
    assert transport.alpn is None
    assert transport.session_reused is False
    assert transport.client_certificate is None
    assert transport.handshake_seconds > 0
    assert transport.peer == mailtrap.connections[0].peer
    assert mailtrap.connections[0].implicit_tls is (mode == "implicit")


def test_facts_of_cleartext(mailtrap):
    """The control: without TLS there are no TLS facts."""
    send(mailtrap, tls=False)
    [message] = mailtrap
    assert message.transport == Transport(
        tls_version=None,
        cipher=None,
        cipher_bits=None,
        negotiated_by=None,
        sni=None,
        alpn=None,
        session_reused=False,
        client_certificate=None,
        client_hello=None,
        peer=message.transport.peer,
        ehlo=message.transport.ehlo,
        handshake_seconds=None,
    )
    assert not message.transport.encrypted
    assert message.transport.ehlo


@pytest.mark.parametrize(
    ("cipher", "bits"),
    [("ECDHE-ECDSA-AES128-GCM-SHA256", 128), ("ECDHE-ECDSA-AES256-GCM-SHA384", 256)],
)
def test_cipher_and_bits(mailtrap, cipher, bits):
    """The cipher is the one the client was limited to, with its bits."""
    context = client_context(mailtrap, maximum=ssl.TLSVersion.TLSv1_2, ciphers=cipher)
    transport = deliver(mailtrap, "starttls", context)
    assert (transport.cipher, transport.cipher_bits) == (cipher, bits)


def test_messages_before_and_after_starttls(mailtrap):
    """Each message has the transport at the time it was sent, not at the end of its connection."""
    with Talk(mailtrap.port) as client:
        client.deliver(b"Subject: open\r\n\r\n")
        client.starttls(mailtrap.ssl_context)
        client.deliver(b"Subject: sealed\r\n\r\n")
    assert [m.transport.tls_version for m in mailtrap] == [None, "TLSv1.3"]
    [connection] = mailtrap.connections
    assert [m.subject for m in connection.messages] == ["open", "sealed"]
    assert connection.transport.tls_version == "TLSv1.3"


@pytest.mark.parametrize("name", ["localhost", "trap.example.org"])
def test_server_name(mailtrap, name):
    """sni is the name the client asked for, even if the certificate is not valid for it."""
    context = client_context(mailtrap)
    context.check_hostname = False
    with Talk(mailtrap.port) as client:
        client.starttls(context, name=name)
        client.deliver()
    assert mailtrap[0].transport.sni == name
    assert mailtrap[0].transport.client_hello.server_name == name


def test_no_server_name_for_an_address(mailtrap):
    """A client that connects to an IP address sends no server name (RFC 6066, section 3), but can verify the IP."""
    with smtplib.SMTP_SSL(
        "127.0.0.1", mailtrap.tls_port, context=mailtrap.ssl_context, timeout=SECONDS
    ) as client:
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
    assert mailtrap[0].transport.sni is None


def test_alpn(mailtrap):
    """What the client offers is recorded, but no protocol is selected: SMTP has no registered ALPN name."""
    context = client_context(mailtrap)
    context.set_alpn_protocols(["smtp", "http/1.1"])
    transport = deliver(mailtrap, "starttls", context)
    assert transport.alpn is None
    assert transport.client_hello.alpn == ("smtp", "http/1.1")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("mode", MODES)
def test_session_reused(mailtrap, mode, version):
    """A resumed session, and only that, is recorded as such, even in the next trap of the same kind."""
    context = client_context(mailtrap, minimum=version, maximum=version)
    session = None
    for expected in (False, True):
        if mode == "implicit":
            client = Talk(mailtrap.tls_port, tls=context, session=session)
        else:
            client = Talk(mailtrap.port)
        with client:
            if mode == "starttls":
                client.starttls(context, session=session)
            client.deliver()
            session = client.socket.session
        assert mailtrap[-1].transport.session_reused is expected
        assert mailtrap[-1].transport.encrypted


# -- the dialogue around STARTTLS --------------------------------------------------------


def test_starttls_begins_anew(mailtrap):
    """After the handshake everything sent before is forgotten (RFC 3207, section 4.2): EHLO, envelope, login."""
    with Talk(mailtrap.port) as client:
        client.hello()
        client.say("MAIL FROM:<a@example.org>")
        client.say("RCPT TO:<b@example.org>")
        assert mailtrap.connections[0].transport.ehlo == "client.example.org"
        client.starttls(mailtrap.ssl_context)
        assert mailtrap.connections[0].transport.ehlo is None
        assert client.say("MAIL FROM:<a@example.org>").startswith("503")
        assert client.say("EHLO again.example.org").startswith("250")
        assert client.say("DATA").startswith("503")
        assert client.deliver() == "250 OK"
    assert mailtrap[0].transport.ehlo == "client.example.org"


def test_what_ehlo_offers(mailtrap):
    """STARTTLS is offered only before TLS, AUTH and REQUIRETLS only inside it."""
    with Talk(mailtrap.port) as client:
        before = client.hello().splitlines()
        client.starttls(mailtrap.ssl_context)
        after = client.hello().splitlines()
    assert before == [
        "250-localhost",
        "250-SIZE",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-STARTTLS",
        "250-DSN",
        "250 HELP",
    ]
    assert after == [
        "250-localhost",
        "250-SIZE",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-AUTH LOGIN PLAIN",
        "250-REQUIRETLS",
        "250-DSN",
        "250 HELP",
    ]


def test_ehlo_comes_in_one_piece(mailtrap):
    """A multi-line reply is one write: some clients read only the first segment."""
    with Talk(mailtrap.port) as client:
        client.send(b"EHLO client.example.org\r\n")
        assert client.socket.recv(65536).endswith(b"250 HELP\r\n")


def test_implicit_tls_offers_what_starttls_gives(mailtrap):
    """Inside TLS, the same extensions are offered with implicit TLS as after STARTTLS."""
    with Talk(mailtrap.port) as client:
        client.starttls(mailtrap.ssl_context)
        upgraded = client.hello()
    with Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) as client:
        assert client.hello() == upgraded


@pytest.mark.parametrize("mode", MODES)
def test_starttls_twice(mailtrap, mode):
    """Inside TLS a second STARTTLS is refused, and the session goes on."""
    port, tls = (
        (mailtrap.port, None) if mode == "starttls" else (mailtrap.tls_port, mailtrap.ssl_context)
    )
    with Talk(port, tls=tls) as client:
        if mode == "starttls":
            client.starttls(mailtrap.ssl_context)
        assert client.say("STARTTLS") == "503 5.5.1 TLS is already active"
        assert client.deliver() == "250 OK"


def test_starttls_takes_no_argument(mailtrap):
    """STARTTLS with an argument is a syntax error (RFC 3207, section 4), and TLS does not start."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say("STARTTLS now") == "501 Syntax: STARTTLS"
        assert client.say("NOOP") == "250 OK"


@pytest.mark.mailtrap(starttls="off")
def test_starttls_off(mailtrap):
    """With starttls="off" STARTTLS is neither offered nor accepted; implicit TLS still works."""
    with Talk(mailtrap.port) as client:
        assert "STARTTLS" not in client.hello()
        assert client.say("STARTTLS") == "502 5.5.1 STARTTLS is not offered"
        assert client.deliver() == "250 OK"
    assert deliver(mailtrap, "implicit").encrypted
    assert not mailtrap[0].transport.encrypted


@pytest.mark.mailtrap(starttls="require")
def test_starttls_require(mailtrap):
    """With starttls="require" only EHLO, NOOP, QUIT and STARTTLS are accepted before TLS (RFC 3207, section 4)."""
    with Talk(mailtrap.port) as client:
        assert "250-STARTTLS" in client.hello().splitlines()
        for command in ("MAIL FROM:<a@example.org>", "RCPT TO:<b@c.d>", "DATA", "VRFY a", "HELO x"):
            assert client.say(command) == "530 Must issue a STARTTLS command first"
        assert client.say("NOOP") == "250 OK"
        client.starttls(mailtrap.ssl_context)
        assert client.deliver() == "250 OK"
    assert len(mailtrap) == 1
    with Talk(mailtrap.port) as client:
        assert client.say("QUIT") == "221 Bye"


@pytest.mark.mailtrap(starttls="require")
def test_starttls_require_leaves_implicit_tls_alone(mailtrap):
    """A client that uses implicit TLS has nothing to upgrade."""
    assert deliver(mailtrap, "implicit").encrypted


# -- versions ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.mailtrap(minimum_tls="TLSv1.2", maximum_tls="TLSv1.2")
def test_maximum_tls(mailtrap, mode):
    """A client that supports newer versions still gets no more than the trap's maximum."""
    transport = deliver(mailtrap, mode)
    assert transport.tls_version == "TLSv1.2"
    assert "TLSv1.3" in transport.client_hello.versions


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.mailtrap(minimum_tls="TLSv1.3")
def test_minimum_tls(mailtrap, mode):
    """A client that does not support the trap's minimum version is refused, and the trap says why."""
    old = client_context(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        deliver(mailtrap, mode, old)
    [connection] = mailtrap.connections
    assert connection.handshake_error == "no common TLS version: the client offers only TLSv1.2"
    assert deliver(mailtrap, mode).tls_version == "TLSv1.3"


def _can_speak(version):
    """Whether this OpenSSL still supports *version*, determined by a handshake without a trap."""
    import trustme

    ca = trustme.CA()
    sides = []
    for purpose in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context = ssl.SSLContext(purpose)
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        sides.append(context)
    ca.issue_cert("localhost").configure_cert(sides[0])
    ca.configure_trust(sides[1])
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = sides[0].wrap_bio(one, other, server_side=True)
    client = sides[1].wrap_bio(other, one, server_hostname="localhost")
    for _ in range(6):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


@pytest.mark.parametrize("name", ["TLSv1", "TLSv1.1"])
def test_old_versions_when_asked_for(mailtrap_factory, name):
    """If OpenSSL still supports them, the trap speaks TLS 1.0 and 1.1, without a warning."""
    version = ssl.TLSVersion[name.replace(".", "_")]
    if not _can_speak(version):
        pytest.skip(f"this OpenSSL has no {name}")
    with mailtrap_factory(minimum_tls=name) as trap:
        context = client_context(
            trap, minimum=version, maximum=version, ciphers="DEFAULT:@SECLEVEL=0"
        )
        transport = deliver(trap, "starttls", context)
        assert transport.tls_version == name
        with pytest.raises(AssertionError, match=r"sent over TLS older than TLSv1\.2"):
            trap.assert_sent_over_tls()
    with mailtrap_factory() as trap, pytest.raises(ssl.SSLError):
        deliver(trap, "starttls", context)


# -- whom to trust -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_ssl_context_trusts_this_ca_only(mailtrap, mode):
    """mailtrap.ssl_context verifies the name and the CA; an unrelated context rejects the trap."""
    context = mailtrap.ssl_context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.get_ca_certs(binary_form=True) == [ssl.PEM_cert_to_DER_cert(mailtrap.ca_pem)]
    assert deliver(mailtrap, mode).encrypted
    with pytest.raises(ssl.SSLCertVerificationError):
        deliver(mailtrap, mode, ssl.create_default_context())
    assert len(mailtrap) == 1


def test_ca_as_text_and_as_file(mailtrap):
    """ca_pem and ca_file hold the same certificate."""
    assert mailtrap.ca_file.read_text("ascii") == mailtrap.ca_pem
    assert mailtrap.ca_pem.startswith("-----BEGIN CERTIFICATE-----")


def test_ca_file_is_removed_at_the_end(pytester):
    """The CA files exist for as long as the session, and no longer."""
    pytester.makepyfile(
        """
        from pathlib import Path

        def test_it(mailtrap, mailtrap_factory):
            Path("where.txt").write_text(str(mailtrap.ca_file))
        """
    )
    pytester.runpytest().assert_outcomes(passed=1)
    where = Path((pytester.path / "where.txt").read_text())
    assert where.name == "ca.pem"
    assert not where.parent.exists()
