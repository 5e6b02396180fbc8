"""/v1/files: upload, list, show, read and delete. Files are kept in memory and parsed only when a job reads them."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import invalid, no_such
from fliptrace.fake_provider.pages import page
from fliptrace.fake_provider.provider import FakeProvider, StoredFile

_PURPOSE = "fine-tune"


async def upload_file(request: Request) -> Response:
    provider: FakeProvider = request.app.state.provider
    async with request.form() as form:
        purpose, upload = form.get("purpose"), form.get("file")
        if purpose != _PURPOSE:
            raise invalid("purpose", f"found {purpose!r}, expected {_PURPOSE!r}")
        if not isinstance(upload, UploadFile):
            raise invalid("file", "expected a file")
        content = await upload.read()
        file = StoredFile(provider.new_id("file", content), upload.filename or "file", content, int(provider.clock()))
    provider.files[file.id] = file
    return JSONResponse(_to_json(file))


async def list_files(request: Request) -> Response:
    provider: FakeProvider = request.app.state.provider
    if request.query_params.get("purpose", _PURPOSE) != _PURPOSE:
        return page([], request.query_params, 10_000)
    return page([_to_json(file) for file in reversed(provider.files.values())], request.query_params, 10_000)


async def show_file(request: Request) -> Response:
    return JSONResponse(_to_json(_find(request)))


async def read_file(request: Request) -> Response:
    return Response(_find(request).content, media_type="application/octet-stream")


async def delete_file(request: Request) -> Response:
    file = _find(request)
    del request.app.state.provider.files[file.id]
    return JSONResponse({"id": file.id, "object": "file", "deleted": True})


def _find(request: Request) -> StoredFile:
    provider: FakeProvider = request.app.state.provider
    id = request.path_params["id"]
    if id not in provider.files:
        raise no_such("File object", id)
    return provider.files[id]


def _to_json(file: StoredFile) -> Json:
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.content),
        "created_at": file.created_at,
        "filename": file.name,
        "purpose": _PURPOSE,
        "status": "processed",
        "status_details": None,
        "expires_at": None,
    }
