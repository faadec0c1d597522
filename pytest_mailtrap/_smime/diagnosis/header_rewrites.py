"""
One header field in, one header field out: what programs do to fields they did not write.

A field comes with its folds and without its last line ending.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from email import policy
from email.header import Header

Rewrite = Callable[[bytes], bytes]

# Five spaces have 31 non-empty subsets.
_FEW_BLANKS = 5
_MOST_BLANKS = 40
_FOLD = re.compile(rb"\r\n(?=[ \t])")


def unfold(field: bytes) -> bytes:
    return _FOLD.sub(b"", field)


def unfold_to_one_blank(field: bytes) -> bytes:
    return re.sub(rb"[ \t]*\r\n[ \t]+", b" ", field)


def fold_parameters(field: bytes) -> bytes:
    """One parameter per line, as most mail programs write them."""
    return re.sub(rb";[ \t]+", b";\r\n ", field)


def fold_parameters_tab(field: bytes) -> bytes:
    return re.sub(rb";[ \t]+", b";\r\n\t", field)


def fold_long_parameters(field: bytes) -> bytes:
    return fold_parameters(field) if _too_long(field) else field


def fold_long_parameters_tab(field: bytes) -> bytes:
    return fold_parameters_tab(field) if _too_long(field) else field


def fold_default(field: bytes) -> bytes:
    return _folded(field, _default_fold)


def fold_compat32(field: bytes) -> bytes:
    return _folded(field, _compat32_fold)


def fold_long_default(field: bytes) -> bytes:
    return fold_default(field) if _too_long(field) else field


def fold_long_compat32(field: bytes) -> bytes:
    return fold_compat32(field) if _too_long(field) else field


def _too_long(field: bytes) -> bool:
    return any(len(line) > 78 for line in field.split(b"\r\n"))


@functools.lru_cache(maxsize=512)
def _folded(field: bytes, fold: Callable[[str, str], str]) -> bytes:
    name, colon, value = unfold(field).partition(b":")
    if not colon:
        return field
    text = value.decode("ascii", "surrogateescape").lstrip()
    # The email package raises all kinds of errors for fields that it cannot parse.
    try:
        folded = fold(name.decode("ascii", "surrogateescape"), text)
    except Exception:
        return field
    return folded.encode("ascii", "surrogateescape").removesuffix(b"\r\n")


def _default_fold(name: str, value: str) -> str:
    # fold() of the header object, not of the policy: the policy keeps parsed sources as they are.
    # header_factory returns a class made on the fly, which typeshed knows as a plain str.
    return str(policy.SMTP.header_factory(name, value).fold(policy=policy.SMTP))


def _compat32_fold(name: str, value: str) -> str:
    return f"{name}: {Header(value, header_name=name).encode(linesep=chr(13) + chr(10), maxlinelen=78)}"


def foldings(field: bytes) -> Iterator[bytes]:
    """The field folded at each of its spaces, then at all subsets of a few; followed by a space or a tab."""
    whole = unfold_to_one_blank(field)
    found = re.finditer(rb"(?<=[^\s:])[ \t]+", whole)
    blanks = [one.start() for one in itertools.islice(found, _MOST_BLANKS)]
    most = len(blanks) if len(blanks) <= _FEW_BLANKS else 1
    for count in range(1, most + 1):
        for places in itertools.combinations(blanks, count):
            for fold in (b"\r\n ", b"\r\n\t"):
                yield _folded_at(whole, places, fold)


def _folded_at(field: bytes, places: Iterable[int], fold: bytes) -> bytes:
    pieces, position = [], 0
    for place in places:
        pieces.append(field[position:place])
        position = place + 1
    return fold.join([*pieces, field[position:]])


def no_blank_before_fold(field: bytes) -> bytes:
    return re.sub(rb"[ \t]+\r\n", b"\r\n", field)


def blank_before_fold(field: bytes) -> bytes:
    return re.sub(rb"(?<![ \t])\r\n", b" \r\n", field)


def blank_at_end(field: bytes) -> bytes:
    return field + b" "


def no_blank_after_colon(field: bytes) -> bytes:
    return re.sub(rb"\A([^:]*):[ \t]+", rb"\1:", field)


def two_blanks_after_colon(field: bytes) -> bytes:
    return re.sub(rb"\A([^:]*):[ \t]*(?=\S)", rb"\1:  ", field)


def fold_after_colon(field: bytes) -> bytes:
    return re.sub(rb"\A([^:]*):[ \t]*(?=\S)", rb"\1:\r\n ", field)


def fold_after_colon_and_blank(field: bytes) -> bytes:
    return re.sub(rb"\A([^:]*):[ \t]*(?=\S)", rb"\1: \r\n ", field)


def tab_folds(field: bytes) -> bytes:
    return re.sub(rb"\r\n[ \t]+", b"\r\n\t", field)


def blank_folds(field: bytes) -> bytes:
    return re.sub(rb"\r\n[ \t]+", b"\r\n ", field)


def eight_blanks_folds(field: bytes) -> bytes:
    return re.sub(rb"\r\n[ \t]+", b"\r\n        ", field)


def title_case(field: bytes) -> bytes:
    name, colon, value = field.partition(b":")
    return name.title() + colon + value


def lower_case(field: bytes) -> bytes:
    name, colon, value = field.partition(b":")
    return name.lower() + colon + value


def mime_version_case(field: bytes) -> bytes:
    return re.sub(rb"(?i)\Amime-version:", b"MIME-Version:", field)


def content_type_case(field: bytes) -> bytes:
    return re.sub(rb"(?i)\Acontent-type:", b"Content-type:", field)


def unquote(field: bytes) -> bytes:
    return re.sub(rb'="([\w.+-]+)"', rb"=\1", field)


def quote(field: bytes) -> bytes:
    return re.sub(rb'(;\s*[\w-]+)=([^\s";]+)', rb'\1="\2"', field)


def upper_charset(field: bytes) -> bytes:
    return _charset(field, bytes.upper)


def lower_charset(field: bytes) -> bytes:
    return _charset(field, bytes.lower)


def _charset(field: bytes, change: Rewrite) -> bytes:
    found = re.search(rb'(?i)charset="?([\w.+-]+)', field)
    return field[: found.start(1)] + change(found[1]) + field[found.end(1) :] if found else field


def tight(field: bytes) -> bytes:
    return re.sub(rb";[ \t]+", b";", field)


def loose(field: bytes) -> bytes:
    return re.sub(rb";(?=[^\s])", b"; ", field)
