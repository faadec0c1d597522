"""
The throwaway CA, and certificates from it for any names that a machine can have.

Rules of this file: good certificates only; those with a flaw are made in `_server.bad_certificates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mailtrap._facts.certificates import validity

if TYPE_CHECKING:
    import trustme


def new_ca() -> trustme.CA:
    """Make a throwaway CA with an EC P-256 key: this takes 0.4 ms, RSA 40 to 100 ms."""
    import trustme

    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def issue(
    ca: trustme.CA, names: tuple[str, ...], **validity: Any
) -> trustme.LeafCert:  # trustme's keywords
    """A certificate for host names and IP addresses; *validity* is trustme's `not_before` and `not_after`."""
    import trustme

    try:
        return ca.issue_cert(*names, key_type=trustme.KeyType.ECDSA, **validity)
    except ValueError:
        # Names that IDNA does not allow, such as smtp_relay: machines have them nevertheless.
        model = ca.issue_cert("localhost", key_type=trustme.KeyType.ECDSA, **validity)
        return _renamed(model, ca, names)


def _renamed(model: trustme.LeafCert, ca: trustme.CA, names: tuple[str, ...]) -> trustme.LeafCert:
    """The certificate with other names, which are used unchanged."""
    import trustme
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    template = x509.load_pem_x509_certificate(model.cert_chain_pems[0].bytes())
    first, last = validity(template)
    builder = x509.CertificateBuilder(
        issuer_name=template.issuer,
        subject_name=template.subject,
        public_key=template.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=first,
        not_valid_after=last,
    )
    for extension in template.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(value, extension.critical)
    key: Any = load_pem_private_key(ca.private_key_pem.bytes(), None)  # of any kind that CAs have
    certificate = builder.sign(key, template.signature_hash_algorithm)  # type: ignore[arg-type]  # that of the CA
    rest = [pem.bytes() for pem in model.cert_chain_pems[1:]]
    return trustme.LeafCert(
        model.private_key_pem.bytes(), certificate.public_bytes(Encoding.PEM), rest
    )
