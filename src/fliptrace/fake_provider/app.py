"""The fake provider as a web app: routes, authentication, errors. The imported modules implement the routes."""

from __future__ import annotations

import hmac

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fliptrace.fake_provider.api_errors import ApiError, answer_api_error, answer_http_error
from fliptrace.fake_provider.chat import complete_chat
from fliptrace.fake_provider.files import delete_file, list_files, read_file, show_file, upload_file
from fliptrace.fake_provider.gate import Gate
from fliptrace.fake_provider.jobs import cancel_job, create_job, list_checkpoints, list_events, list_jobs, show_job
from fliptrace.fake_provider.ledger import reset_ledger, show_calls, show_ledger
from fliptrace.fake_provider.model_list import list_models, show_model
from fliptrace.fake_provider.provider import FakeProvider

_OPEN_PATHS = ("/ledger", "/ledger/calls", "/ledger/reset")


def make_app(provider: FakeProvider) -> Starlette:
    """Build the app. OpenAI's paths are under /v1; Azure's are under /openai, with and without /v1."""
    app = Starlette(
        routes=[
            Route("/openai/deployments/{deployment}/chat/completions", complete_chat, methods=["POST"]),
            *(route for prefix in ("/v1", "/openai", "/openai/v1") for route in _routes(prefix)),
            Route("/ledger", show_ledger),
            Route("/ledger/calls", show_calls),
            Route("/ledger/reset", reset_ledger, methods=["POST"]),
        ],
        middleware=[
            Middleware(Gate),
            *([Middleware(_KeyCheck, api_key=provider.api_key)] if provider.api_key else []),
        ],
        exception_handlers={ApiError: answer_api_error, HTTPException: answer_http_error},
    )
    app.state.provider = provider
    return app


def _routes(prefix: str) -> list[BaseRoute]:
    return [
        Route(f"{prefix}/chat/completions", complete_chat, methods=["POST"]),
        Route(f"{prefix}/models", list_models),
        Route(f"{prefix}/models/{{name:path}}", show_model),
        Route(f"{prefix}/files", upload_file, methods=["POST"]),
        Route(f"{prefix}/files", list_files),
        Route(f"{prefix}/files/{{id}}", show_file),
        Route(f"{prefix}/files/{{id}}", delete_file, methods=["DELETE"]),
        Route(f"{prefix}/files/{{id}}/content", read_file),
        Route(f"{prefix}/fine_tuning/jobs", create_job, methods=["POST"]),
        Route(f"{prefix}/fine_tuning/jobs", list_jobs),
        Route(f"{prefix}/fine_tuning/jobs/{{id}}", show_job),
        Route(f"{prefix}/fine_tuning/jobs/{{id}}/cancel", cancel_job, methods=["POST"]),
        Route(f"{prefix}/fine_tuning/jobs/{{id}}/events", list_events),
        Route(f"{prefix}/fine_tuning/jobs/{{id}}/checkpoints", list_checkpoints),
    ]


class _KeyCheck:
    """Rejects requests without the key, given as `Authorization: Bearer KEY` or `api-key: KEY`."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._api_key = api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        found = headers.get("api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if scope["path"] in _OPEN_PATHS or hmac.compare_digest(found.encode(), self._api_key.encode()):
            await self._app(scope, receive, send)
            return
        message = f"Incorrect API key provided: {found[:3]}***." if found else "You didn't provide an API key."
        await ApiError(message, status=401, code="invalid_api_key").to_response()(scope, receive, send)
