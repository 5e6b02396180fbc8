import hashlib
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.corpora.catalog import CATALOG, DataFile, DataSet, locate
from fliptrace.corpora.fetch import fetch, fetch_data_set, hash_git_blob, is_as_published

CONTENT = b"hello\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GIT_BLOB = "ce013625030ba8dba906f756967f9e9ca394464a"  # echo hello | git hash-object --stdin


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server with one file, /there.txt."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "there.txt").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def one_file(url: str, sha256: str = SHA256, git_blob: str = "") -> DataSet:
    return DataSet("mine", "", "", (DataFile("there.txt", "train", url, sha256, git_blob),))


def test_every_file_has_an_address_and_one_checksum() -> None:
    files = [file for data_set in CATALOG.values() for file in data_set.files]
    assert len(files) == 15
    for file in files:
        assert re.fullmatch(r"https://raw\.githubusercontent\.com/[\w./%-]+", file.url)
        assert bool(re.fullmatch("[0-9a-f]{64}", file.sha256)) != bool(re.fullmatch("[0-9a-f]{40}", file.git_blob))
        assert "test" not in file.name


@pytest.mark.parametrize("data_set", CATALOG.values(), ids=list(CATALOG))
def test_checksums_are_those_of_the_real_files(data_set: DataSet, data_root: Path) -> None:
    fetched = fetch(data_set.name, data_root)
    others = [file.path.name for file in fetched if not file.is_published]
    # This file may have been rebuilt from other sources.
    assert set(others) <= {"MaSaC_train_efr.json"}


def test_a_folder_is_used_as_it_is_nested_or_flat(tmp_path: Path) -> None:
    flat, nested = tmp_path / "MELD_val_efr.json", tmp_path / "meld-fr" / "MELD_val_efr.json"
    flat.write_text("[]")
    assert locate("meld-fr", "val", tmp_path) == flat
    nested.parent.mkdir()
    nested.write_text("[]")
    assert locate("meld-fr", "val", tmp_path) == nested


def test_a_file_that_is_not_there_is_told_with_place_address_and_checksum(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        locate("masac-fr", "train", tmp_path)
    for part in ("fliptrace data fetch masac-fr", str(tmp_path / "masac-fr" / "MaSaC_train_efr.json"), "Task%20B"):
        assert part in str(error.value)
    assert "git blob 116eda16701f3ecbf8e2e67d4516131c2ecf40c3" in str(error.value)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("melt", "train", "corpus 'melt': not known; expected one of meld-fr, masac-fr,"),
        ("meld-fr", "test", "corpus 'meld-fr': no split 'test'; expected one of train, val"),
        ("goemotions-ekman", "", "corpus 'goemotions-ekman': no split ''; expected one of train, val"),
        ("sample", "dev", "corpus 'sample': no split 'dev'; expected one of train, val, test"),
    ],
)
def test_unknown_names_are_told_with_the_known_ones(name: str, split: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        locate(name, split, tmp_path)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("sha256", "git_blob"), [(SHA256, ""), ("", GIT_BLOB)])
def test_a_file_is_downloaded_once_and_checked(server: str, tmp_path: Path, sha256: str, git_blob: str) -> None:
    data_set = one_file(f"{server}/there.txt", sha256, git_blob)
    (fetched,) = fetch_data_set(data_set, tmp_path)
    assert fetched.path == tmp_path / "mine" / "there.txt"
    assert fetched.is_published
    assert [path.name for path in fetched.path.parent.iterdir()] == ["there.txt"]
    assert fetch_data_set(one_file("http://127.0.0.1:1/", sha256, git_blob), tmp_path) == (fetched,)


def test_a_file_of_ones_own_is_never_written_over(server: str, tmp_path: Path) -> None:
    own = tmp_path / "there.txt"
    own.write_text("mine")
    (fetched,) = fetch_data_set(one_file(f"{server}/there.txt"), tmp_path)
    assert (fetched.path, fetched.is_published, own.read_text()) == (own, False, "mine")


def test_a_download_tells_how_far_it_is(server: str, tmp_path: Path) -> None:
    class Bar:
        total = 0
        done = 0
        closed = False

        def update(self, num_bytes: int, /) -> None:
            self.done += num_bytes

        def reset(self) -> None:
            self.done = 0

        def close(self) -> None:
            self.closed = True

    bar = Bar()
    fetch_data_set(one_file(f"{server}/there.txt"), tmp_path, progress=bar)
    assert (bar.total, bar.done, bar.closed) == (len(CONTENT), len(CONTENT), True)


def test_something_else_than_was_published_is_refused(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="differs from the published file"):
        fetch_data_set(one_file(f"{server}/there.txt", sha256="0" * 64), tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("path", ["/gone.txt", None])
def test_offline_the_message_says_which_file_to_put_where(server: str, tmp_path: Path, path: str | None) -> None:
    url = server + path if path else "http://127.0.0.1:1/there.txt"
    with pytest.raises(InputError) as error:
        fetch_data_set(one_file(url), tmp_path)
    assert f"put it at {tmp_path / 'mine' / 'there.txt'} yourself: {url} (sha256 {SHA256})" in str(error.value)


def test_a_git_blob_is_hashed_as_git_does(tmp_path: Path) -> None:
    path = tmp_path / "hello"
    path.write_bytes(CONTENT)
    assert hash_git_blob(path) == GIT_BLOB
    assert is_as_published(path, DataFile("hello", "", "", git_blob=GIT_BLOB))
