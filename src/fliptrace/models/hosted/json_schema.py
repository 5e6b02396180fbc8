"""The answer line as a JSON schema, for servers that hold replies to one; and back from JSON to the line.

What is said after it is as from any other model: the rest of the code knows lines alone.
"""

from __future__ import annotations

import json
from typing import Any

from fliptrace.core.files import Json
from fliptrace.models.answer_line import MARK, AnswerLine

_REASONS = "reasons"
_TRIGGERS = "triggers"


def answer_format(line: AnswerLine) -> Json:
    """The `response_format` of a chat completion: numbers that the line may name, behind reasons where there are any.

    Strict schemas have no "each once": an array may name an utterance twice, which is then an anomaly as elsewhere.
    """
    properties: Json = {} if line.fills_reply else {_REASONS: {"type": "string"}}
    properties[_TRIGGERS] = {
        "type": "array",
        "items": {"type": "integer", "enum": list(line.labels)},
        "description": "The numbers of the utterances that triggered the flip, ascending; empty for none.",
    }
    return as_format("answer", properties)


def as_format(name: str, properties: Json) -> Json:
    """A strict schema of an object with just these properties."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def to_reply(text: str) -> str:
    """The reply as a model without a schema would have put it; the text itself where it is no such JSON.

    >>> to_reply('{"reasons": "Ben shouts.", "triggers": [2, 5]}')
    'Ben shouts.\\nTriggers: 2 5'
    """
    try:
        table: Any = json.loads(text)
        named, reasons = table[_TRIGGERS], table.get(_REASONS, "")
    except (AttributeError, KeyError, TypeError, ValueError):
        return text
    if not isinstance(named, list) or not all(type(number) is int for number in named) or not isinstance(reasons, str):
        return text
    line = f"{MARK} {' '.join(map(str, named)) or 'none'}"
    return f"{reasons.strip()}\n{line}" if reasons.strip() else line
