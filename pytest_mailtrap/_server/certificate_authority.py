"""
The throwaway CA, and certificates from it for any names that a machine can have.

Rules of this file: good certificates only; those with a flaw are made in `_server.bad_certificates`.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import trustme
    from cryptography import x509

# Certificates are valid at any date to which a test may set its clock. The first one is the first that every client can
# represent (rustls does not parse an earlier one), the last one is trustme's (OpenSSL on Windows fails after the year 3000).
_FIRST = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = datetime(3000, 1, 1, tzinfo=timezone.utc)


def new_ca() -> trustme.CA:
    """Make a throwaway CA with an EC P-256 key: this takes 0.6 ms, RSA 40 to 100 ms."""
    import trustme
    from cryptography import x509

    model = trustme.CA(key_type=trustme.KeyType.ECDSA)
    # trustme's own certificate of a CA is valid from 2000 on.
    template = x509.load_pem_x509_certificate(model.cert_pem.bytes())
    key = model.private_key_pem.bytes()
    return trustme.CA.from_pem(_signed(template, key, _FIRST, _LAST), key)


def issue(
    ca: trustme.CA,
    names: tuple[str, ...],
    *,
    not_before: datetime = _FIRST,
    not_after: datetime = _LAST,
) -> trustme.LeafCert:
    """A certificate for host names and IP addresses."""
    import trustme

    key_type = trustme.KeyType.ECDSA
    period: dict[str, Any] = {"not_before": not_before, "not_after": not_after}
    try:
        return ca.issue_cert(*names, key_type=key_type, **period)
    except ValueError:
        # Names that IDNA does not allow, such as smtp_relay: machines have them nevertheless.
        model = ca.issue_cert("localhost", key_type=key_type, **period)
        return _renamed(model, ca, names, not_before, not_after)


def _renamed(
    model: trustme.LeafCert,
    ca: trustme.CA,
    names: tuple[str, ...],
    not_before: datetime,
    not_after: datetime,
) -> trustme.LeafCert:
    """The certificate with other names, which are used unchanged."""
    import trustme
    from cryptography import x509

    template = x509.load_pem_x509_certificate(model.cert_chain_pems[0].bytes())
    certificate = _signed(template, ca.private_key_pem.bytes(), not_before, not_after, names)
    rest = [pem.bytes() for pem in model.cert_chain_pems[1:]]
    return trustme.LeafCert(model.private_key_pem.bytes(), certificate, rest)


def _signed(
    template: x509.Certificate,
    ca_key: bytes,
    not_before: datetime,
    not_after: datetime,
    names: tuple[str, ...] = (),
) -> bytes:
    """A certificate like *template*, valid at other times and, if there are *names*, for these."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    builder = x509.CertificateBuilder(
        issuer_name=template.issuer,
        subject_name=template.subject,
        public_key=template.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=not_before,
        not_valid_after=not_after,
    )
    for extension in template.extensions:
        value = extension.value
        if names and isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(value, extension.critical)
    key: Any = load_pem_private_key(ca_key, None)  # of any kind that CAs have
    certificate = builder.sign(key, template.signature_hash_algorithm)  # type: ignore[arg-type]  # that of the CA
    return certificate.public_bytes(Encoding.PEM)
