"""
Judge S/MIME messages: who signed, is it intact, can it be read by whom it is for.

`inspect` takes a message exactly as received, `inspect_cms` a bare CMS object.
"""

from __future__ import annotations

from ._smime._facts import Layer, Recipient, Signer, SMIMEFacts
from ._smime._identity import Identity
from ._smime._inspect import inspect, inspect_cms
from ._smime._problems import Problem

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
