"""/v1/models: the available models, including those that jobs have made."""

from __future__ import annotations

from fastapi import APIRouter

from fliptrace.core.files import Json
from fliptrace.fake_provider.provider import FakeProvider, Provider

router = APIRouter(prefix="/models")


@router.get("")
async def list_models(provider: Provider) -> Json:
    names = (*provider.models, *provider.tuned_names())
    return {"object": "list", "data": [_to_json(name, provider) for name in names]}


@router.get("/{name:path}")
async def show_model(name: str, provider: Provider) -> Json:
    provider.find_model(name)
    return _to_json(name, provider)


def _to_json(name: str, provider: FakeProvider) -> Json:
    return {
        "id": name,
        "object": "model",
        "created": provider.started_at,
        "owned_by": "fliptrace",
        "shutdown_date": provider.shutdown_date(name),
    }
