from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy_cases import CAFE, NASTY_TEXTS

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.correcting import OwnAnswer, feedback_instructions
from fliptrace.curate.instructions import read_instructions, to_row, write_instructions
from fliptrace.curate.teaching import answer_instructions
from fliptrace.prompts.answers import parse_answer
from fliptrace.prompts.views import Layout, View

VIEW = View(CAFE, Layout("dialogue"))
[PLAIN] = answer_instructions([VIEW])
[CORRECTED] = feedback_instructions([OwnAnswer(VIEW, "answer", parse_answer("Triggers: 2", VIEW), "stage-1")], "full")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prompt": ()}, "must end with a user message"),
        ({"prompt": (Message("user", "?"), Message("assistant", "!"))}, "must end with a user message"),
        ({"completion": " \n"}, "the completion is empty"),
    ],
)
def test_an_instruction_asks_something_and_answers_it(wrong: dict[str, Any], message: str) -> None:
    fields = {"id": "a", "kind": "answer", "prompt": (Message("user", "?"),), "completion": "!"}
    with pytest.raises(ValueError, match=f"instruction 'a': .*{message}"):
        Instruction(**(fields | wrong), case_id="a", made_by="labels")


def test_the_trl_form_is_conversational_prompt_and_completion() -> None:
    row = to_row(CORRECTED)
    assert [message["role"] for message in row["prompt"]] == ["system", "user", "assistant", "user"]
    assert row["completion"] == [{"role": "assistant", "content": "Triggers: 3 5"}]
    assert all(set(message) == {"role", "content"} for message in row["prompt"] + row["completion"])
    assert (row["id"], row["kind"], row["case_id"], row["made_by"]) == (CORRECTED.id, "feedback", "cafe", "stage-1")


def test_in_the_hosted_form_no_loss_falls_on_an_earlier_answer() -> None:
    row = to_row(CORRECTED, "hosted")
    assert set(row) == {"messages"}
    weights = [(message["role"], message.get("weight")) for message in row["messages"]]
    assert weights == [("system", None), ("user", None), ("assistant", 0), ("user", None), ("assistant", 1)]


def test_instructions_are_read_as_they_were_written(tmp_path: Path) -> None:
    nasty = [
        Instruction(f"n{i}", "answer", (Message("user", f"?{text}"),), f"!{text}", "n", "labels")
        for i, text in enumerate(NASTY_TEXTS)
    ]
    write_instructions(tmp_path / "i.jsonl", [PLAIN, CORRECTED, *nasty])
    assert read_instructions(tmp_path / "i.jsonl") == [PLAIN, CORRECTED, *nasty]
    assert (tmp_path / "i.jsonl").read_bytes().count(b"\n") == 2 + len(nasty)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": None}, "not an instruction"),
        ({"prompt": "hello"}, "not an instruction"),
        ({"prompt": []}, "must end with a user message"),
        ({"prompt": [{"role": "user"}]}, "no field 'content'"),
        ({"prompt": [{"role": "robot", "content": "?"}]}, "message with role 'robot'"),
        ({"prompt": [{"role": "user", "content": 3}]}, "message with role 'user' and content 3"),
        ({"completion": []}, "not an instruction"),
        ({"completion": [{"role": "assistant", "content": None}]}, "and content None"),
        ({"completion": [{"role": "assistant", "content": " "}]}, "the completion is empty"),
    ],
)
def test_a_row_that_is_no_instruction_is_refused_by_its_line(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "i.jsonl"
    path.write_text(json.dumps(to_row(PLAIN)) + "\n" + json.dumps(to_row(PLAIN) | change) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"i\.jsonl line 2: .*{message}"):
        read_instructions(path)


def test_a_hosted_file_is_not_read_back(tmp_path: Path) -> None:
    write_instructions(tmp_path / "i.jsonl", [PLAIN], "hosted")
    with pytest.raises(InputError, match="line 1: not an instruction: no field 'prompt'"):
        read_instructions(tmp_path / "i.jsonl")
