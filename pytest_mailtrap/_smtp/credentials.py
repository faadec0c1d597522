"""
The user names and passwords that a trap accepts.

Rules of this file: nothing that pytest shows of these objects, such as with --showlocals, contains a password.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Credentials(Mapping[str, str]):
    """
    The accepted *passwords*, by user name.

    With *accepts_any*, any other user name and password are accepted as well; then a password is known as soon as it has been sent.
    """

    def __init__(self, passwords: Mapping[str, str], *, accepts_any: bool = False) -> None:
        self._passwords = dict(passwords)
        self.accepts_any = accepts_any
        self._lock = threading.Lock()
        self._sent: dict[tuple[str, str], None] = {}

    def __getitem__(self, name: str) -> str:
        return self._passwords[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._passwords)

    def __len__(self) -> int:
        return len(self._passwords)

    def __repr__(self) -> str:
        return f"<Credentials of {'anybody' if self.accepts_any else ', '.join(self._passwords)}>"

    def accept(self, name: str, password: str) -> bool:
        """Whether *password* is accepted for the user *name*."""
        return self.accepts_any or self._passwords.get(name) == password

    def note(self, name: str, password: str) -> None:
        """A client has sent *password*, whether it was accepted or not."""
        # Otherwise the passwords of the application are the trap's own, or those of another server.
        if self.accepts_any and password:
            with self._lock:
                self._sent[name, password] = None

    def known(self) -> tuple[tuple[str, str], ...]:
        """All pairs of user name and password that must not be shown."""
        with self._lock:
            return (*self._passwords.items(), *self._sent)
