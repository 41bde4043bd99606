"""Rules that a deployment adds to the catalogue: stored, read as rows of the clock register, added, changed.

What is put on them is the features' business (`obligations`). A matter keeps the target that its rule had when it
began; a changed title is shown for all.
"""

from typing import Any

from sqlalchemy import bindparam, select

from app import writing
from app.auth.models import Department
from app.calendars.target import Target, Unit
from app.database import Transaction
from app.errors import Conflict, NotFound, invalid_field
from app.sla.engine.clock_row import ClockRow, generic_row
from app.sla.engine.register import REGISTER
from app.sla.models import OwnRule
from app.sla.rule_schemas import RuleCreate, RulePatch
from app.statements import Row, Statement

_rule = OwnRule.__table__.c
_COLUMNS = list(OwnRule.__table__.columns)
OWN_RULES = Statement(select(*_COLUMNS).order_by(_rule.clock))
OWN_RULE = Statement(select(*_COLUMNS).where(_rule.clock == bindparam("clock")))
TAKEN = Statement(
    select(_rule.id).where((_rule.clock == bindparam("clock")) | (_rule.rule == bindparam("rule")))
)
DEPARTMENT = Statement(select(Department.id).where(Department.public_id == bindparam("public_id")))
# A promise is kept within a generation: beyond, no calendar is served.
AMOUNT_MAX = {
    Unit.MINUTES: 525_600,
    Unit.HOURS: 87_600,
    Unit.ELAPSED_HOURS: 87_600,
    Unit.DAYS: 3650,
    Unit.WORKING_DAYS: 2500,
    Unit.CALENDAR_DAYS: 3650,
    Unit.MONTHS: 120,
}


def own_row(row: Row) -> ClockRow:
    """Return a stored rule as a row of the register."""
    return generic_row(
        clock=row["clock"],
        rule=row["rule"],
        subject="obligation",
        target=Target(row["target_amount"], Unit(row["target_unit"])),
        titles=(row["title"]["zh"], row["title"]["en"]),
        opens_on=row["opens_on"]["en"],
        answered_by=row["answered_by"]["en"],
        source="deployment",
        calendar=row["calendar"],
        opens_on_zh=row["opens_on"]["zh"],
        answered_by_zh=row["answered_by"]["zh"],
    )


async def find_rule(tx: Transaction, clock: str) -> Row:
    """Return a stored rule by its clock; raises `NotFound`."""
    row = await tx.one(OWN_RULE, clock=clock)
    if row is None:
        raise NotFound
    return row


async def create_rule(tx: Transaction, command: RuleCreate) -> Row:
    """Add a rule and return its row; raises `Conflict` where the clock or the rule's id is taken."""
    shipped = {name for row in REGISTER for name in (row.clock, row.rule)}
    taken = await tx.one(TAKEN, clock=command.clock, rule=command.rule)
    if taken is not None or {command.clock, command.rule} & shipped:
        raise Conflict("rule_exists")
    now = await tx.now()
    return await writing.insert(
        tx,
        OwnRule,
        clock=command.clock,
        rule=command.rule,
        created_at=now,
        updated_at=now,
        **await _columns(tx, command),
    )


async def patch_rule(tx: Transaction, row: Row, command: RulePatch) -> Row:
    """Change a rule and return its row: what has begun keeps its target; an inactive one takes nothing new."""
    columns = await _columns(tx, command)
    return await writing.update(tx, OwnRule, row, **columns, updated_at=await tx.now())


async def _columns(tx: Transaction, command: RuleCreate | RulePatch) -> dict[str, Any]:
    given = command.model_dump(include=command.model_fields_set, mode="json")
    given = {name: value for name, value in given.items() if name not in ("clock", "rule")}
    if isinstance(command, RuleCreate):
        given["calendar"] = command.calendar.value
    target = given.pop("target", None)
    if target is not None:
        most = AMOUNT_MAX[Unit(target["unit"])]
        if target["amount"] > most:
            raise invalid_field("/target/amount", "target_amount_invalid", most=most)
        given |= {"target_amount": target["amount"], "target_unit": target["unit"]}
    if "answers_department_id" in given:
        given["answers_department_id"] = await _department(tx, given["answers_department_id"])
    return given


async def _department(tx: Transaction, public_id: str | None) -> int | None:
    if public_id is None:
        return None
    key = await tx.value(DEPARTMENT, public_id=public_id)
    if key is None:
        raise invalid_field("/answers_department_id", "unknown_reference")
    return int(key)
