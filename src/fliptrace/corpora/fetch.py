"""Downloads the corpora we know and checks that they are what was published."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file
from fliptrace.corpora.catalog import DataFile, DataSet, data_dir, find_data_set, find_file, where_to_put


class Progress(Protocol):
    """What a download tells how far it is, in bytes; `total` is set once it is known (0 where it is not)."""

    total: int

    def update(self, num_bytes: int, /) -> object: ...
    def reset(self) -> object: ...
    def close(self) -> object: ...


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """`is_published` is False where a file of the user's own stands in for the published one."""

    path: Path
    is_published: bool


def fetch(name: str, root: Path | None = None, *, progress: Progress | None = None) -> tuple[FetchedFile, ...]:
    """The files of a known corpus, those that are not there downloaded to `<root>/<corpus>/`, in catalog order.

    A file that is there is never written over. InputError where a download fails (it says which file to put where)
    or brings something else than what was published.
    """
    return fetch_data_set(find_data_set(name), root, progress=progress)


def fetch_data_set(
    data_set: DataSet, root: Path | None = None, *, progress: Progress | None = None
) -> tuple[FetchedFile, ...]:
    """`fetch` for a corpus that the catalog need not hold."""
    fetched: list[FetchedFile] = []
    for file in data_set.files:
        path = find_file(data_set, file, root)
        if path is None:
            path = _download(data_set, file, root, progress)
        fetched.append(FetchedFile(path, is_as_published(path, file)))
    return tuple(fetched)


def is_as_published(path: Path, file: DataFile) -> bool:
    """Whether the file at `path` has the checksum of the catalog."""
    return hash_file(path) == file.sha256 if file.sha256 else hash_git_blob(path) == file.git_blob


def hash_git_blob(path: Path) -> str:
    """The name git gives to a file's content, in hex."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _download(data_set: DataSet, file: DataFile, root: Path | None, progress: Progress | None) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    folder = data_dir(root) / data_set.name
    downloader = pooch.HTTPDownloader(progressbar=progress or False, hooks={"response": _close_refusals})
    arriving = f".{file.name}.arriving"  # under its own name only once it is checked
    try:
        path = Path(pooch.retrieve(file.url, known_hash=None, fname=arriving, path=folder, downloader=downloader))
    except OSError as error:  # what requests raises is one, too
        raise InputError(file.name, f"cannot be downloaded ({error}); {where_to_put(data_set, file, root)}") from error
    if not is_as_published(path, file):
        path.unlink()
        raise InputError(file.name, f"{file.url} holds something else than what was published ({file.checksum})")
    return path.replace(folder / file.name)


def _close_refusals(response: Any, *args: object, **kwargs: object) -> None:
    """pooch raises on a 404 and leaves the connection open."""
    if not response.ok:
        response.close()
