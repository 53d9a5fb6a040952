"""The service's log: lines of JSON for machines, of text for people, each with its request's and its trace's id."""

import json
import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from aisle.settings import LogFormat

IDS = ("request_id", "trace_id", "span_id")

_REQUEST: ContextVar[MutableMapping[str, Any] | None] = ContextVar("request", default=None)
_OURS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", *IDS}


@contextmanager
def of_request(state: MutableMapping[str, Any]) -> Iterator[None]:
    """Lines written within have the ids of this request.

    Args:
        state: ASGI's `scope["state"]`, in which the ids may turn up later.
    """
    token = _REQUEST.set(state)
    try:
        yield
    finally:
        _REQUEST.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, ids, and whatever `extra` was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _ids() | {name: value for name, value in vars(record).items() if name not in _OURS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class TextLines(logging.Formatter):
    """Time, level and message, and the request's id behind them."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The first line of a record."""
        text = super().formatMessage(record).replace("\n", " ").replace("\r", " ")  # a client's text starts no line
        request_id = _ids().get("request_id")
        return f"{text} ({request_id})" if request_id else text


def install(form: LogFormat, *, stream: TextIO = sys.stdout) -> None:
    """Write every logger's lines in one form to one stream, those of BentoML and uvicorn too.

    Args:
        form: `auto` is text on a terminal, JSON elsewhere.
        stream: Where to.
    """
    text = form is LogFormat.TEXT or (form is LogFormat.AUTO and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if text else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in ("bentoml", "uvicorn", "uvicorn.error", "uvicorn.access", "circus"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    ours = logging.getLogger("aisle")
    ours.disabled, ours.propagate = False, True
    ours.setLevel(logging.INFO)


def _ids() -> dict[str, str]:
    state = _REQUEST.get() or {}
    return {name: state[name] for name in IDS if name in state}
