from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_cases import NASTY_TEXTS

from fliptrace.core.errors import InputError
from fliptrace.core.files import (
    hash_file,
    hash_json,
    new_folder,
    open_atomic,
    read_json,
    read_jsonl,
    read_object,
    read_text,
    to_line,
    versions,
    write_json,
    write_jsonl,
    write_text,
)

# Anything that json.loads may return, lone surrogates included.
any_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(NASTY_TEXTS)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
rows = st.lists(st.dictionaries(any_text, any_json, max_size=3), max_size=4)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def no_space(handle: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@given(rows)
def test_rows_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, written: list[object]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_jsonl(path, written)  # type: ignore[arg-type]
    assert [row.value for row in read_jsonl(path)] == written
    assert [row.line for row in read_jsonl(path)] == list(range(1, len(written) + 1))


@given(st.dictionaries(any_text, any_json, max_size=3))
def test_a_row_is_one_line_of_utf_8(row: dict[str, object]) -> None:
    line = to_line(row)
    assert line.encode().count(b"\n") == 1
    assert line.endswith("\n")


@pytest.mark.parametrize("text", NASTY_TEXTS)
def test_json_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    write_json(tmp_path / "x.json", {text: [text]})
    assert read_json(tmp_path / "x.json") == {text: [text]}


def test_what_no_json_reader_takes_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_jsonl(tmp_path / "x.jsonl", [{"f1": 0.5}, {"f1": float("nan")}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n \n", []),
        (b'{"a": 1}', [1]),
        (b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n', [1, 3]),
        ('{"a": "\u2028\u2029\x85"}\n{"a": 2}\n'.encode(), [1, 2]),  # line breaks for a text editor, but not in JSONL
    ],
)
def test_a_row_knows_its_line(tmp_path: Path, content: bytes, lines: list[int]) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    assert [row.line for row in read_jsonl(tmp_path / "x.jsonl")] == lines


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n\n{"a": 1,}\n', "line 3 column 9: not JSON: "),
        (b'{"a": 1}\n[1]\n', "line 2: found list, expected an object"),
        (b'{"a": 1} {"a": 2}\n', "line 1 column 10: not JSON: Extra data"),
        (b'{"a": 1}\n{"a": ' + b"9" * 5000 + b"}\n", "line 2: unreadable JSON: Exceeds the limit"),
        (b'{"a": 1}\n' + b"[" * 100_000, "line 2 column 101: nested over 100 levels deep"),
        (b'{"[[a": 1}\n{"\\"[": ' + b"[" * 100 + b"]" * 100 + b"}", "line 2 column 108: nested over 100 levels deep"),
        (b'{"a": 1}\n\xff\n', "byte 9 is not UTF-8"),
        (b'\xef\xbb\xbf{"a": "\xe9"}\n', "byte 10 is not UTF-8"),
    ],
)
def test_a_broken_row_is_refused_by_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.jsonl: {message}"):
        list(read_jsonl(tmp_path / "x.jsonl"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 column 1: not JSON"),
        (b'{\n  "a": 1\n  "b": 2\n}', "line 3 column 3: not JSON: Expecting ',' delimiter"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_broken_json_is_refused_by_line_and_column(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.json: {message}"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a": ', "}"), ('[\n{"a": ', "}]")])
@pytest.mark.parametrize("depth", [101, 300, 900, 100_000])
def test_json_that_no_code_could_descend_is_refused_by_its_place(
    opens: str, closes: str, depth: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    path.write_text(f'{{\n"[[": {opens * depth}1{closes * depth}}}')
    with pytest.raises(InputError, match=r"x\.json: line \d+ column \d+: nested over 100 levels deep$") as caught:
        read_json(path)
    line, column = map(int, re.findall(r"\d+", str(caught.value).removeprefix(str(path)))[:2])
    before = "\n".join([*path.read_text().split("\n")[: line - 1], path.read_text().split("\n")[line - 1][:column]])
    assert sum(before.count(bracket) for bracket in "[{") - 2 == 101


def test_json_as_deep_as_allowed_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[" * 100 + "]" * 100)
    (tmp_path / "y.json").write_text(json.dumps({"a": "[" * 300}))
    assert str(read_json(tmp_path / "x.json")).count("[") == 100
    assert read_json(tmp_path / "y.json") == {"a": "[" * 300}


def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        read_text(tmp_path / "none.txt")
    with pytest.raises(InputError, match="Is a directory"):
        read_text(tmp_path)
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        hash_file(tmp_path / "none.txt")


@pytest.mark.parametrize("read", [read_text, read_json, hash_file])
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="a pipe, a socket or a device; expected a regular file"):
            read(path)


@pytest.mark.parametrize(
    ("name", "message"), [("a" * 300, "File name too long"), ("a\0b", "not a path: embedded null byte")]
)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(tmp_path / name)


@pytest.mark.parametrize(("content", "found"), [("[1]", "list"), ("null", "NoneType"), ("3", "int")])
def test_where_an_object_is_expected_other_json_is_refused(tmp_path: Path, content: str, found: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=rf"x\.json: found {found}, expected an object"):
        read_object(tmp_path / "x.json")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfhello\xef\xbb\xbf")
    assert read_text(tmp_path / "x.txt") == "hello\ufeff"


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    write_json(path, "old")
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        write_json(path, "new")
    assert read_json(path) == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file_whole(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "x.txt"
    write_text(path, "old")
    with pytest.raises(error), open_atomic(path) as file:
        file.write(b"half of the new o")
        raise error
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_sees_a_file_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with open_atomic(path) as file:
        file.write(b"new")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"new"


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_what_is_written_is_as_private_as_its_user_wants_it(
    tmp_path: Path, umask: int, file_mode: int, folder_mode: int
) -> None:
    os.umask(umask)
    write_text(tmp_path / "x.txt", "mine")
    with new_folder(tmp_path / "run"):
        pass
    assert stat.S_IMODE((tmp_path / "x.txt").stat().st_mode) == file_mode
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == folder_mode


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "x.txt", "new")
    assert (tmp_path / "a" / "b" / "x.txt").read_text("utf-8") == "new"


def test_a_folder_appears_whole_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for name in ("old", "new"):
        with new_folder(folder) as filling:
            (filling / name).touch()
            assert folder.exists() == (name == "new")
        assert [entry.name for entry in folder.iterdir()] == [name]
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_while_filling_leaves_the_old_folder_whole(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with new_folder(folder) as filling:
        (filling / "old").touch()
    with pytest.raises(RuntimeError), new_folder(folder) as filling:
        (filling / "new").touch()
        raise RuntimeError
    assert [entry.name for entry in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_hash_does_not_hang_on_the_order_of_keys() -> None:
    assert hash_json({"a": 1, "b": {"c": 2, "d": 3}}) == hash_json({"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize("other", [{"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, [["a", 1]], {}])
def test_other_values_have_other_hashes(other: object) -> None:
    assert hash_json({"a": 1}) != hash_json(other)


def test_half_an_emoji_has_a_hash() -> None:
    assert len(hash_json("\ud83d")) == 64


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "abc")
    assert hash_file(tmp_path / "x.txt") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_package_that_is_not_there_is_absent() -> None:
    found = versions("no-such-package")
    assert list(found) == ["python", "fliptrace", "no-such-package"]
    assert found["no-such-package"] == "absent"


def test_an_error_that_quotes_megabytes_is_cut() -> None:
    message = str(InputError("x.json line 2", f"id is {'a' * 10**6!r}; expected an integer"))
    assert message.startswith("x.json line 2: id is 'aaa") and message.endswith("a …")
    assert len(message) < 1_600
