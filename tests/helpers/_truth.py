"""Messages for which the truth is known, and what an assessment says about each."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_mailtrap import smime

CORPUS = Path(__file__).parents[1] / "smime" / "corpus"
SHARED = Path(__file__).parents[3] / "shared" / "smime"
EVERYTHING_WEAK = ("md5", "sha1", "dsa", "short-rsa")


@dataclass(frozen=True)
class Entry:
    """One message from a manifest; paths are relative to *root*."""

    root: Path
    truth: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.truth["file"])

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def facts(self, **overrides: Any) -> smime.SMIMEFacts:
        raw, keywords = self.read(self.name), self.keywords() | overrides
        if self.truth["kind"] == "cms":
            detached = self.truth.get("detached")
            return smime.inspect_cms(
                raw, content=self.read(detached) if detached else None, **keywords
            )
        return smime.inspect(raw, match_from=self.truth.get("from") is not None, **keywords)

    def keywords(self) -> dict[str, Any]:
        truth = self.truth
        extra = truth.get("extra") or []
        names = [extra] if isinstance(extra, str) else extra
        at = truth.get("at")
        return {
            "trust": [self.root / truth["anchors"]] if truth.get("anchors") else "any",
            "intermediates": [self.root / name for name in names],
            "identities": [self.identity(name) for name in truth.get("decrypt_keys") or []],
            "at": at and datetime.datetime.fromisoformat(at.replace("Z", "+00:00")),
            "allow": EVERYTHING_WEAK if truth.get("allow_weak") else (),
        }

    def identity(self, name: str) -> smime.Identity:
        source = Path(self.name).parts[0] if self.root == SHARED else "."
        return identity(self.root / source / "keys" / name)


# Checking an RSA key when it is loaded takes a quarter of a second.
@lru_cache
def identity(path: Path) -> smime.Identity:
    """The key and the certificate of this name."""
    certificate, key = path.with_suffix(".crt"), path.with_suffix(".key")
    return smime.Identity.from_pem(certificate.read_bytes(), key.read_bytes())


def entries(root: Path, manifest: str = "manifest.json") -> list[Entry]:
    path = root / manifest
    return [Entry(root, truth) for truth in json.loads(path.read_bytes())] if path.exists() else []
