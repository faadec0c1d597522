"""The tests of the shop's mail; under the policy 'enforce' one of them fails, for a good reason."""

from __future__ import annotations

import smtplib
import ssl

import pytest
import shop
from pictures import LOGO


@pytest.fixture
def send(mailtrap):
    login = (mailtrap.username, mailtrap.password)
    return lambda message: shop.send(
        message, mailtrap.host, mailtrap.port, mailtrap.ssl_context, *login
    )


class TestAccount:
    def test_reset_link_is_mailed(self, mailtrap, send):
        message = shop.mail("Bob Builder <bob@example.com>", "Reset your password")
        text = "Choose a new password: https://shop.example.org/reset/4711\n"
        send(shop.with_card(message, text, shop.RESET, LOGO))
        mailtrap.assert_sent_over_tls(minimum="TLSv1.3")

    def test_a_stranger_gets_no_mail(self, mailtrap):
        context = ssl.create_default_context()
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client, pytest.raises(ssl.SSLError):
            client.starttls(context=context)


class TestOrders:
    def test_invoice_is_attached(self, mailtrap, send):
        message = shop.mail("Bob Builder <bob@example.com>", "Your invoice 2026-1042")
        shop.with_card(message, "Your invoice is attached.\n", shop.INVOICE, LOGO)
        message.add_attachment(
            b"%PDF-1.7\n" * 2000, "application", "pdf", filename="invoice-2026-1042.pdf"
        )
        send(message)
        assert mailtrap[0].attachments

    def test_shipping_note_is_signed(self, mailtrap):
        message = shop.mail("bob@example.com", "Your parcel is on its way")
        message.set_content("Grüße from the greenhouse: your parcel left us today.\n")
        raw = shop.signed(message, mailtrap.smime_identity("shop@example.org"))
        with smtplib.SMTP_SSL(
            mailtrap.host, mailtrap.tls_port, context=mailtrap.ssl_context
        ) as client:
            client.sendmail("shop@example.org", ["bob@example.com", "archive@example.org"], raw)
        mailtrap.assert_smime_signed(by="shop@example.org")


class TestNewsletter:
    def test_spring_newsletter(self, mailtrap, send):
        message = shop.mail(
            "carol@example.net", "Spring is here: 20 % off all ferns", List_Id="<news.example.org>"
        )
        message.set_content(shop.CARD.format(body=shop.NEWS), subtype="html")
        message.add_related(LOGO, "image", "png", cid="<logo>")
        send(message)
        mailtrap.assert_sent_over_tls()


class TestContactForm:
    def test_question_is_forwarded(self, mailtrap):
        message = shop.mail("support@example.org", "Question from the contact form")
        message.set_content("When do you open on Saturdays?\n")
        shop.send_in_cleartext(message, mailtrap.host, mailtrap.port)
        assert mailtrap.messages_to("support@example.org")
