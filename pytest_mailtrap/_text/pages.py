"""The pages of the documentation that messages name; only this file knows where they are."""

from __future__ import annotations

# The root of the repository; the address of a documentation site can replace it.
_HOME = ""
# The beginning of the last line of advice, if there is more to read.
MORE = "More: "
_PATHS = {"readme": "README.md"}


def read(page: str) -> str:
    """The last line of a message, which names the *page* with more about it."""
    return f"{MORE}{_HOME}{_PATHS.get(page, f'docs/{page}.md')}"
