"""The route of exports."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from app.auth.principal import Call, permits
from app.dispatch import Route
from app.exports import service
from app.exports.schemas import ExportCreate
from app.imports.schemas import FileFormat

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
router = APIRouter(prefix="/api/v1/exports", tags=["exports"], route_class=Route)
Exporter = Annotated[Call, permits("customers:export")]


@router.post(
    "/customers",
    operation_id="exports_customers",
    summary="Export customers",
    response_class=Response,
    responses={
        200: {
            "description": "Headers in the caller's language; CSV is UTF-8 with a byte order mark",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "客户编号,客户名称\r\nC000001,华东精密仪器有限公司\r\n",
                },
                XLSX: {"schema": {"type": "string", "format": "binary"}, "example": "PK..."},
            },
        }
    },
)
async def export_customers(command: ExportCreate, call: Exporter) -> Response:
    """The customers of a filter with their main contacts, as far as the caller may export; masked as he reads them.

    A POST, since it is recorded in the audit: what was asked for when it begins, how many rows left when it ends. It is
    not kept for a repeated Idempotency-Key. An XLSX takes 100,000 rows. An import knows every header of it.
    """
    async with call.write() as tx:
        export = await service.begin(tx, call.principal, command, call.language)
        await call.answer_json(tx, b"", secret=True)
    name = f'attachment; filename="customers.{command.format.value}"'
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": name}
    if command.format is FileFormat.CSV:
        rows = service.stream_csv(call.database, export)
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)
    rows = service.stream_xlsx(call.database, export)
    return StreamingResponse(rows, media_type=XLSX, headers=headers)
