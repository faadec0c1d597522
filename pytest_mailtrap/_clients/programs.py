"""
Which mail client a command line starts.

Rules of this file: a wrong name is worse than none; it returns only the names of programs and clients, never an argument.
Nothing is run, and the only file that is read is the script passed to an interpreter.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from itertools import pairwise

from pytest_mailtrap._clients.callers import LIBRARIES
from pytest_mailtrap._system import files

# Programs that start another program, and those of their options whose value is the next word.
_WRAPPERS: dict[str, frozenset[str]] = {
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "sudo": frozenset({"-u", "-g", "-h", "-p", "-C", "-D", "-T"}),
    "timeout": frozenset({"-k", "-s", "--kill-after", "--signal"}),
    "nice": frozenset({"-n", "--adjustment"}),
    "nohup": frozenset(),
    "exec": frozenset({"-a"}),
    **dict.fromkeys(("time", "!", "{", "then", "else", "do"), frozenset()),  # words of the shell
    "setsid": frozenset(),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
}
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_COMMAND_OPTION = re.compile(r"-[a-z]*c")  # bash -lc
# The options that pass code to an interpreter.
_CODE_OPTIONS: dict[str, re.Pattern[str]] = {
    "node": re.compile(r"-e|-p|-pe|--eval|--print"),
    "perl": re.compile(r"-[A-Za-z]{0,3}e"),
    "php": re.compile(r"-r"),
    "python": re.compile(r"-[A-Za-z]{0,3}c"),
    "ruby": re.compile(r"-[A-Za-z]{0,3}e"),
}
_OPERATOR = re.compile(r"[|&;<>()]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_DURATION = re.compile(r"\d+(\.\d+)?[smhd]?")
_VERSION = re.compile(r"-?\d+(\.\d+)*$")  # python3.12, php8.2

# A script's mail library that is in no table.
_OTHER = ""
_CLIENTS: dict[str, tuple[str, ...]] = {
    "curl": ("curl",),
    "msmtp": ("msmtp",),
    "swaks": ("swaks",),
    "php": ("PHPMailer", "Symfony Mailer"),
    "ruby": ("Ruby",),
    "go": ("Go",),
    "java": ("JavaMail",),
    "perl": ("Perl",),
    "git": ("git",),
    "git-send-email": ("git",),
    "s-nail": ("s-nail",),
    "mutt": ("mutt",),
}
_ALSO_CALLED = {"nodejs": "node"}
_PERL_MAILERS = r"Email::(Sender|Send|Stuffer)|MIME::Lite|Mail::(Send|Sender|Mailer|Transport)"
# Signs, in the arguments or the script of a general-purpose program, that it sends mail, and with which client.
_TRACES: dict[str, tuple[tuple[str, str], ...]] = {
    "curl": (("curl", r"\bsmtps?://|^--mail-from\b"),),
    "git": (("git", r"^send-email$"),),
    "go": (("Go", r"\bnet/smtp\b"),),
    "node": (("nodemailer", r"\bnodemailer\b"),),
    "perl": (("Perl", r"Net::SMTP\b"), (_OTHER, _PERL_MAILERS)),
    "java": (("JavaMail", r"(?i)mail"),),
    "php": (("PHPMailer", r"\bPHPMailer\b"), ("Symfony Mailer", r"Symfony\\+Component\\+Mailer\b")),
    "python": (
        ("smtplib", r"(?s)^\s*(import|from) smtplib\b.*\bSMTP(_SSL)?\("),
        ("aiosmtplib", r"^\s*(import|from) aiosmtplib\b"),
        *(
            (name, rf"^\s*(import|from) {re.escape(module)}\b")
            for module, name in LIBRARIES.items()
            if name != "aiosmtplib"
        ),
    ),
    "ruby": (("Ruby", r"net/smtp\b"), (_OTHER, r"\brequire\s*\(?\s*['\"](mail|pony)['\"]")),
}
_INTERPRETERS = frozenset(_TRACES) - {"curl", "git"}
# If another library is named as well, these are only used by it, or for their exceptions.
_PROTOCOLS = frozenset({"smtplib", "aiosmtplib"})
# If the code of a PHP script is elsewhere, its mailer is one of the usual two.
_ELSEWHERE = re.compile(r"\b(require|include)(_once)?\b")
_LONGEST_SCRIPT = 1 << 16


def program_of(args: object) -> str | None:
    """The program that the command line *args* starts, such as "curl"; None if that is unclear."""
    words = _command(args)
    return _name(words[0]) if words else None


def client_of_program(program: str | None) -> tuple[str, ...]:
    """The mail clients that a program may be, by its name alone."""
    return _CLIENTS.get(_plain(program or ""), ())


def clients_of_command(args: object) -> tuple[str, ...]:
    """The mail clients that the command line *args* may start; none if it has nothing to do with mail, such as a download."""
    words = _command(args)
    program = _plain(_name(words[0])) if words else ""
    if program not in _TRACES:
        return _CLIENTS.get(program, ())
    script = _script(program, words[1:]) if program in _INTERPRETERS else ""
    text = "\n".join([*words[1:], script or ""])
    found = {name for name, trace in _TRACES[program] if re.search(trace, text, re.MULTILINE)}
    found = found - _PROTOCOLS or found
    is_elsewhere = program == "php" and _ELSEWHERE.search(text)
    if not found and (is_elsewhere or (script is None and program != "java")):
        return _CLIENTS.get(program, ())
    return tuple(found - {_OTHER}) if len(found) == 1 else ()


def _command(args: object) -> list[str]:
    """The words from the program's name on; none if that is unclear."""
    if isinstance(args, str | bytes | os.PathLike):
        return _of_shell(_text(args))
    if not isinstance(args, Sequence) or not args:
        return []
    words = _unwrapped([_text(word) for word in args])
    if words and _name(words[0]) in _SHELLS:
        given = [after for word, after in pairwise(words) if _COMMAND_OPTION.fullmatch(word)]
        return _of_shell(given[0]) if given else words
    return words


