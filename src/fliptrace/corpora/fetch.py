"""Download the corpora of the catalog and verify their checksums."""

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
    """Receiver of download progress, in bytes. `total` is set once it is known and 0 until then."""

    total: int

    def update(self, num_bytes: int, /) -> object: ...
    def reset(self) -> object: ...
    def close(self) -> object: ...


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file of a corpus. `is_published` is False if a file of the user takes the place of the published one."""

    path: Path
    is_published: bool


def fetch(name: str, root: Path | None = None, *, progress: Progress | None = None) -> tuple[FetchedFile, ...]:
    """Return the files of a known corpus, in catalog order; missing ones are downloaded to `<root>/<corpus>/`.

    An existing file is never overwritten. InputError if a download fails (the message says where to put the file) or
    if the downloaded file differs from the published one.
    """
    return fetch_data_set(find_data_set(name), root, progress=progress)


def fetch_data_set(
    data_set: DataSet, root: Path | None = None, *, progress: Progress | None = None
) -> tuple[FetchedFile, ...]:
    """Like `fetch`, for a corpus that need not be in the catalog."""
    fetched: list[FetchedFile] = []
    for file in data_set.files:
        path = find_file(data_set, file, root)
        if path is None:
            path = _download(data_set, file, root, progress)
        fetched.append(FetchedFile(path, is_as_published(path, file)))
    return tuple(fetched)


def is_as_published(path: Path, file: DataFile) -> bool:
    """Whether the file at `path` has the expected checksum."""
    return hash_file(path) == file.sha256 if file.sha256 else hash_git_blob(path) == file.git_blob


def hash_git_blob(path: Path) -> str:
    """Return the git blob hash of a file, in hex."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _download(data_set: DataSet, file: DataFile, root: Path | None, progress: Progress | None) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    folder = data_dir(root) / data_set.name
    downloader = pooch.HTTPDownloader(progressbar=progress or False, hooks={"response": _close_refusals})
    arriving = f".{file.name}.arriving"  # renamed only after the checksum has been verified
    try:
        path = Path(pooch.retrieve(file.url, known_hash=None, fname=arriving, path=folder, downloader=downloader))
    except OSError as error:  # includes the exceptions of requests
        raise InputError(file.name, f"cannot be downloaded ({error}); {where_to_put(data_set, file, root)}") from error
    if not is_as_published(path, file):
        path.unlink()
        raise InputError(file.name, f"{file.url} differs from the published file; expected {file.checksum}")
    return path.replace(folder / file.name)


def _close_refusals(response: Any, *args: object, **kwargs: object) -> None:
    """Close the connection of an error response: pooch raises on a 404 and leaves it open."""
    if not response.ok:
        response.close()
