"""
aiosmtpd's SMTP engine, imported without the warning that its import causes on new Pythons.

aiosmtpd 1.4.6 imports `typing.ByteString`: this warns from Python 3.15 on, and fails from 3.17 on.
The page *Design decisions* has the plan for that day.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Only this one: whatever else aiosmtpd warns of is for the user to see.
    warnings.filterwarnings("ignore", r".*\bByteString\b", DeprecationWarning)
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

__all__ = ["SMTP", "AuthResult", "Envelope", "LoginPassword", "Session"]
