"""A check: what each of the functions in this folder is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mailtrap._content.finding import Finding
    from pytest_mailtrap._content.mail import Mail

Check = Callable[["Mail"], Iterator["Finding"]]
