"""The pages of the documentation that messages name: where they are is said here alone."""

from __future__ import annotations

# The root of the repository; the address of the site takes its place where there is one.
_HOME = ""
# What the last line of advice begins with, where there is more to read.
MORE = "More: "
_PATHS = {"readme": "README.md"}


def read(page: str) -> str:
    """The last line of a message for whose reader there is more on *page*."""
    return f"{MORE}{_HOME}{_PATHS.get(page, f'docs/{page}.md')}"
