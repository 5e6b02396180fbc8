"""/v1/models: the available models, including those that jobs have made."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fliptrace.core.files import Json
from fliptrace.fake_provider.provider import FakeProvider


async def list_models(request: Request) -> Response:
    provider: FakeProvider = request.app.state.provider
    data = [_to_json(name, provider) for name in (*provider.models, *provider.tuned_names())]
    return JSONResponse({"object": "list", "data": data})


async def show_model(request: Request) -> Response:
    provider: FakeProvider = request.app.state.provider
    name = request.path_params["name"]
    provider.find_model(name)
    return JSONResponse(_to_json(name, provider))


def _to_json(name: str, provider: FakeProvider) -> Json:
    return {
        "id": name,
        "object": "model",
        "created": provider.started_at,
        "owned_by": "fliptrace",
        "shutdown_date": provider.shutdown_date(name),
    }
