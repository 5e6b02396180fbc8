"""Conversion of plain replies to the JSON schema that `response_format` asks for.

Not a general validator: it supports an object of triggers (and reasons), and objects whose properties list their
allowed values.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import ApiError, explain, place_of
from fliptrace.prompts.answers import cut_answer_line


class _Items(BaseModel):
    enum: list[Any] | None = None


class _Rule(BaseModel):
    enum: list[Any] = []
    items: _Items = _Items()


class _Schema(BaseModel):
    """The parts of a JSON schema that this provider reads."""

    type: str
    properties: dict[str, _Rule] = Field(min_length=1)
    required: list[str] = []
    additionalProperties: Any = None


class _Named(BaseModel):
    name: str
    strict: bool | None = None
    of: _Schema = Field(alias="schema")


def read_schema(response_format: Json) -> Json | None:
    """Return the JSON schema of a request; None where it asks for text or any JSON. ApiError where it is invalid."""
    if response_format.get("type") != "json_schema":
        return None
    try:
        asked = _Named.model_validate(response_format.get("json_schema"), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong_format(f"{place_of(('json_schema', *first['loc']))}: {explain(first)}") from error
    if asked.of.type != "object":
        raise _wrong_format(f"found type {asked.of.type!r}, expected type object")
    if asked.strict and asked.of.additionalProperties is not False:
        raise _wrong_format("'additionalProperties' is required to be supplied and to be false")
    if asked.strict and (missing := sorted(asked.of.properties.keys() - set(asked.of.required))):
        raise _wrong_format(f"'required' is required to include every key in properties. Missing {missing[0]!r}")
    schema: Json = response_format["json_schema"]["schema"]
    for name, rule in schema["properties"].items():
        if name not in ("triggers", "reasons") and not _allowed(rule):
            raise _wrong_format(f"property {name!r} has neither const nor enum, and this provider can make up no other")
    return schema


def fit_to_schema(text: str, schema: Json) -> str:
    """Convert a plain reply to JSON that fits the schema, with the properties in the schema's order.

    >>> items = {"type": "array", "items": {"type": "integer", "enum": [1, 2, 3]}}
    >>> schema = {"properties": {"reasons": {"type": "string"}, "triggers": items}}
    >>> fit_to_schema("It is close.\\nTriggers: 2 9", schema)
    '{"reasons": "It is close.", "triggers": [2]}'
    """
    return json.dumps(
        {name: _value(name, rule, text) for name, rule in schema["properties"].items()}, ensure_ascii=False
    )


def _value(name: str, rule: Any, text: str) -> Any:
    allowed = _allowed(rule)
    if allowed:
        return allowed[0]
    reasons = cut_answer_line(text)
    if name == "reasons":
        return reasons.strip()
    answer_line = "\n".join(text.splitlines()[len(reasons.splitlines()) :][:1])
    numbers = dict.fromkeys(int(digits) for digits in re.findall(r"\d+", answer_line))
    items = rule.get("items", {}).get("enum")
    return [number for number in numbers if items is None or number in items]


def _allowed(rule: Any) -> list[Any]:
    """Return the allowed values that a property lists."""
    return [rule["const"]] if "const" in rule else rule.get("enum", [])


def _wrong_format(message: str) -> ApiError:
    return ApiError(f"Invalid schema for response_format: {message}", param="response_format", code="invalid_schema")
