"""Changes of segments and of the bounds of figures. Who is in a segment is `evaluation`'s to say, soon after."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.customers.names import name_key
from app.database import Database, Reader, Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound, NotPermitted, invalid_field
from app.fields.service import read_book as read_fields
from app.segments import queries
from app.segments.attributes import BANDS, attributes_of
from app.segments.condition import ConditionInvalid, comparisons, parse
from app.segments.models import FigureBands, Segment, SegmentEvaluation
from app.segments.schemas import BandsWrite, SegmentCreate, SegmentPatch
from app.statements import Row


async def check_condition(
    reader: Reader, database: Database, principal: Principal, document: Any
) -> None:
    """Refuse what is no condition (`Invalid`), and what would give away masked values (`NotPermitted`)."""
    known = attributes_of(await read_fields(reader, database))
    terms = {name: one.term for name, one in known.items()}
    try:
        node = parse(document, terms.get)
    except ConditionInvalid as error:
        fault = error.fault
        place = FieldError(f"/condition{fault.pointer}", fault.code, fault.values)
        raise Invalid(errors=[place]) from error
    if any(known[one.attribute].is_masked for one in comparisons(node)):
        _check_reveals(principal)


def _check_reveals(principal: Principal) -> None:
    if not principal.reveals:
        raise NotPermitted(permission="customers:reveal")


async def create_segment(tx: Transaction, principal: Principal, command: SegmentCreate) -> Row:
    """Define a segment and return its row; it fills from the next evaluation on. Raises `Conflict` for a taken name."""
    condition = command.condition.root
    await check_condition(tx, tx.database, principal, condition)
    await _check_name(tx, command.name, key=0)
    at = await tx.now()
    row = await writing.insert(
        tx,
        Segment,
        name=command.name,
        name_key=name_key(command.name),
        description=command.description,
        condition=condition,
        created_by=principal.user_id,
        created_at=at,
        updated_at=at,
    )
    await writing.insert(tx, SegmentEvaluation, segment_id=row["id"], due_at=at)
    return row


async def lock_segment(tx: Transaction, public_id: str) -> Row:
    """Return a segment's row, held for writing; raises `NotFound`."""
    row = await tx.one(queries.LOCKED, public_id=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def patch_segment(
    tx: Transaction, principal: Principal, segment: Row, command: SegmentPatch
) -> Row:
    """Change what the command names and return the row; a new condition is looked at whole at once."""
    values: dict[str, Any] = command.model_dump(exclude_unset=True)
    if "condition" in values:
        await check_condition(tx, tx.database, principal, values["condition"])
    if "name" in values:
        await _check_name(tx, values["name"], key=segment["id"])
        values["name_key"] = name_key(values["name"])
    if all(segment[name] == value for name, value in values.items()):
        return segment
    at = await tx.now()
    row = await writing.update(tx, Segment, segment, **values, updated_at=at)
    if {"condition", "is_active"} & values.keys():
        evaluation = await tx.one(queries.EVALUATION, key=segment["id"])
        assert evaluation is not None
        due = {"id": evaluation["id"], "due_at": at}
        await writing.update_many(tx, SegmentEvaluation, [due])
    return row


async def _check_name(tx: Transaction, name: str, *, key: int) -> None:
    if await tx.value(queries.NAMED, name_key=name_key(name), key=key) is not None:
        raise Conflict("segment_name_taken")


async def put_bands(tx: Transaction, command: BandsWrite, check: Any) -> None:
    """Set the bounds; every active segment is looked at whole at once. `check(row)` compares versions."""
    values = _bands(command)
    row = await tx.one(queries.BANDS_ROW)
    if row is None:
        row = await writing.insert(tx, FigureBands, id=1, **_defaults(), updated_at=await tx.now())
    check(row)
    at = await tx.now()
    if all(row[name] == value for name, value in values.items()):
        return
    await writing.update(tx, FigureBands, row, **values, updated_at=at)
    due = [{"id": one["id"], "due_at": at} for one in await tx.all(queries.EVALUATIONS)]
    await writing.update_many(tx, SegmentEvaluation, due)


def _bands(command: BandsWrite) -> dict[str, Any]:
    values: dict[str, Any] = command.model_dump()
    values |= {name: Decimal(values[name]) for name in ("amount_mid", "amount_high")}
    for figure in ("frequency", "amount"):
        if values[f"{figure}_high"] <= values[f"{figure}_mid"]:
            raise invalid_field(f"/{figure}_high", "bound_not_above")
    if values["amount_mid"] <= 0:
        raise invalid_field("/amount_mid", "bound_not_above")
    return values


def _defaults() -> Mapping[str, Any]:
    amounts = {name: Decimal(BANDS[name]) for name in ("amount_mid", "amount_high")}
    return {**BANDS, **amounts}
