"""
Judge S/MIME messages: who signed them, whether they are intact, and whether their recipients can read them.

`inspect` takes a message exactly as received, `inspect_cms` a bare CMS object.

All names of this module need cryptography 45 or newer, which the extra `pytest-mailtrap[smime]` brings;
with an older one, their first use raises ImportError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._smime import availability

if TYPE_CHECKING or availability.missing() is None:
    from pytest_mailtrap._smime.facts import Layer, Recipient, Signer, SMIMEFacts
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.inspection import inspect, inspect_cms
    from pytest_mailtrap._smime.problems import Problem
else:

    def __getattr__(name: str) -> object:
        if name in __all__:
            availability.require()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Identity",
    "Layer",
    "Problem",
    "Recipient",
    "SMIMEFacts",
    "Signer",
    "inspect",
    "inspect_cms",
]
