"""What readers need who do not see the message as its author does."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "image-alt-missing": problem(
        "Images have no alt text: readers without images or with a screen reader get nothing.",
        "WCAG 2.2, 1.1.1",
    ),
    "language-missing": hint(
        '<html lang="…"> is missing: screen readers guess the language.', "WCAG 2.2, 3.1.1"
    ),
}
