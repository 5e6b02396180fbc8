"""Instruction files: JSONL in the form that TRL reads, and in the messages form of hosted providers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_jsonl, write_jsonl
from fliptrace.core.messages import Instruction, Message, Role

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


def read_instructions(path: Path) -> list[Instruction]:
    """Read a file in the `trl` form. InputError names the line that is not an instruction."""
    instructions = []
    for line, row in read_jsonl(path):
        try:
            instructions.append(_from_row(row))
        except KeyError as error:
            raise InputError(f"{path} line {line}", f"not an instruction: no field {error.args[0]!r}") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{path} line {line}", f"not an instruction: {error}") from error
    return instructions


def _from_row(row: Json) -> Instruction:
    prompt = tuple(_message(message) for message in row["prompt"])
    [reply] = map(_message, row["completion"])
    soft = tuple((str(text), float(share)) for text, share in row.get("soft", ()))
    return Instruction(row["id"], row["kind"], prompt, reply.content, row["case_id"], row["made_by"], soft)


def _message(row: Json) -> Message:
    if row["role"] not in get_args(Role) or not isinstance(row["content"], str):
        raise ValueError(
            f"message with role {row['role']!r} and content {row['content']!r}; expected text content and one of the "
            f"roles {', '.join(get_args(Role))}"
        )
    return Message(row["role"], row["content"])
