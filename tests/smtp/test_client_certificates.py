"""Client certificates: ignored, requested or required; from the trap's CA, from another CA, or none."""

from __future__ import annotations

import ssl

import pytest
import trustme
from _issued import assert_issued
from _trap_talk import Talk
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pytest_mailtrap._server.certificate_authority import new_ca

MODES = ("starttls", "implicit")
REFUSED = (ssl.SSLError, ConnectionError)


def context_of(trap, ca=None, maximum=None):
    """A client context that verifies the trap, with a certificate issued by *ca*, or none."""
    context = ssl.create_default_context(cafile=trap.ca_file)
    if maximum is not None:
        context.maximum_version = maximum
    if ca is not None:
        ca.issue_cert("client@example.org", common_name="client").configure_cert(context)
    return context


def deliver(trap, mode, context, session=None):
    if mode == "implicit":
        client = Talk(trap.tls_port, tls=context, session=session)
    else:
        client = Talk(trap.port)
    with client:
        if mode == "starttls":
            client.starttls(context, session=session)
        # In TLS 1.3 a client learns only from the first reply that its certificate was refused.
        reply = client.deliver()
        return reply, client.socket.session


def error_of(trap):
    [connection] = trap.connections
    assert connection.messages == ()
    return connection.handshake_error


def loaded(blob):
    return x509.load_pem_x509_certificate(blob.bytes())


def test_control_who_has_not_issued_it():
    """The control of what follows: neither a CA of another name nor one of the same name with another key has."""
    ca, impostor = (trustme.CA(organization_unit_name="CA of the shop") for _ in range(2))
    certificate = loaded(ca.issue_cert("client@example.org").cert_chain_pems[0])
    assert_issued(certificate, loaded(ca.cert_pem))
    with pytest.raises(InvalidSignature):
        assert_issued(certificate, loaded(impostor.cert_pem))
    with pytest.raises(AssertionError):
        assert_issued(certificate, loaded(trustme.CA().cert_pem))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("option", ["request", "require"])
def test_certificate_of_the_ca(mailtrap_factory, mailtrap_ca, option, mode):
    """A certificate from the trap's CA is accepted, and recorded with the message."""
    with mailtrap_factory(client_certificates=option) as trap:
        reply, _ = deliver(trap, mode, context_of(trap, mailtrap_ca))
        assert reply == "250 OK"
        certificate = trap[0].transport.client_certificate
    assert isinstance(certificate, x509.Certificate)
    assert_issued(certificate, loaded(mailtrap_ca.cert_pem))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["client@example.org"]


@pytest.mark.parametrize("ca", ["ours", "other"])
def test_ignored(mailtrap, mailtrap_ca, ca):
    """By default a client is not asked for a certificate, and does not send the one it has."""
    reply, _ = deliver(
        mailtrap, "starttls", context_of(mailtrap, mailtrap_ca if ca == "ours" else new_ca())
    )
    assert reply == "250 OK"
    assert mailtrap[0].transport.client_certificate is None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.mailtrap(client_certificates="request")
def test_requested_and_none_shown(mailtrap, mode):
    """If a certificate is only requested, a client without one may still send mail."""
    reply, _ = deliver(mailtrap, mode, context_of(mailtrap))
    assert reply == "250 OK"
    assert mailtrap[0].transport.client_certificate is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.mailtrap(client_certificates="require")
def test_required_and_none_shown(mailtrap, mode, version):
    """A client without a certificate is turned away, and the trap says why."""
    with pytest.raises(REFUSED):
        deliver(mailtrap, mode, context_of(mailtrap, maximum=version))
    assert error_of(mailtrap) == "client sent no certificate, and the trap requires one"
    assert mailtrap.connections[0].ended_by == "server"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("option", ["request", "require"])
def test_certificate_of_another_ca(mailtrap_factory, option, version):
    """A certificate that does not verify is refused, whether one was required or only requested."""
    with mailtrap_factory(client_certificates=option) as trap:
        with pytest.raises(REFUSED):
            deliver(trap, "starttls", context_of(trap, new_ca(), maximum=version))
        assert error_of(trap) == (
            "the trap rejected the client's certificate: unable to get local issuer certificate"
        )


def test_expired_certificate(mailtrap_factory, mailtrap_ca):
    """An expired certificate is refused, even if it is from the trap's own CA."""
    import datetime

    with mailtrap_factory(client_certificates="require") as trap:
        context = context_of(trap)
        mailtrap_ca.issue_cert(
            "client@example.org",
            not_after=datetime.datetime(2020, 1, 1),  # noqa: DTZ001  # trustme's
        ).configure_cert(context)
        with pytest.raises(REFUSED):
            deliver(trap, "starttls", context)
        assert error_of(trap) == (
            "the trap rejected the client's certificate: certificate has expired"
        )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.mailtrap(client_certificates="require")
def test_resumed_session_still_has_it(mailtrap, mailtrap_ca, version):
    """A resumed session keeps the client certificate of the original session."""
    context = context_of(mailtrap, mailtrap_ca, version)
    _, session = deliver(mailtrap, "implicit", context)
    deliver(mailtrap, "implicit", context, session)
    first, second = (message.transport for message in mailtrap)
    assert (first.session_reused, second.session_reused) == (False, True)
    assert first.client_certificate == second.client_certificate is not None


def test_rsa_certificate(mailtrap_factory):
    """The type of key does not matter, neither the CA's nor the client's."""
    from pytest_mailtrap import MailTrapFactory

    ca = trustme.CA(key_type=trustme.KeyType.RSA)
    factory = MailTrapFactory(ca)
    try:
        with factory(client_certificates="require") as trap:
            context = context_of(trap)
            ca.issue_cert("c@example.org", key_type=trustme.KeyType.RSA).configure_cert(context)
            reply, _ = deliver(trap, "starttls", context)
            assert reply == "250 OK"
    finally:
        factory.close()
