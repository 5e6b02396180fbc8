"""/v1/files: upload, list, show, read and delete. Files are kept in memory and parsed only when a job reads them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import Response

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import no_such
from fliptrace.fake_provider.pages import Paging
from fliptrace.fake_provider.provider import Provider, StoredFile

router = APIRouter(prefix="/files")


async def _find(id: str, provider: Provider) -> StoredFile:
    if id not in provider.files:
        raise no_such("File object", id)
    return provider.files[id]


_Found = Annotated[StoredFile, Depends(_find)]


@router.post("")
async def upload_file(
    file: UploadFile, purpose: Annotated[Literal["fine-tune"], Form()], provider: Provider
) -> StoredFile:
    content = await file.read()
    stored = StoredFile(
        id=provider.new_id("file", content),
        num_bytes=len(content),
        created_at=int(provider.clock()),
        filename=file.filename or "file",
        content=content,
    )
    provider.files[stored.id] = stored
    return stored


@router.get("")
async def list_files(request: Request, provider: Provider, paging: Paging) -> Json:
    is_asked = request.query_params.get("purpose", "fine-tune") == "fine-tune"
    files = reversed(provider.files.values()) if is_asked else ()
    return paging.page([file.model_dump(by_alias=True) for file in files], 10_000)


@router.get("/{id}")
async def show_file(file: _Found) -> StoredFile:
    return file


@router.get("/{id}/content")
async def read_file(file: _Found) -> Response:
    return Response(file.content, media_type="application/octet-stream")


@router.delete("/{id}")
async def delete_file(file: _Found, provider: Provider) -> Json:
    del provider.files[file.id]
    return {"id": file.id, "object": "file", "deleted": True}
