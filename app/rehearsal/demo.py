"""Loads the demo company: its story is told to the services in order of time, with every job stepping in between.

So deadlines, escalations, audit and notices have come about as in life. On the virtual clock the demo then stands at
its own instant (15:30 on the latest working day) and ticks on; on the real clock the story ends in the past.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select

from app import writing
from app.auth import users
from app.auth.models import Department
from app.auth.passwords import generate_password
from app.auth.service import check_new_password
from app.calendars import service as calendars
from app.customers.models import Customer
from app.database import SYSTEM, Database, Transaction, is_virtual
from app.engines import create_database
from app.fields.shipped import ensure_choice_lists
from app.jobs import JOBS
from app.rehearsal.demo_company import address, make_customer, make_fields, make_staff
from app.rehearsal.demo_moves import Telling, make
from app.rehearsal.models import VirtualClock
from app.rehearsal.service import NEXT_DUE, let_tick
from app.rehearsal.stepping import stand_at, step_to
from app.rehearsal.story import DemoDay, company, demo_day, scenes, tickets
from app.settings import ClockMode
from app.sla import service as sla
from app.statements import Statement
from app.subscribers import compose
from app.tickets.defaults import ensure_ticket_types
from app.tickets.models import Ticket
from app.time import real_now

EXAMPLE_USER = address("li.siyuan")
COUNTS = tuple(
    Statement(select(func.count()).select_from(table)) for table in (Department, Customer, Ticket)
)
DEMO_IS_HERE = Statement(
    select(func.count())
    .select_from(Department)
    .where(Department.name == company()["departments"][0]["name"])
)


class DemoUnfinished(RuntimeError):
    """An earlier load was interrupted: half a company is there, and the clock stands still in its past."""


async def load_if_empty(
    database: Database, password: str | None = None, *, now: datetime | None = None
) -> bool:
    """Load the demo company into a migrated database that holds no company yet; returns whether it did.

    Everybody logs in with `password`, or nobody without one. The story is laid on the day of `now`, an instant of
    real time (default: the present). Raises `DemoUnfinished` where an earlier load was
    interrupted, `Invalid` for a password that will not do.
    """
    if any([await database.value(statement) for statement in COUNTS]):
        await _check_finished(database)
        return False
    password_hash = await _hash(password or generate_password())
    day = demo_day(now or real_now(), ended=not is_virtual(database))
    changes = {"clock": ClockMode.virtual, "smtp_host": ""}  # nobody reads mail at .example
    stage_database = compose(create_database(database.settings.model_copy(update=changes)))
    await stage_database.open()
    try:
        await _tell(stage_database, day, password_hash)
        await _let_go(stage_database, day, ticking=is_virtual(database))
    finally:
        await stage_database.close()
    return True


async def _check_finished(database: Database) -> None:
    loaded = await database.value(DEMO_IS_HERE)
    if loaded and await database.value(COUNTS[-1]) < len(tickets()):
        raise DemoUnfinished(
            "an earlier load of the demo was interrupted; start with an empty database"
        )


async def _hash(password: str) -> str:
    """Return the one hash under which every demo user logs in."""
    addresses = [address(user["key"]) for user in company()["users"]]
    for email in addresses:
        check_new_password(password, email=email, pointer="/password")
    password_hash, _ = await users.hash_initial_password(addresses[0], password)
    return password_hash


@dataclass(frozen=True, slots=True)
class _Turn:
    """Something that happens at an instant, by somebody."""

    at: datetime
    by: str
    happen: Callable[[Transaction], Awaitable[None]]


async def _tell(database: Database, day: DemoDay, password_hash: str) -> None:
    """Tell the whole story; the clock stands at the demo's instant afterwards."""
    customers = company()["customers"]
    began_at = min(day.instant(one["first_contact_at"]) for one in customers) - timedelta(days=1)
    async with database.transaction(SYSTEM) as tx:
        await stand_at(tx, began_at)
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        await ensure_ticket_types(tx)
        await ensure_choice_lists(tx)
        await make_fields(tx, company())
        cast = await make_staff(tx, company(), day, password_hash)
    jobs = [job.run for job in JOBS if job.on_domain_time]
    for turn in sorted(_turns(Telling(cast, day)), key=lambda turn: turn.at):
        await step_to(database, turn.at, due=NEXT_DUE, jobs=jobs)
        async with database.transaction(cast.actor(turn.by)) as tx:
            await stand_at(tx, turn.at)
            await turn.happen(tx)
    await step_to(database, day.now, due=NEXT_DUE, jobs=jobs, inclusive=True)


def _turns(telling: Telling) -> Iterator[_Turn]:
    for one in company()["customers"]:
        register = partial(make_customer, cast=telling.cast, one=one, day=telling.day)
        yield _Turn(telling.day.instant(one["first_contact_at"]), one["owner"], register)
    for scene in scenes(telling.day):
        yield _Turn(scene.at, scene.entry["by"], partial(make, telling=telling, scene=scene))


async def _let_go(database: Database, day: DemoDay, *, ticking: bool) -> None:
    """Let the clock tick on from the demo's instant, or leave no trace of it where the real one counts."""
    async with database.transaction(SYSTEM) as tx:
        if ticking:
            await stand_at(tx, day.now)
            await let_tick(tx)
            return
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=None)
