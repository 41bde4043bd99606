"""The configurable list of ticket types (SOP TK-13): adding one, changing one. Those that ship are in `defaults`."""

from app import writing
from app.database import Transaction
from app.errors import Conflict, NotFound, invalid_field
from app.statements import Row
from app.tickets import rows
from app.tickets.models import TicketType
from app.tickets.service import Check, unchecked
from app.tickets.type_schemas import TicketTypeCreate, TicketTypePatch


async def create_type(tx: Transaction, command: TicketTypeCreate) -> Row:
    """Add a type and return its row."""
    if await tx.one(rows.TYPE, code=command.code) is not None:
        raise Conflict("ticket_type_exists")
    return await writing.insert(
        tx,
        TicketType,
        code=command.code,
        title=command.title.model_dump(),
        department_id=await _department(tx, command),
        dispatch_to=command.dispatch_to.value,
    )


async def change_type(
    tx: Transaction, code: str, command: TicketTypePatch, *, check: Check = unchecked
) -> Row:
    """Change a type; tickets that are there keep their owners."""
    row = await tx.one(rows.TYPE, code=code)
    if row is None:
        raise NotFound
    check(row)
    given = command.model_dump(include=command.model_fields_set - {"department_id"}, mode="json")
    if "department_id" in command.model_fields_set:
        given["department_id"] = await _department(tx, command)
    return await writing.update(tx, TicketType, row, **given)


async def _department(tx: Transaction, command: TicketTypeCreate | TicketTypePatch) -> int | None:
    if command.department_id is None:
        return None
    found = await tx.one(rows.DEPARTMENT, public_id=str(command.department_id))
    if found is None:
        raise invalid_field("/department_id", "unknown_reference")
    return int(found["id"])
