"""The application's log is checked as its handlers write it: what a record contains does not matter."""

from __future__ import annotations

import json
import logging
import logging.config
import logging.handlers
import queue
import threading
from pathlib import Path

import pytest

from pytest_mailtrap._hostile.log_watch import watching_the_log

RAW = "refused\x1b[2J"
TEXTS = ("\x1b[2J",)


class AsJSON(logging.Formatter):
    def format(self, record):
        return json.dumps({"message": record.getMessage()})


class Escaping(logging.Formatter):
    def format(self, record):
        return super().format(record).encode("unicode_escape").decode()


@pytest.fixture
def log(request):
    """A logger of the application; the test restores it when it ends."""
    logger = logging.getLogger(f"shop.{request.node.name}")
    yield logger
    logger.handlers.clear()
    logger.propagate = True


@pytest.fixture
def file(tmp_path, log):
    """The log file of that logger."""
    handler = logging.FileHandler(tmp_path / "log.txt", encoding="utf-8")
    log.addHandler(handler)
    yield handler
    handler.close()


def test_a_log_that_nobody_has_configured(log):
    """As in most tests: Python's default formatting of the record is checked."""
    with watching_the_log(TEXTS) as watch:
        log.warning("the server said: %s", RAW)
    assert watch.found == f"the server said: {RAW}"


def test_harmless_records(log, file):
    """The negative control."""
    with watching_the_log(TEXTS) as watch:
        log.warning("the server said: %r", RAW)
    assert watch.found is None


@pytest.mark.parametrize("propagates", [True, False])
def test_a_file(log, file, propagates):
    """It is checked whether or not the root logger gets the record as well."""
    log.propagate = propagates
    with watching_the_log(TEXTS) as watch:
        log.warning("%s", RAW)
    assert watch.found == RAW
    assert RAW in Path(file.baseFilename).read_text(encoding="utf-8")


@pytest.mark.parametrize("formatter", [AsJSON(), Escaping()], ids=["json", "escaping"])
def test_a_formatter_that_escapes(log, file, formatter):
    """The formatted line contains no escape sequence, whatever the record contains."""
    file.setFormatter(formatter)
    with watching_the_log(TEXTS) as watch:
        log.warning("%s", RAW)
    assert watch.found is None


def test_a_record_that_no_handler_writes(log, file):
    """The record is below the level of the only handler."""
    file.setLevel(logging.ERROR)
    with watching_the_log(TEXTS) as watch:
        log.warning("%s", RAW)
        assert watch.found is None
        log.error("%s", RAW)
    assert watch.found == RAW


@pytest.mark.parametrize(("formatter", "found"), [(None, RAW), (AsJSON(), None)])
def test_a_queue_writes_nothing_itself(log, file, formatter, found):
    """What matters is what the handler behind the queue makes of the record, in its own thread."""
    log.removeHandler(file)
    file.setFormatter(formatter)
    records: queue.Queue = queue.Queue()
    log.addHandler(logging.handlers.QueueHandler(records))
    listener = logging.handlers.QueueListener(records, file)
    with watching_the_log(TEXTS) as watch:
        listener.start()
        log.warning("%s", RAW)
        listener.stop()
    assert watch.found == found


def test_a_log_that_is_configured_meanwhile(log, tmp_path):
    """An application created by a factory may do this: its configuration removes other handlers."""
    root = logging.getLogger()
    before = root.level, [*root.handlers]
    with watching_the_log(TEXTS) as watch:
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"file": {"class": "logging.FileHandler", "filename": tmp_path / "x"}},
                "loggers": {log.name: {"handlers": ["file"], "propagate": False}},
            }
        )
        log.warning("%s", RAW)
    [handler] = log.handlers
    handler.close()
    root.level, root.handlers[:] = before
    assert watch.found == RAW


def test_another_thread(log):
    """For example, a worker thread."""
    with watching_the_log(TEXTS) as watch:
        thread = threading.Thread(target=log.warning, args=("%s", RAW))
        thread.start()
        thread.join()
    assert watch.found == RAW


def test_a_call_with_wrong_arguments(log, file, monkeypatch):
    """The trap does not judge it; Python reports the error itself, once."""
    said = []
    monkeypatch.setattr(file, "handleError", said.append)
    log.propagate = False
    with watching_the_log(TEXTS) as watch:
        log.warning("%d", "x")
    assert (watch.found, len(said)) == (None, 1)


def test_nothing_is_left(log):
    """Handlers and their class are as before; if there are no texts to look for, they are never touched."""
    own, handlers = logging.Handler.format, [*logging.getLogger().handlers]
    with watching_the_log(()):
        assert logging.Handler.format is own
    with watching_the_log(TEXTS):
        assert logging.Handler.format is not own
    assert (logging.Handler.format, logging.getLogger().handlers) == (own, handlers)
