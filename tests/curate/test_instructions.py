from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from instruction_rows import read_rows
from toy_cases import CAFE, NASTY_TEXTS

from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.correcting import OwnAnswer, feedback_instructions
from fliptrace.curate.instructions import to_row, write_instructions
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


def test_every_instruction_is_one_line_of_its_file(tmp_path: Path) -> None:
    nasty = [
        Instruction(f"n{i}", "answer", (Message("user", f"?{text}"),), f"!{text}", "n", "labels")
        for i, text in enumerate(NASTY_TEXTS)
    ]
    write_instructions(tmp_path / "i.jsonl", [PLAIN, CORRECTED, *nasty])
    assert read_rows(tmp_path / "i.jsonl") == [to_row(each) for each in (PLAIN, CORRECTED, *nasty)]
    assert (tmp_path / "i.jsonl").read_bytes().count(b"\n") == 2 + len(nasty)
