"""A shop that sends mail as real shops do: some of it correctly, some of it not."""

from __future__ import annotations

import smtplib
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

if TYPE_CHECKING:
    import ssl

CARD = """\
<!doctype html>
<html lang="en">
<head><meta name="viewport" content="width=device-width"><style>
  body {{ margin: 0; background: #f4f1ec; font: 16px/1.55 Georgia, serif; color: #2b2622 }}
  .card {{ max-width: 560px; margin: 32px auto; background: #fff; border-radius: 12px; padding: 36px 40px }}
  h1 {{ font-size: 24px; margin: 20px 0 8px }}
  .button {{ display: inline-block; margin: 18px 0; padding: 12px 26px; border-radius: 8px; background: #3d5a45; color: #fff; text-decoration: none; font: 600 15px Helvetica, Arial, sans-serif }}
  .small {{ color: #83796f; font-size: 13px }}
  td {{ padding: 7px 0; border-bottom: 1px solid #eee6dc }} .sum td {{ font-weight: bold; border: 0 }}
</style></head>
<body><div class="card"><img src="cid:logo" width="132" height="30" alt="Fern &amp; Co">{body}</div></body></html>
"""
RESET = """<h1>Reset your password</h1><p>Hello Bob,</p><p>somebody, hopefully you, asked for a new password
for your account. The link works for one hour.</p><p><a class="button" href="https://shop.example.org/reset/4711">Choose a
new password</a></p><p class="small">If it was not you, there is nothing to do.</p>"""
INVOICE = """<h1>Your invoice</h1><p>Thank you for your order. The invoice is attached as a PDF.</p>
<table width="100%"><tr><td>Monstera deliciosa</td><td align="right">39.00 €</td></tr><tr><td>Terracotta pot, 24 cm</td>
<td align="right">18.50 €</td></tr><tr class="sum"><td>Total</td><td align="right">57.50 €</td></tr></table>
<p><a class="button" href="https://shop.example.org/orders/1042">See your order</a></p>"""
NEWS = """<h1>Spring is here</h1><p>Hello {{ first_name }}, our new plants have arrived.</p>
<p><img src="https://cdn.example.org/fern.jpg" width="480" height="180"></p>
<p><a href="http://shop.example.org/spring">Have a look at them</a>, or read more at
<a href="https://click.example-mailer.net/r/9f2">shop.example.org</a>.</p>
<p class="small"><a href="https://shop.example.org/unsubscribe">Unsubscribe</a></p>
<img src="https://click.example-mailer.net/open/9f2.gif" width="1" height="1">"""


def mail(to: str, subject: str, **headers: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "Fern & Co <shop@example.org>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="example.org")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message


def with_card(message: EmailMessage, text: str, body: str, logo: bytes) -> EmailMessage:
    message.set_content(text)
    message.add_alternative(CARD.format(body=body), subtype="html")
    message.get_payload(1).add_related(logo, "image", "png", cid="<logo>")
    return message


def send(message: EmailMessage, host: str, port: int, context: ssl.SSLContext, *login: str) -> None:
    with smtplib.SMTP(host, port) as client:
        client.starttls(context=context)
        if login:
            client.login(*login)
        client.send_message(message)


def send_in_cleartext(message: EmailMessage, host: str, port: int) -> None:
    with smtplib.SMTP(host, port) as client:
        client.send_message(message)


def signed(message: EmailMessage, identity) -> bytes:
    """The message wrapped in multipart/signed, as bytes that must not be parsed again."""
    entity = EmailMessage(policy=policy.SMTP)
    entity.set_content(message.get_content(), cte="quoted-printable")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity.as_bytes())
    builder = builder.add_signer(identity.certificate, identity.private_key, SHA256())
    sealed = builder.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])
    fields = [
        f"{n}: {v}" for n, v in message.items() if not n.lower().startswith(("content-", "mime-"))
    ]
    return "\r\n".join(fields).encode() + b"\r\n" + sealed
