"""
Watches what the application writes to its log for texts that must not appear there unescaped.

Rules of this file: the output of the application's own handlers counts, since their formatters may escape a record.
If no such handler gets the record, as in tests without a configured log, Python's default format counts.
"""

from __future__ import annotations

import logging
import logging.handlers
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@contextmanager
def watching_the_log(texts: Sequence[str]) -> Iterator[LogWatch]:
    """Look for these *texts*, if any, in everything that is logged meanwhile, by any thread."""
    watch = LogWatch(texts)
    if texts:
        watch.begin()
    try:
        yield watch
    finally:
        watch.end()


class LogWatch:
    """Looks for *texts*; *found* is the first record that contains one of them, as it appears in the log, or None."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._own = _Own()
        self._loggers: list[logging.Logger] = []
        self._patch: Patch | None = None
        self.found: str | None = None

    def begin(self) -> None:
        self._patch = Patch(logging.Handler, "format", self._watching)
        self._loggers = _outermost_loggers()
        for logger in self._loggers:
            logger.addHandler(self._own)

    def end(self) -> None:
        for logger in self._loggers:
            logger.removeHandler(self._own)
        if self._patch is not None:
            self._patch.undo()

    def _watching(self, original: Callable[..., str]) -> Callable[..., str]:
        def format(handler: Any, record: logging.LogRecord) -> str:  # noqa: A001  # this is its name
            text = original(handler, record)
            if self.found is None and any(unwanted in text for unwanted in self._texts):
                self._look(handler, record, text)
            return text

        return format

    def _look(self, handler: logging.Handler, record: logging.LogRecord, text: str) -> None:
        if handler is self._own:
            if not any(map(_is_of_the_application, _handlers_of(record))):
                self.found = text
        elif _writes(handler):
            self.found = text


class _Own(logging.Handler):
    """Formats every record that it gets, and writes none."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.format(record)
        except Exception:  # a log call with wrong arguments is not judged here
            return


def _outermost_loggers() -> list[logging.Logger]:
    """The loggers whose handlers see all records: the root, and those that do not propagate, as some frameworks do."""
    known = [*logging.Logger.manager.loggerDict.values()]
    own = [it for it in known if isinstance(it, logging.Logger) and not it.propagate]
    return [logging.getLogger(), *own]


def _handlers_of(record: logging.LogRecord) -> Iterator[logging.Handler]:
    """The handlers that get a record."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _is_of_the_application(handler: logging.Handler) -> bool:
    """Whether it is neither pytest's, which shows everything, nor the trap's."""
    return not type(handler).__module__.startswith(("_pytest.", "pytest_mailtrap."))


def _writes(handler: logging.Handler) -> bool:
    """Whether its output is what appears in the log; the listener of a queue formats the record again."""
    is_queue = isinstance(handler, logging.handlers.QueueHandler)
    return _is_of_the_application(handler) and not is_queue
