"""The response plan of a complex need: the meeting, the solution, who does what by when (SOP CU-6).

The plan's promise is answered when it is agreed: by then the meeting, the solution and who is responsible are on the
file. Each responsibility is a promise of its own, due at the end of its day.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from app import writing
from app.database import Transaction
from app.errors import Conflict, Invalid, NotFound, invalid_field
from app.interactions.notes import check_note
from app.needs import queries
from app.needs.models import NeedPlan, NeedResponsibility
from app.needs.queries import RESPONSIBILITY
from app.needs.schemas import (
    NeedPlanPut,
    NeedPlanStatus,
    ResponsibilityCreate,
    ResponsibilityStatus,
)
from app.needs.service import check_open, end_promise, person, publish
from app.sla import service as sla
from app.sla.book import Book
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from app.time import FAR_END, format_instant

CLOCK, RULE = "need_responsibility", "CU-6"
_LABEL_MAX = 300
AHEAD_MAX = timedelta(days=730)


# --- the plan


async def put_plan(tx: Transaction, need: Row, command: NeedPlanPut) -> None:
    """Make the plan of an open complex need what the command says; publishes `need.plan_changed`.

    Raises `Conflict` for a need that asks for none and for a plan that was agreed.
    """
    check_open(need)
    if not need["is_complex"]:
        raise Conflict("need_not_complex")
    plan = await tx.one(queries.PLAN, key=need["id"])
    values = await _plan_values(tx, command, plan["attendee_ids"] if plan is not None else ())
    at = await tx.now()
    if plan is None:
        await writing.insert(
            tx, NeedPlan, need_id=need["id"], **values, created_at=at, updated_at=at
        )
    elif plan["status"] != NeedPlanStatus.DRAFT:
        raise Conflict("need_plan_agreed", state=plan["status"])
    else:
        await writing.update(tx, NeedPlan, plan, **values, updated_at=at)
    await publish(tx, need, "need.plan_changed", at)


async def _plan_values(
    tx: Transaction, command: NeedPlanPut, known: Sequence[str]
) -> dict[str, Any]:
    """Return a plan's columns; who was there before may stay though he has left (`known`)."""
    ids = [str(one) for one in dict.fromkeys(command.attendee_ids)]
    rows = await tx.all(queries.BY_PUBLIC_IDS, public_ids=ids) if ids else []
    is_active = {row["public_id"]: row["is_active"] for row in rows}
    for number, one in enumerate(command.attendee_ids):
        if str(one) not in is_active:
            raise invalid_field(f"/attendee_ids/{number}", "unknown_reference")
        if not is_active[str(one)] and str(one) not in known:
            raise invalid_field(f"/attendee_ids/{number}", "user_inactive")
    return {
        "meeting_at": command.meeting_at or FAR_END,
        "attendee_ids": ids,
        "minutes": command.minutes,
        "solution": command.solution,
    }


async def agree_plan(tx: Transaction, need: Row) -> None:
    """Agree the plan, which answers its promise; publishes `need.plan_agreed`.

    Raises `Invalid` naming what is missing: meeting, minutes, solution, responsibilities.
    """
    check_open(need)
    plan = await _plan(tx, need)
    if plan["status"] != NeedPlanStatus.DRAFT:
        raise Conflict("need_plan_agreed", state=plan["status"])
    missing = [name for name in ("minutes", "solution") if plan[name] is None]
    if plan["meeting_at"] == FAR_END:
        missing.insert(0, "meeting_at")
    if not await tx.all(queries.TASKS, key=need["id"]):
        missing.append("responsibilities")
    if missing:
        raise Invalid("need_plan_incomplete", missing=", ".join(missing))
    await end_promise(tx, need, NewFact(FactKind.ANSWERED), NewFact(FactKind.CLOSED))
    at = await tx.now()
    await writing.update(
        tx, NeedPlan, plan, status=NeedPlanStatus.AGREED.value, agreed_at=at, updated_at=at
    )
    await publish(tx, need, "need.plan_agreed", at)


