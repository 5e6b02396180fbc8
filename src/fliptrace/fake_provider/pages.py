"""Lists in pages, as in OpenAI's API: a page starts after the query's `after` and holds at most `limit` items."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import invalid, no_such


def page(items: Sequence[Json], query: QueryParams, default_limit: int) -> JSONResponse:
    """Return the page that a query asks for. `items` are all items in order, each with an `id`."""
    text = query.get("limit", str(default_limit))
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise invalid("limit", f"found {text[:20]!r}, expected an integer of at least 1")
    first = 0
    if after := query.get("after"):
        ids = [item["id"] for item in items]
        if after not in ids:
            raise no_such("object", after, param="after")
        first = ids.index(after) + 1
    shown = items[first : first + int(text)]
    return JSONResponse(
        {
            "object": "list",
            "data": shown,
            "has_more": first + len(shown) < len(items),
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
        }
    )
