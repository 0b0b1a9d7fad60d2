"""Reading what a client sends: JSON, or multipart with files."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import BodyPartReader, web
from simcord.backend.errors import BackendError

_FILE_PART = re.compile(r"files\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as SimCord's routes expect it."""

    fp: io.BytesIO
    filename: str
    description: str | None


async def read_body(request: web.Request) -> tuple[Any, list[Upload]]:
    """Answer the JSON body, None without one, and the uploaded files.

    Raises:
        BackendError: 400, the body is not what its content type says.
    """
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request)
    raw = await request.read()
    return (_parse(raw) if raw else None), []


def _parse(raw: bytes | str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BackendError(400, 50109, "The request body contains invalid JSON.") from None


async def _read_multipart(request: web.Request) -> tuple[Any, list[Upload]]:
    payload: Any = None
    scalars: dict[str, str] = {}
    files: list[tuple[int, str, bytes]] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise BackendError(400, 50035, "Invalid Form Body")
        name = part.name or ""
        content = bytes(await part.read(decode=True))
        numbered = _FILE_PART.fullmatch(name)
        if name == "payload_json":
            payload = _parse(content)
        elif part.filename is not None:
            index = int(numbered.group(1)) if numbered else len(files)
            files.append((index, part.filename, content))
        else:
            scalars[name] = content.decode("utf-8", "replace")
    described = _descriptions(payload)
    uploads = [
        Upload(fp=io.BytesIO(content), filename=filename, description=described.get(index))
        for index, filename, content in files
    ]
    return (scalars or None) if payload is None else payload, uploads


def _descriptions(payload: Any) -> dict[int, str | None]:
    """Answer the descriptions by file number; a message's may lie in `data`."""
    if not isinstance(payload, dict):
        return {}
    inner = payload.get("data")
    attachments = payload.get("attachments") or (
        inner.get("attachments") if isinstance(inner, dict) else None
    )
    if not isinstance(attachments, list):
        return {}
    return {
        int(each["id"]): each.get("description")
        for each in attachments
        if isinstance(each, dict) and str(each.get("id", "")).isdigit()
    }
