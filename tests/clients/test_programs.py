"""Which mail client a command line runs: judged by its first word, after mere launchers, and only if that is certain."""

from __future__ import annotations

import pytest

from pytest_mailtrap._clients.programs import client_of_program, clients_of_command, program_of

SENDMAIL = ["git", "-c", "core.pager=", "send-email", "0001.patch"]


@pytest.mark.parametrize(
    ("args", "program"),
    [
        (["curl", "smtp://localhost"], "curl"),
        (("/usr/bin/msmtp", "bob@example.org"), "msmtp"),
        (["C:\\tools\\curl.exe", "smtp://localhost"], "curl"),
        (["env", "-u", "HOME", "LANG=C", "msmtp", "bob@example.org"], "msmtp"),
        (["sudo", "-u", "mail", "mutt"], "mutt"),
        (["timeout", "-k", "3", "10s", "nice", "-n", "5", "swaks"], "swaks"),
        (["/usr/bin/python3.12", "-m", "report"], "python3.12"),
        ("LANG=C curl smtp://localhost", "curl"),
        ("printf hi | msmtp -t", "msmtp"),
        (["bash", "-ec", "cat mail.eml | s-nail -t > /dev/null"], "s-nail"),
        (b"swaks --to bob@example.org", "swaks"),
    ],
)
def test_the_program_is_the_first_word_that_matters(args, program):
    """The first word after assignments, programs that start other programs, their options, shells, and directories."""
    assert program_of(args) == program


@pytest.mark.parametrize(
    "args",
    [
        *(None, 5, "", [], ["env", "LANG=C"], '"unbalanced'),
        "msmtp a@example.org && curl smtp://localhost",
        "echo a | sort",
        # Whoever only writes into a pipe is no client: behind it stands a mailer that is in no table.
        "perl -pe s/A/B/ a.txt | mail.mailutils bob@example.org",
        "ruby -e 'puts 1' | sendemail -t bob@example.org",
    ],
)
def test_no_program_is_guessed(args):
    """None for a line with two mail clients, for several programs without a mail client, and for what is not a command line."""
    assert program_of(args) is None
    assert clients_of_command(args) == ()


@pytest.mark.parametrize(
    ("args", "clients"),
    [
        (["curl", "--ssl-reqd", "smtp://localhost:2525"], ("curl",)),
        (["curl", "localhost:2525", "--mail-from", "a@example.org"], ("curl",)),
        (SENDMAIL, ("git",)),
        (["node", "-e", "require('nodemailer')"], ("nodemailer",)),
        (["php8.2", "send.php"], ("PHPMailer", "Symfony Mailer")),
        (["php", "-r", "use PHPMailer\\PHPMailer\\PHPMailer;"], ("PHPMailer",)),
        (["php", "-r", "use Symfony\\Component\\Mailer\\Mailer;"], ("Symfony Mailer",)),
        (["python3.11", "-c", "import smtplib\nsmtplib.SMTP('localhost')"], ("smtplib",)),
        (
            ["python3", "-c", "from smtplib import SMTPException\nimport flask_mail"],
            ("Flask-Mail",),
        ),
        (["python3", "-c", "from django.core.mail import send_mail"], ("Django",)),
        (["ruby3.1", "no-such-file.rb"], ("Ruby",)),
        (["ruby", "-e", "require 'net/smtp'"], ("Ruby",)),
        (["perl", "-MNet::SMTP", "-e", "..."], ("Perl",)),
        (["perl", "-e", "use Net::SMTP; use MIME::Base64;"], ("Perl",)),
        (["perl", "-w", "/usr/bin/swaks", "--to", "bob@example.org"], ("swaks",)),
        (["python3", "-c", "import aiosmtplib\naiosmtplib.SMTP(hostname='a')"], ("aiosmtplib",)),
        (["ruby", "-rnet/smtp", "-e", "..."], ("Ruby",)),
        (["java", "-cp", "jakarta.mail.jar:.", "Send"], ("JavaMail",)),
        (["perl", "/usr/bin/swaks", "--to", "bob@example.org"], ("swaks",)),
        (["php", "-r", "require 'vendor/autoload.php';"], ("PHPMailer", "Symfony Mailer")),
        ("perl -pe s/A/B/ a.txt | msmtp -t", ("msmtp",)),
        ("if true; then exec msmtp -t; fi", ("msmtp",)),
        ("for to in a b; do time swaks --to $to; done", ("swaks",)),
    ],
)
def test_a_command_line_shows_its_client(args, clients):
    """By the program alone, or by arguments that refer to mail; both clients are named if it may be either."""
    assert clients_of_command(args) == clients


@pytest.mark.parametrize(
    "args",
    [
        ["curl", "https://example.org/smtp"],
        ["git", "log", "--grep=send-email"],
        ["node", "server.js"],
        ["python3", "-c", "import smtplib"],
        ["python3", "-c", "import redmail\nimport yagmail"],
        ["perl", "-pe", "s/A/B/", "a.txt"],
        ["perl", "-e", "use Net::SMTP; use Email::Sender::Simple;"],
        ["perl", "-MMIME::Lite", "-e", "..."],
        ["ruby", "-e", "puts 1"],
        ["java", "-jar", "search.jar"],
        ["ruby", "-e", "require 'mail'; require 'net/smtp'"],
        ["php", "-r", "stream_socket_client('tcp://localhost:25');"],
        ["go", "run", "-x"],
        ["python3", "-m", "report"],
        ["make", "mail"],
    ],
)
def test_a_program_that_may_do_something_else_is_no_client(args):
    """The negative control: the same programs, with no sign of mail, or with ambiguous signs."""
    assert clients_of_command(args) == ()


@pytest.mark.parametrize(
    ("text", "clients"),
    [("const nodemailer = require('nodemailer')", ("nodemailer",)), ("fetch('/')", ())],
)
def test_a_script_is_looked_into(tmp_path, text, clients):
    """The script shows what its interpreter is used for."""
    script = tmp_path / "send.js"
    script.write_text(text, "utf-8")
    assert clients_of_command(["node", "--no-warnings", str(script)]) == clients
    assert clients_of_command(["node", "-r", "dotenv/config", str(script)]) == clients


def test_a_name_alone_must_be_sure():
    """Node may do anything, so no client is named; PHP has two usual libraries, so both are named."""
    assert client_of_program("msmtp") == ("msmtp",)
    assert client_of_program("php8.2") == ("PHPMailer", "Symfony Mailer")
    assert client_of_program("node") == client_of_program("redis-server") == ()
    assert client_of_program(None) == ()
