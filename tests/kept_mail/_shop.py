"""An application that sends mail using every way of importing smtplib, and the mail that it sends."""

from __future__ import annotations

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
