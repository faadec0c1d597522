"""
The report's file: the page around the data, written as the data arrives.

Rules of this file: everything except the templates of this package passes through Jinja2's autoescape or its `tojson`.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, TextIO

from pytest_mailtrap._system import files

if TYPE_CHECKING:
    from collections.abc import Iterable

    import jinja2

    from pytest_mailtrap._report.blocks import Block

_HERE = files.joined(files.split(__file__)[0], "page")
# Read here, since the module is imported while no test has replaced the file system.
_VERSION = version("pytest-mailtrap")
_SCRIPTS = (
    "text.js",
    "decode.js",
    "neutralise.js",
    "dom.js",
    "list.js",
    "tabs.js",
    "detail.js",
    "app.js",
)


def write_page(file: TextIO, blocks: Iterable[Block]) -> None:
    """Write the whole page to *file*; *blocks* are taken one by one."""
    script = script_text()
    pieces = (
        _environment()
        .get_template("report.html")
        .generate(
            blocks=blocks,
            style=_source("report.css"),
            script=script,
            script_hash=_hash(script),
            version=_VERSION,
        )
    )
    for piece in pieces:
        file.write(piece)


def script_text() -> str:
    """The page's script: one function, so that it defines no globals."""
    texts = [_source(name) for name in _SCRIPTS]
    return "\n".join(['"use strict";', "(() => {", *texts, "})();"])


def _source(name: str) -> str:
    with files.opened(files.joined(_HERE, name), "r", encoding="utf-8") as file:
        text: str = file.read()
        return text


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Texts from mail stay as they are: no sorting of keys, no \u escapes except those that HTML needs.
    environment.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False,
        "separators": (",", ":"),
        "default": str,
    }
    return environment