async def finish_plan(tx: Transaction, need: Row) -> None:
    """Note that an agreed plan is carried out; publishes `need.plan_done`. Raises `Conflict` while any part is open."""
    plan = await _plan(tx, need)
    if plan["status"] != NeedPlanStatus.AGREED:
        raise Conflict("need_plan_not_agreed", state=plan["status"])
    tasks = await tx.all(queries.TASKS, key=need["id"])
    if any(one["status"] == ResponsibilityStatus.OPEN for one in tasks):
        raise Conflict("responsibilities_open")
    at = await tx.now()
    await writing.update(
        tx, NeedPlan, plan, status=NeedPlanStatus.DONE.value, done_at=at, updated_at=at
    )
    await publish(tx, need, "need.plan_done", at)


async def _plan(tx: Transaction, need: Row) -> Row:
    plan = await tx.one(queries.PLAN, key=need["id"])
    if plan is None:
        raise Conflict("need_plan_missing")
    return plan


# --- responsibilities


async def give_responsibility(
    tx: Transaction, customer: Row, need: Row, command: ResponsibilityCreate
) -> Row:
    """Give somebody a part of an open need and put it on the clock; publishes `need.responsibility_given`."""
    check_open(need)
    owner = await person(tx, command.owner_id, "/owner_id")
    book, at = await sla.read_book(tx), await tx.now()
    due_at = _due_at(book, command.due_on, at)
    row = await writing.insert(
        tx,
        NeedResponsibility,
        need_id=need["id"],
        task=command.task,
        owner_id=owner["id"],
        due_on=command.due_on,
        created_by=tx.actor.user_id,
        created_at=at,
    )
    await sla.open_subject(
        tx,
        subject_type=RESPONSIBILITY,
        subject_id=row["id"],
        public_id=row["public_id"],
        label=f"{customer['number']} {command.task}"[:_LABEL_MAX],
        customer_id=customer["id"],
        owner_id=owner["id"],
        department_id=owner["department_id"] or customer["department_id"],
        inputs={"type": CLOCK, "tier": customer["tier"]},
        at=at,
        data={"clock": CLOCK, "rule": RULE, "due_at": format_instant(due_at)},
    )
    await publish(tx, need, "need.responsibility_given", at)
    return row


def _due_at(book: Book, on: date, now: datetime) -> datetime:
    """Return the end of a date's last open interval, of the next working day's if it is closed.

    Raises `Invalid` for a day that is over and for one that nobody plans for.
    """
    zone = book.working.timezone
    today = now.astimezone(zone).date()
    if on > today + AHEAD_MAX:
        raise invalid_field("/due_on", "due_on_too_far", most=AHEAD_MAX.days)
    if on < today:
        raise invalid_field("/due_on", "due_on_passed")
    due_at = book.working.end_of_working_day(datetime(on.year, on.month, on.day, 12, tzinfo=zone))
    if due_at <= now:
        raise invalid_field("/due_on", "due_on_passed")
    return due_at


async def find_responsibility(tx: Transaction, need_key: int, public_id: str) -> Row:
    """Return a responsibility's row; raises `NotFound`."""
    row = await tx.one(queries.TASK, key=need_key, task=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def end_responsibility(
    tx: Transaction, need: Row, task: Row, status: ResponsibilityStatus, note: str
) -> None:
    """End an open responsibility: done, with a note that says what was done, or cancelled with a reason.

    Raises `Invalid` for a vague note. Publishes `need.responsibility_done` or `need.responsibility_cancelled`.
    """
    if task["status"] != ResponsibilityStatus.OPEN:
        raise Conflict("responsibility_ended", state=task["status"])
    facts = [NewFact(FactKind.CANCELLED, {"reason": note})]
    if status is ResponsibilityStatus.DONE:
        check_note(note, "/note")
        facts = [NewFact(FactKind.ANSWERED), NewFact(FactKind.CLOSED)]
    subject = await sla.lock(tx, RESPONSIBILITY, task["id"])
    await sla.append(tx, subject, *facts)
    await writing.update(
        tx, NeedResponsibility, task, status=status.value, note=note, ended_at=subject.now
    )
    await publish(tx, need, f"need.responsibility_{status.value}", subject.now)
