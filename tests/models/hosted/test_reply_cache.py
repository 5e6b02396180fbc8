"""The file of replies: its content, reading it back, and what a kill leaves of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Completion
from fliptrace.models.hosted.reply_cache import AnswerStore, Place

PLAIN = Completion("Triggers: 2", 10, 3)
REPLIES = {
    Place("a", 0): PLAIN,
    Place("a", 1): Completion("", 0, 0, "length"),
    Place("b", 0): Completion("तीन\u2028half \ud83d", 1, 2, prevented=("named twice",), log_probability=-0.1),
}
ROW = '{"key": "a", "number": 0, "reply": {"text": "t", "num_prompt_tokens": 1, "num_tokens": 1, "finish_reason": '
ROW += '"stop", "prevented": [], "log_probability": null}}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "p.jsonl.answers"


def fill(path: Path | None) -> AnswerStore:
    store = AnswerStore(path)
    store.put(list(REPLIES.items()))
    return store


@pytest.mark.parametrize("place", list(REPLIES)[:2])
def test_a_reply_is_read_back_as_it_was(path: Path, place: Place) -> None:
    fill(path)
    assert AnswerStore(path)[place] == REPLIES[place]


def test_odd_characters_do_not_break_the_file(path: Path) -> None:
    fill(path)
    found = AnswerStore(path)
    assert len(found) == 3
    assert (found[Place("b", 0)].prevented, found[Place("b", 0)].log_probability) == (("named twice",), -0.1)
    assert found[Place("b", 0)].text.startswith("तीन\u2028half ")


def test_a_row_is_in_the_file_when_put_returns(path: Path) -> None:
    store, counts = AnswerStore(path), []
    for number in range(3):
        store.put([(Place("a", number), PLAIN)])
        counts.append(len(path.read_text().splitlines()))
    assert counts == [1, 2, 3]


def test_a_sync_reaches_the_disk_once_for_all_that_was_put(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    store = fill(path)
    store.sync()
    store.sync()
    assert len(synced) == 1
    store.put([(Place("c", 0), PLAIN)])
    store.sync()
    assert len(synced) == 2


def test_nothing_is_synced_where_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    fill(None).sync()
    assert synced == []


def test_a_sync_that_failed_is_made_up_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = fill(path)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("os.fsync", no_space)
        store.sync()
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    store.sync()
    assert len(synced) == 1


def test_rows_hold_no_prompts_but_key_number_and_reply(path: Path) -> None:
    fill(path)
    assert [set(json.loads(line)) for line in path.read_text("utf-8").split("\n")[:-1]] == [
        {"key", "number", "reply"}
    ] * 3


def test_what_was_found_out_about_a_server_is_kept_beside(path: Path) -> None:
    store = fill(path)
    store.put_capabilities("server", {"returns_n": False})
    found = AnswerStore(path)
    assert found.capabilities("server") == {"returns_n": False}
    assert found.capabilities("other") is None
    assert len(found) == 3


@pytest.mark.parametrize("num_bytes", [1, 2, 20, 60])
def test_a_row_that_a_kill_cut_short_is_passed_over(path: Path, num_bytes: int) -> None:
    fill(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-num_bytes])
    # A row that lacks only its line break is complete.
    assert len(AnswerStore(path)) == (3 if num_bytes == 1 else 2)


@pytest.mark.parametrize("num_bytes", [1, 2, 20, 60])
def test_a_row_behind_one_that_was_cut_short_is_whole(path: Path, num_bytes: int) -> None:
    fill(path)
    path.write_bytes(path.read_bytes()[:-num_bytes])
    AnswerStore(path).put([(Place("c", 0), PLAIN)])
    assert AnswerStore(path)[Place("c", 0)] == PLAIN


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "\0\0\0\n",
        "no JSON\n",
        "[1, 2]\n",
        '"text"\n',
        '{"key": "b", "number": 0}\n',
        '{"key": "b", "number": 0, "reply": {"text": null}}\n',
        '{"key": "b", "number": 0, "reply": {"text": "t"}}\n',
        '{"number": 0, "reply": {"text": "t", "prevented": []}}\n',
        '{"capabilities_of": "server"}\n',
    ],
)
def test_what_is_no_row_is_passed_over(path: Path, line: str) -> None:
    path.parent.mkdir()
    path.write_text(f"{line}{ROW}")
    found = AnswerStore(path)
    assert (len(found), found[Place("a", 0)].text) == (1, "t")


def test_without_a_path_replies_are_kept_in_memory(tmp_path: Path) -> None:
    store = fill(None)
    assert (len(store), Place("a", 0) in store, Place("z", 0) in store) == (3, True, False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file_of_answers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        AnswerStore(tmp_path)


def test_capabilities_that_version_0_1_kept_as_traits_are_read(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"traits_of": "server", "traits": {"context_tokens": 9}}\n', encoding="utf-8")
    assert AnswerStore(path).capabilities("server") == {"context_tokens": 9}
