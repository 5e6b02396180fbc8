"""Read TOML files into typed values. Errors name the key; for an unknown key they suggest the nearest known one.

What the tables mean is defined in recipe_tables.py and in the study's plan.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic_core import ErrorDetails

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, checked_name, open_input

_MAX_BYTES = 1_000_000
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
FileName = Annotated[str, AfterValidator(checked_name)]  # of what gets a file of its own in the run folder


class Part(BaseModel):
    """A table of a TOML file: unknown keys and values of another type are errors, numbers are finite, values frozen.

    A whole number may stand for a float; "0" and true stand for no number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def renamed_from(old: str, **constraints: Any) -> Any:
    """A field whose key used to be `old`. Files may use either key; hashes still use the old one."""
    new = old.replace("readings", "evaluations")
    return Field(validation_alias=AliasChoices(new, old), serialization_alias=old, **constraints)


class SparsePart(Part):
    """A table whose JSON omits the keys in `later_keys` if they are not set.

    These keys were added later; omitting them keeps the hashes of older recipes.
    """

    later_keys: ClassVar[frozenset[str]]

    @model_serializer(mode="wrap")
    def _omit_unset_later_keys(self, dump: SerializerFunctionWrapHandler) -> Json:
        table: Json = dump(self)
        return {key: value for key, value in table.items() if key not in self.later_keys or value is not None}


Table = TypeVar("Table", bound=Part)


def read_toml(path: Path) -> Json:
    """Read the tables of a file. Raises InputError if it is not TOML, or larger than any recipe or study."""
    try:
        with open_input(path) as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise InputError(path, f"more than {_MAX_BYTES:,} bytes; expected a recipe or a study")
        return tomllib.loads(content.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:  # also numbers with thousands of digits, and very deep nesting
        if isinstance(error, InputError):
            raise
        raise InputError(path, f"not TOML: {error}") from error


def parse_table(kind: type[Table], table: Json, place: str, name: str) -> Table:
    """Validate a table. The InputError names every wrong key; `name` stands for the table as a whole."""
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        problems = [_describe_problem(kind, item, name) for item in error.errors()]
        raise InputError(place, "; ".join(problems)) from error


def _describe_problem(kind: type[Part], problem: ErrorDetails, name: str) -> str:
    location, message = problem["loc"], problem["msg"]
    place = ".".join(map(str, location)) or name
    if problem["type"] == "value_error":
        return f"{place}: {message.removeprefix('Value error, ')}"
    if problem["type"] != "extra_forbidden":
        found = problem["input"]
        is_scalar = isinstance(found, str | int | float)  # a table would not fit a line
        return f"{place}: {message}{f', found {found!r}' if is_scalar else ''}"
    part = _type_at(kind, location[:-1])
    known = list(part.model_fields) if isinstance(part, type) and issubclass(part, BaseModel) else []
    nearest = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(known)}"
    return f"{place}: unknown key; {hint}"


def _type_at(kind: Any, location: tuple[int | str, ...]) -> Any:
    """The type at `location` below a table. A step is a field of a table, or an index or key of a list or dict."""
    for step in location:
        kind = _without_none(kind)
        is_table = isinstance(kind, type) and issubclass(kind, BaseModel)
        kind = _field_type(kind, str(step)) if is_table else get_args(kind)[-1]
    return _without_none(kind)


def _field_type(table: type[BaseModel], key: str) -> Any:
    """The type of a field, given its name or its former key."""
    fields = table.model_fields
    name = next((name for name, field in fields.items() if key in (name, field.serialization_alias)), key)
    return fields[name].annotation


def _without_none(kind: Any) -> Any:
    """The type without its `None` and its `Annotated` wrapper.

    >>> _without_none(int | None)
    <class 'int'>
    """
    if get_origin(kind) is Annotated:
        return _without_none(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind
