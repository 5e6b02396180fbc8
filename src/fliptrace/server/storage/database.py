"""The database in the data folder: opened, brought to the newest version, and kept private.

What is SQLite's own stands here and in search_index.py, and nowhere else. One process at a time uses a data folder
(core/locks.py), and every file in it is readable by its owner alone.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from fliptrace.core.errors import RunError
from fliptrace.server.logs import log
from fliptrace.server.storage import search_index

FILE = "fliptrace.sqlite"
_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # a job that was accepted survives a power cut
    "secure_delete": "ON",  # deleted words are overwritten with zeros
    "foreign_keys": "ON",
    "temp_store": "MEMORY",
}
_CHECKPOINT_SECONDS = 10.0


def prepare_folder(folder: Path) -> None:
    """Create the data folder if there is none, and close it to other users; RunError if it is not a folder of ours."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RunError(folder, "belongs to another user; expected a folder of the user who runs the service")
    folder.chmod(0o700)
    for path in folder.iterdir():
        if stat.S_ISREG(path.lstat().st_mode):
            path.chmod(0o600)


def open_database(folder: Path) -> Engine:
    """Open the database of a data folder in its newest version; RunError if the file is not such a database."""
    path = folder / FILE
    path.touch(mode=0o600)  # SQLite gives its other files the mode of this one
    # Errors must not show parameters: they hold transcripts.
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30}, hide_parameters=True)
    event.listen(engine, "connect", _set_pragmas)
    try:
        with engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        with engine.begin() as connection:
            search_index.prepare(connection)
    except (DatabaseError, CommandError) as error:
        engine.dispose()
        raise RunError(path, f"{_first_line(error)}; expected the database of this version of fliptrace") from error
    return engine


def forget_deleted(engine: Engine) -> bool:
    """Move everything from the write-ahead log into the database and empty the log. False if readers were in the way.

    Until then the log still holds what was deleted.
    """
    until = time.monotonic() + _CHECKPOINT_SECONDS
    while True:
        with engine.connect() as connection:
            is_busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        if not is_busy:
            return True
        if time.monotonic() > until:
            log("write-ahead log not emptied", reason="readers were in the way")
            return False
        time.sleep(0.05)


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for name, value in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {name} = {value}")
    cursor.close()


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0]
