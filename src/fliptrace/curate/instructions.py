"""Instruction files: JSONL in the form that TRL reads, and in the messages form of hosted providers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from fliptrace.core.files import Json, write_jsonl
from fliptrace.core.messages import Instruction

FileForm = Literal["trl", "hosted"]


def to_row(instruction: Instruction, form: FileForm = "trl") -> Json:
    """One row of an instruction file.

    `trl`: conversational prompt and completion, with the origin of the row. Soft targets are added under `soft`, which
    only our own trainer reads. `hosted`: messages alone; every assistant message but the last has weight 0, so that
    there is no loss on an earlier, wrong answer.
    """
    prompt = [message.to_json() for message in instruction.prompt]
    reply = {"role": "assistant", "content": instruction.completion}
    if form == "hosted":
        earlier = [message | {"weight": 0} if message["role"] == "assistant" else message for message in prompt]
        return {"messages": [*earlier, reply | {"weight": 1}]}
    soft = {"soft": [list(target) for target in instruction.soft]} if instruction.soft else {}
    return {
        "id": instruction.id,
        "kind": instruction.kind,
        "case_id": instruction.case_id,
        "made_by": instruction.made_by,
        "prompt": prompt,
        "completion": [reply],
        **soft,
    }


def write_instructions(path: Path, instructions: Iterable[Instruction], form: FileForm = "trl") -> None:
    write_jsonl(path, (to_row(instruction, form) for instruction in instructions))
