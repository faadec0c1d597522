"""Where cryptography is too old for S/MIME, its tests are left out: nothing of what they import can be."""

from __future__ import annotations

from pytest_mailtrap._smime import availability

collect_ignore_glob = ["*"] if availability.missing() else []


def pytest_report_header() -> list[str]:
    missing = availability.missing()
    return [f"tests/smime: left out, S/MIME {missing}"] if missing else []
