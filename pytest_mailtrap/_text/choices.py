"""The closed sets of words that users write, as types: an editor completes them, and a type checker finds what is misspelled."""

from __future__ import annotations

from typing import Literal

TLSVersion = Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
# RFC 8996 forbids the older ones.
MinimumTLS = Literal["TLSv1.2", "TLSv1.3"]
StartTLS = Literal["offer", "require", "off"]
ClientCertificates = Literal["ignore", "request", "require"]
PolicyMode = Literal["none", "testing", "enforce"]
Mode = Literal["starttls", "implicit"]
# The SASL mechanisms that the trap accepts.
Mechanism = Literal["PLAIN", "LOGIN"]
WeakAlgorithm = Literal["md5", "sha1", "dsa", "short-rsa"]
