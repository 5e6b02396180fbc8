"""The fake provider as a web app: its routers, what comes before them, and its errors."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from fliptrace.core.files import Json
from fliptrace.fake_provider import chat, files, jobs, model_list
from fliptrace.fake_provider.api_errors import answer_http_error, answer_validation_error
from fliptrace.fake_provider.gate import check_key, check_origin, gate
from fliptrace.fake_provider.provider import FakeProvider, Provider

_ledger = APIRouter(prefix="/ledger")  # needs no key


@_ledger.get("")
async def show_ledger(provider: Provider) -> Json:
    return provider.ledger.to_json()


@_ledger.get("/calls")
async def show_calls(provider: Provider) -> Json:
    return provider.ledger.calls_to_json()


@_ledger.post("/reset")
async def reset_ledger(provider: Provider) -> Json:
    provider.ledger.reset()
    return {}


def _gather_routes() -> list[BaseRoute]:
    """Return all routes. OpenAI's paths are under /v1; Azure's are under /openai, with and without /v1."""
    api = APIRouter(dependencies=[Depends(check_key)])
    api.include_router(chat.router, prefix="/openai/deployments/{deployment}")
    for prefix in ("/v1", "/openai", "/openai/v1"):
        for part in (chat, files, jobs, model_list):
            api.include_router(part.router, prefix=prefix)
    everything = APIRouter(dependencies=[Depends(check_origin)])
    everything.include_router(_ledger)
    everything.include_router(api)
    return everything.routes


_ROUTES = _gather_routes()  # once: it takes 50 times as long as the rest of an app


def make_app(provider: FakeProvider) -> FastAPI:
    app = FastAPI(
        openapi_url=None,
        routes=_ROUTES,
        middleware=gate(),
        exception_handlers={
            ValidationError: answer_validation_error,
            RequestValidationError: answer_validation_error,
            HTTPException: answer_http_error,
        },
    )
    app.state.provider = provider
    return app
