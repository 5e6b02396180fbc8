"""Lists in pages, as in OpenAI's API: a page starts after the query's `after` and holds at most `limit` items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import no_such


class PageQuery(BaseModel):
    after: str = ""
    limit: int | None = Field(default=None, ge=1)

    def page(self, items: Sequence[Json], default_limit: int) -> Json:
        """Return the page that a query asks for. `items` are all items in order, each with an `id`."""
        ids = [item["id"] for item in items]
        if self.after and self.after not in ids:
            raise no_such("object", self.after, param="after")
        first = ids.index(self.after) + 1 if self.after else 0
        shown = items[first : first + (self.limit or default_limit)]
        return {
            "object": "list",
            "data": shown,
            "has_more": first + len(shown) < len(items),
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
        }


Paging = Annotated[PageQuery, Query()]  # a parameter of a route, and the only one from its query
