"""
Judge S/MIME messages: who signed them, whether they are intact, and whether their recipients can read them.

`inspect` takes a message exactly as received, `inspect_cms` a bare CMS object.
"""

from __future__ import annotations

from pytest_mailtrap._smime.facts import Layer, Recipient, Signer, SMIMEFacts
from pytest_mailtrap._smime.identity import Identity
from pytest_mailtrap._smime.inspection import inspect, inspect_cms
from pytest_mailtrap._smime.problems import Problem

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
