"""The log: one JSON object per line on stderr. It names jobs, never what was said.

Messages of exceptions may quote a transcript, so of an exception only its type and the places in the code are logged.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any

_LOGGER = logging.getLogger("fliptrace.server")


def log(event: str, **values: Any) -> None:
    """Log something that happened. Values are numbers, ids and names of this program's own."""
    _LOGGER.info(event, extra={"values": values})


def log_error(event: str, error: BaseException, **values: Any) -> None:
    _LOGGER.error(event, extra={"values": values | {"error": type(error).__name__, "at": places(error)}})


def places(error: BaseException) -> list[str]:
    """The last places in the code that an exception passed, the innermost last."""
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-8:]]


def configure_logs() -> None:
    """Write this log, and warnings and errors of uvicorn, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    _LOGGER.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)  # another server in this process may have muted it
    for logger in (_LOGGER, logging.getLogger("uvicorn")):
        logger.handlers, logger.propagate = [handler], False


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower()}
        values = getattr(record, "values", None)
        if values is not None:
            line |= {"event": record.msg, **values}
        elif record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line |= {"event": "error", "logger": record.name, "error": type(error).__name__, "at": places(error)}
        else:
            line |= {"event": "message", "logger": record.name, "text": record.getMessage()}
        return json.dumps(line, ensure_ascii=False)