def _of_shell(line: str) -> list[str]:
    """The only command of a shell line; of several commands, the one that is a mail client."""
    # A Windows path would lose its backslashes.
    lexer = shlex.shlex(line.replace("\n", " ; "), posix=os.name != "nt", punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        parts = _parts(list(lexer))
    except ValueError:
        return []
    if len(parts) > 1:
        parts = [words for words in parts if clients_of_command(words)]
    return parts[0] if len(parts) == 1 else []


def _parts(words: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if not _OPERATOR.fullmatch(word):
            parts[-1].append(word)
        elif not word.startswith(("<", ">")):
            parts.append([])
    return [unwrapped for part in parts if (unwrapped := _unwrapped(part))]


def _unwrapped(words: list[str]) -> list[str]:
    """The words without those that only say how to start the program."""
    valued: frozenset[str] | None = None
    at = 0
    while at < len(words):
        word = words[at]
        if _ASSIGNMENT.match(word):
            at += 1
        elif valued is not None and word.startswith("-"):
            at += 2 if word in valued else 1
        elif valued is not None and _DURATION.fullmatch(word):
            at += 1
        elif _name(word) in _WRAPPERS:
            valued = _WRAPPERS[_name(word)]
            at += 1
        else:
            return _interpreted(words[at:])
    return []


def _interpreted(words: list[str]) -> list[str]:
    """The words without the interpreter, if it runs a mail client, as in "perl -w /usr/bin/swaks"."""
    at = next((n for n, word in enumerate(words) if n and not word.startswith("-")), 0)
    is_client = _plain(_name(words[0])) in _INTERPRETERS and _name(words[at]) in _CLIENTS
    return words[at:] if is_client else words


def _script(program: str, words: list[str]) -> str | None:
    """The beginning of the file that an interpreter runs; "" if its code is an argument, None if the file cannot be read."""
    option = _CODE_OPTIONS.get(program)
    if option is not None and any(map(option.fullmatch, words)):
        return ""
    names = [word for word in words if not word.startswith("-") and word != "run"]  # "go run"
    for name in names:  # some of these are values of options
        try:
            with files.opened(name) as file:
                beginning: bytes = file.read(_LONGEST_SCRIPT)
                return beginning.decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
    return None if names else ""


def _name(word: str) -> str:
    return re.split(r"[/\\]", word)[-1].removesuffix(".exe")


def _plain(program: str) -> str:
    if program not in _CLIENTS:
        program = _VERSION.sub("", program)
    return _ALSO_CALLED.get(program, program)


def _text(word: object) -> str:
    return os.fsdecode(word) if isinstance(word, str | bytes | os.PathLike) else str(word)
