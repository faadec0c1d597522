"""What a template has left behind."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, problem

MEANINGS: dict[str, Meaning] = {
    "placeholder": problem("A template placeholder was not filled in."),
}
