"""The JSON body of a request, checked by a pydantic model. ValidationError where it is wrong (api_errors.py)."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, model_validator

from fliptrace.fake_provider.api_errors import show


class Body(BaseModel):
    """A JSON object of a request. A null is a field that is not given; unknown fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, found: Any) -> Any:
        if not isinstance(found, dict):
            raise ValueError(f"found {show(found)}, expected an object")
        return {name: value for name, value in found.items() if value is not None}


_B = TypeVar("_B", bound=Body)


def body_as(model: type[_B]) -> Any:
    """Declare a parameter of a route as its body.

    pydantic parses the JSON. FastAPI's own parser would let lone surrogates and nesting of any depth in.
    """

    async def read(request: Request) -> _B:
        return model.model_validate_json(await request.body())

    return Depends(read)
