"""Shared fixtures that make the tests fast: few CAs, few keys, and few plugins in the pytest runs inside them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import pkgutil
import socket
import ssl
import sys
import threading
from collections import Counter
from importlib.metadata import distributions

import cryptography
import pytest
import trustme
from _optional_parts import modules_of_the_package
from cryptography.hazmat.primitives.asymmetric import rsa

# What most runs inside use: the plugins of others take longer to be found, imported and set up than all the rest of a run.
PLUGINS = ("mailtrap", "xdist")


@pytest.fixture(scope="session")
def lonely_ca(tmp_path_factory):
    """A file with a CA that has not issued anything."""
    path = tmp_path_factory.mktemp("system") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


@pytest.fixture(autouse=True)
def trusted_by_the_system(lonely_ca, monkeypatch):
    """The system trusts only one CA: reading its usual hundred and forty costs every client 30 ms."""
    monkeypatch.setenv("SSL_CERT_FILE", str(lonely_ca))


@pytest.fixture(autouse=True)
def windows_as_elsewhere(monkeypatch):
    """
    On Windows, texts are compared as on other systems: lines are as long, and alerts arrive.

    There, pytest leaves the last column empty. And if a client closes a connection from which it has not read everything,
    the reset discards what the trap has not read yet, such as the alert: the trap often learns only that the client has left.
    """
    if sys.platform == "win32":
        monkeypatch.setenv("COLUMNS", "81")
        monkeypatch.setattr(
            ssl.SSLSocket, "do_handshake", _read_to_the_end(ssl.SSLSocket.do_handshake)
        )


def _read_to_the_end(do_handshake):
    """What reads everything after a handshake that failed."""

    def handshake(self, block=False):
        try:
            do_handshake(self, block)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self, socket.SHUT_WR)
                while socket.socket.recv(self, 4096):
                    pass
            raise

    # The trap finds clients by the files of a stack: this is part of the standard library, not of an application.
    handshake.__code__ = handshake.__code__.replace(co_filename=ssl.__file__)
    return handshake


@pytest.fixture(scope="session")
def rsa_keys():
    """The RSA keys generated so far, by their size, in the order in which a test needs them."""
    return {}


@pytest.fixture(autouse=True)
def few_rsa_keys(rsa_keys, monkeypatch):
    """Within a test every RSA key is different, but the next test reuses the same ones: generating one takes 70 ms."""
    draw, lock, given = rsa.generate_private_key, threading.Lock(), Counter()

    def generate_private_key(public_exponent, key_size, backend=None):
        with lock:
            keys = rsa_keys.setdefault((public_exponent, key_size), [])
            number = given[public_exponent, key_size]
            given[public_exponent, key_size] += 1
            if number == len(keys):
                keys.append(draw(public_exponent, key_size, backend))
            return keys[number]

    monkeypatch.setattr(rsa, "generate_private_key", generate_private_key)


@pytest.fixture(scope="session")
def everything_is_imported() -> None:
    """
    Import everything, so that no pytest run inside a test is the first to import a module.

    Such a module would be forgotten at the end of the run and imported again by the next, which breaks cryptography:
    it would not recognize its own options, and would embed the content in a signature that it was told to detach.
    """
    libraries = pkgutil.walk_packages(cryptography.__path__, "cryptography.")
    for name in (*(module.name for module in libraries), *modules_of_the_package()):
        importlib.import_module(name)
    for name in ("smtplib", "trustme"):
        importlib.import_module(name)


@pytest.fixture(scope="session")
def with_plugins():
    """The installed distributions that have a pytest plugin."""
    return [d for d in distributions() if any(e.group == "pytest11" for e in d.entry_points)]


@pytest.fixture
def pytester(everything_is_imported, with_plugins, pytester, monkeypatch):
    """The pytest fixture; its runs load no third-party plugin unless it is requested with `-p NAME`."""
    # For each `-p NAME` the entry points of all that is installed are read.
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: with_plugins)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    installed = {entry.name for plugin in with_plugins for entry in plugin.entry_points}
    used = [f"-p{name}" for name in PLUGINS if name in installed]
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(used))
    return pytester
