"""Routes of imports: a file is sent and read, its columns are mapped, it is tried and imported, and what was refused is fetched."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from app import reading
from app.auth.principal import Call, permits
from app.database import Database
from app.dispatch import Route
from app.imports import queries, service
from app.imports.error_files import refused_csv, refused_xlsx
from app.imports.schemas import (
    ErrorFileFilter,
    FileFormat,
    ImportFilter,
    ImportPage,
    ImportRead,
    ImportStart,
)
from app.imports.uploads import read_upload, taken_upload
from app.operations import queries as operation_queries
from app.operations.schemas import OperationRead
from app.reading import PageRequest, json_response
from app.statements import Row

PREFIX = "/api/v1/imports"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
router = APIRouter(prefix=PREFIX, tags=["imports"], route_class=Route)
Importer = Annotated[Call, permits("customers:import")]
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "example": {"file": "名称,电话", "encoding": "gb18030"},
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "encoding": {
                            "type": "string",
                            "enum": ["utf-8", "gb18030", "utf-16-le", "utf-16-be", "big5", "windows-1252"],
                        },
                        "delimiter": {"type": "string", "enum": ["comma", "semicolon", "tab", "pipe"]},
                        "sheet": {"type": "string", "maxLength": 100},
                        "header_row": {"type": "integer", "minimum": 1, "maximum": 1000},
                    },
                }
            }
        },
    }
}  # fmt: skip
_FILE = {"type": "string", "format": "binary"}


@router.post(
    "",
    operation_id="imports_upload",
    summary="Upload a file to import",
    status_code=201,
    response_model=ImportRead,
    responses={503: {}},
    openapi_extra=UPLOAD,
)
async def upload_import(call: Importer) -> Response:
    """A CSV (UTF-8, GB18030) or an XLSX of at most 32 MiB, 200,000 rows and 200 columns, in the part `file`.

    It is read at once and kept for 30 days. The answer tells its headers and what they are taken for; nothing is imported
    yet. A file that cannot be read is refused for a reason of its own; where it asks for an encoding, send it again with one.
    """
    async with taken_upload(call) as upload:
        call.content = upload.digest
        read = await read_upload(call.database, upload)
        async with call.write() as tx:
            row = await service.store(tx, call.principal, upload.file, upload.name, read)
            return await call.answer(
                tx,
                queries.IMPORT,
                status=201,
                location=f"{PREFIX}/{row['public_id']}",
                public_id=row["public_id"],
                **queries.visible_to(call.principal),
            )


@router.get("", operation_id="imports_list", summary="List imports", response_model=ImportPage)
async def list_imports(asked: Annotated[ImportFilter, Query()], call: Importer) -> Response:
    """One's own uploads, newest first; an admin sees everybody's."""
    body = await reading.page(
        call.database,
        queries.IMPORTS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        values=queries.visible_to(call.principal),
    )
    return json_response(body)


@router.get(
    "/{import_id}",
    operation_id="imports_read",
    summary="Read an import",
    response_model=ImportRead,
)
async def read_import(import_id: UUID, call: Importer) -> Response:
    """What the file is, what its columns are taken for, and its newest run."""
    seen = queries.visible_to(call.principal)
    return await call.read(queries.IMPORT, public_id=str(import_id), **seen)


@router.post(
    "/{import_id}/start",
    operation_id="imports_start",
    summary="Try or import a file",
    status_code=202,
    response_model=OperationRead,
)
async def start_import(import_id: UUID, command: ImportStart, call: Importer) -> Response:
    """The operation's result counts rows created, updated, unchanged and refused, which add up to all rows.

    A dry run does everything and writes nothing; a file is imported for real once. A row is refused for what the API
    would refuse, or where it looks like a customer who is there already; the others are imported all the same.
    """
    async with call.write() as tx:
        operation = await service.start(tx, call.principal, str(import_id), command)
        visible = {
            "public_id": operation["public_id"],
            **operation_queries.visible_to(call.principal),
        }
        row = await reading.one(tx, operation_queries.OPERATION, **visible)
        headers = {"Location": f"/api/v1/operations/{operation['public_id']}"}
        return await call.answer_json(tx, row["body"].encode(), status=202, headers=headers)


@router.get(
    "/{import_id}/file",
    operation_id="imports_download",
    summary="Fetch the file as it was sent",
    response_class=Response,
    responses={
        200: {
            "description": "The very bytes",
            "content": {
                "text/csv": {"schema": _FILE, "example": "名称,电话"},
                XLSX: {"schema": _FILE, "example": "PK..."},
            },
        },
        409: {},
    },
)
async def download_import(import_id: UUID, call: Importer) -> Response:
    """Until it is purged."""
    row = await service.find(call.database, call.principal, str(import_id))
    body = _pieces(call.database, row)
    kind = row["about"]["kind"]
    media_type = XLSX if kind == FileFormat.XLSX else "text/csv"
    return StreamingResponse(body, media_type=media_type, headers=_attachment(row, kind))


@router.get(
    "/{import_id}/refused",
    operation_id="imports_refused",
    summary="Fetch the refused rows with their reasons",
    response_class=Response,
    responses={
        200: {
            "description": "The file's own columns, its row number and what is wrong, in the caller's language",
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": "名称,行,问题\r\n,3,名称:必填\r\n"},
                XLSX: {"schema": _FILE, "example": "PK..."},
            },
        },
        409: {},
    },
)  # fmt: skip
async def refused_rows(
    import_id: UUID, asked: Annotated[ErrorFileFilter, Query()], call: Importer
) -> Response:
    """Of the newest run, in the file's order; put right and uploaded again, it is a file to import."""
    row = await service.find(call.database, call.principal, str(import_id))
    headers = _attachment(row, asked.format.value)
    if asked.format is FileFormat.CSV:
        csv = refused_csv(call.database, row, call.language)
        return StreamingResponse(csv, media_type="text/csv; charset=utf-8", headers=headers)
    xlsx = refused_xlsx(call.database, row, call.language)
    return StreamingResponse(xlsx, media_type=XLSX, headers=headers)


@router.delete(
    "/{import_id}",
    operation_id="imports_purge",
    summary="Purge an import's file",
    status_code=204,
    responses={409: {}},
)
async def purge_import(import_id: UUID, call: Importer) -> Response:
    """The file, its rows and what was refused are deleted now; what was imported stays, and that there was a file."""
    async with call.write() as tx:
        row = await service.lock(tx, call.principal, str(import_id))
        call.check_version(row)
        await service.purge(tx, row)
    return Response(status_code=204, headers={"Cache-Control": "private, no-store"})


async def _pieces(database: Database, row: Row) -> AsyncIterator[bytes]:
    number = 0
    while content := await service.piece(database, row["id"], "file", number):
        yield content
        number += 1


def _attachment(row: Row, suffix: str) -> dict[str, str]:
    name = f"import_{row['public_id']}.{suffix}"
    return {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
