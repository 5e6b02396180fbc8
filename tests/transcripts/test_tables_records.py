"""JSON and JSONL: the utterances are found wherever they are, under whatever names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

TWO = [("Ana", "You are late."), ("Ben", "The train stood.")]
OBJECTS = [{"speaker": name, "text": text} for name, text in TWO]


def read(folder: Path, content: str, name: str = "talk.json", part: str = "", format: str | None = None) -> Transcript:
    (folder / name).write_text(content, encoding="utf-8")
    return read_transcript(f"{folder / name}{part}", format=format)


def texts_of(transcript: Transcript) -> tuple[str, ...]:
    return tuple(utterance.text for utterance in transcript.utterances)


@pytest.mark.parametrize(
    "value",
    [
        OBJECTS,
        {"chat_log": [{"participant": name, "phrase_text": text} for name, text in TWO]},
        {"tags": [{"name": "a"}, {"name": "b"}], "inner": {"rows": [{"who": n, "message": t} for n, t in TWO]}},
        {"speaker": {"0": "Ana", "1": "Ben"}, "text": {"0": TWO[0][1], "1": TWO[1][1]}},
        {"columns": ["speaker", "text"], "index": [0, 1], "data": [list(pair) for pair in TWO]},
        {"speaker": ["Ana", "Ben"], "text": [text for _, text in TWO]},
        [["speaker", "text"], *map(list, TWO)],
        [list(pair) for pair in TWO],
        [{name: text} for name, text in TWO],
        [{"from": {"profile": {"name": "x"}, "name": name}, "body": {"text": text}} for name, text in TWO],
        [{"message": {"author": name, "content": text}} for name, text in TWO],
        {"messages": {"m1": {"author": "Ana", "text": TWO[0][1]}, "m2": {"author": "Ben", "text": TWO[1][1]}}},
        [{"speaker": name, "sentences": [{"text": text}]} for name, text in TWO],
        [{"speakers": [name], "transcript": text} for name, text in TWO],
        {
            "turns": [
                {"speakerName": name, "text": text, "words": [{"text": w} for w in text.split()]} for name, text in TWO
            ]
        },
    ],
)
def test_the_list_with_the_most_text_is_found(tmp_path: Path, value: Any) -> None:
    transcript = read(tmp_path, json.dumps(value), format="json")
    assert [(u.speaker, u.text) for u in transcript.utterances] == TWO


def test_names_at_the_beginning_of_texts_are_split_off(tmp_path: Path) -> None:
    lines = ["Ana: You are late.", "Ben: The train stood.", "Ana: Again."]
    assert read(tmp_path, json.dumps(lines)).speakers == ("Ana", "Ben", "Ana")


@pytest.mark.parametrize(
    ("value", "part", "listed"),
    [
        ({"c-1": OBJECTS, "c-2": OBJECTS[:1]}, "c-2", "'c-1', 'c-2'"),
        ({"c-1": {"turns": OBJECTS}, "c-2": {"turns": OBJECTS[:1]}}, "c-2", "'c-1', 'c-2'"),
        ([{"id": 5, "messages": OBJECTS}, {"id": 6, "messages": OBJECTS[:1]}], "6", "'5', '6'"),
        ([{"messages": OBJECTS}, {"messages": OBJECTS[:1]}], "2", "'1', '2'"),
        (
            {
                "episodes": [
                    {"scenes": [{"scene_id": "s1", "lines": OBJECTS}, {"scene_id": "s2", "lines": OBJECTS[:1]}]}
                ]
            },
            "s2",
            "'s1', 's2'",
        ),
    ],
)
def test_lists_within_a_list_are_dialogues(tmp_path: Path, value: Any, part: str, listed: str) -> None:
    assert len(read(tmp_path, json.dumps(value), part=f"#{part}").utterances) == 1
    with pytest.raises(InputError, match=rf"2 dialogues in the file \({listed}\); expected one"):
        read(tmp_path, json.dumps(value))


def test_a_line_of_jsonl_may_be_a_dialogue(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"id": f"d{i}", "messages": OBJECTS[i:]}) for i in range(2))
    assert read(tmp_path, lines, "talk.jsonl", "#d1").speakers == ("Ben",)


def test_utterances_of_convokit_follow_their_replies(tmp_path: Path) -> None:
    utterances = [
        {"id": "u3", "conversation_id": "u1", "speaker": "a", "text": "three", "reply-to": "u2", "timestamp": None},
        {"id": "u2", "conversation_id": "u1", "speaker": "b", "text": "two", "reply-to": "u1", "timestamp": None},
        {"id": "u1", "conversation_id": "u1", "speaker": "a", "text": "one", "reply-to": None, "timestamp": None},
    ]
    assert texts_of(read(tmp_path, "\n".join(map(json.dumps, utterances)), "talk.jsonl")) == ("one", "two", "three")


def test_utterances_of_convokit_have_times_since_the_first(tmp_path: Path) -> None:
    rows = [
        {"id": str(i), "root": "0", "user": "ab"[i], "text": "hi", "timestamp": f"{1_500_000_000 + i}.0"}
        for i in (0, 1)
    ]
    assert [u.start for u in read(tmp_path, json.dumps(rows)).utterances] == [0, 1]


def corpus(folder: Path, name: str, content: str) -> Path:
    inside = folder / "corpus"
    inside.mkdir()
    (inside / name).write_text(content, encoding="utf-8")
    (inside / "speakers.json").write_text("{}", encoding="utf-8")
    return inside


def convokit(conversation: str, second: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """Two utterances of one conversation, with the keys of a version of ConvoKit."""
    return [
        {
            "id": f"u{i}",
            names["speaker"]: name,
            names["root"]: conversation,
            "text": text,
            "timestamp": i,
            names["reply"]: None if i == 0 else "u0",
        }
        for i, (name, (_, text)) in enumerate(zip(("Ana", second), TWO, strict=True))
    ]


NEW = {"speaker": "speaker", "root": "conversation_id", "reply": "reply-to"}
OLD = {"speaker": "user", "root": "root", "reply": "reply_to"}


@pytest.mark.parametrize(
    ("name", "names", "is_list"),
    [("utterances.jsonl", NEW, False), ("utterances.jsonl", OLD, False), ("utterances.json", OLD, True)],
)
def test_a_folder_of_a_convokit_corpus_is_read_by_conversation(
    tmp_path: Path, name: str, names: dict[str, str], is_list: bool
) -> None:
    rows = [*convokit("k1", "Ben", names), *convokit("k2", "Eve", names)]
    folder = corpus(tmp_path, name, json.dumps(rows) if is_list else "\n".join(map(json.dumps, rows)))
    transcript = read_transcript(f"{folder}#k2")
    assert [(u.speaker, u.text) for u in transcript.utterances] == [("Ana", TWO[0][1]), ("Eve", TWO[1][1])]
    with pytest.raises(InputError, match=r"2 dialogues in column '.*' \('k1', 'k2'\); expected one"):
        read_transcript(folder)


def test_any_other_folder_is_an_error(tmp_path: Path) -> None:
    folder = corpus(tmp_path, "conversations.json", "{}")
    for path in (folder, f"{folder}#k1"):
        with pytest.raises(InputError, match=r"a folder; expected .* a ConvoKit corpus with utterances.jsonl"):
            read_transcript(path)
