"""The answer line as a JSON schema, for servers that hold replies to one, and the conversion of such replies back.

The rest of the code sees replies as any other model writes them, with an answer line.
"""

from __future__ import annotations

import json
from typing import Any

from fliptrace.core.files import Json
from fliptrace.models.answer_line import MARK, AnswerLine

_REASONS = "reasons"
_TRIGGERS = "triggers"


def answer_format(line: AnswerLine) -> Json:
    """Return the `response_format` of a chat completion: the numbers that the line may name, after any reasons.

    Strict schemas cannot ask for unique items. An array that names an utterance twice is an anomaly, as elsewhere.
    """
    properties: Json = {} if line.fills_reply else {_REASONS: {"type": "string"}}
    properties[_TRIGGERS] = {
        "type": "array",
        "items": {"type": "integer", "enum": list(line.labels)},
        "description": "The numbers of the utterances that triggered the flip, ascending; empty for none.",
    }
    return as_format("answer", properties)


def as_format(name: str, properties: Json) -> Json:
    """Return a strict schema of an object with exactly these properties."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def to_reply(text: str) -> str:
    """Convert a JSON reply to what a model without a schema would have written. Other texts are returned unchanged.

    >>> to_reply('{"reasons": "Ben shouts.", "triggers": [2, 5]}')
    'Ben shouts.\\nTriggers: 2 5'
    """
    try:
        table: Any = json.loads(text)
        named, reasons = table[_TRIGGERS], table.get(_REASONS, "")
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return text
    if not isinstance(named, list) or not all(type(number) is int for number in named) or not isinstance(reasons, str):
        return text
    line = f"{MARK} {' '.join(map(str, named)) or 'none'}"
    return f"{reasons.strip()}\n{line}" if reasons.strip() else line
