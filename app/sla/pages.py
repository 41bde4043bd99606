"""Pages of open subjects: read and folded without any lock, then locked.

What was folded before the lock holds under it where no fact came between; who has a newer fact is read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.database import Database, Transaction
from app.sla import cache, queries
from app.sla.book import Book, book_for_reading, forget_book
from app.sla.engine.clock import fold
from app.sla.engine.facts import Fact
from app.sla.engine.subject import Subject as FoldedSubject
from app.sla.explaining import facts_of
from app.sla.plans import Plan
from app.sla.service import LockedSubject, load_many
from app.statements import Row
from app.time import FAR_END


@dataclass(frozen=True, slots=True)
class Read:
    """A subject as it was read: its facts in order and what they add up to."""

    facts: list[Fact]
    folded: FoldedSubject


@dataclass(frozen=True, slots=True)
class Page:
    """Open subjects in the order of their keys; `read` leaves those out whose facts cannot be evaluated.

    `last` is the key after which the next page begins, `book` knows the drafts of the plan as well.
    """

    rows: Sequence[Row]
    read: Mapping[int, Read]
    book: Book
    last: int
    is_last: bool

    def subject(self, row: Row, known: cache.Known) -> LockedSubject:
        """Return a subject that was read, as its row stands."""
        read = self.read[row["id"]]
        now = max(row["now"], read.facts[-1].at) if read.facts else row["now"]
        return LockedSubject(dict(row), now, self.book, read.facts, read.folded, known)


def open_subjects(plan: Plan) -> tuple[queries.OpenSubjects, dict[str, Any]]:
    """Return the questions about the subjects that a plan is about, and what they are asked with."""
    if plan.provisional and plan.calendar is not None:
        return queries.OPEN_AND_PROVISIONAL, {"calendar": plan.calendar[0]}
    return queries.OPEN, {}


async def read_page(database: Database, plan: Plan, after: int, size: int) -> Page:
    """Return the next `size` subjects after a key."""
    subjects, asked = open_subjects(plan)
    rows = await database.all(subjects.page, after=after, batch_size=size, **asked)
    facts = {row["id"]: facts_of(_parsed(row["facts"])) for row in rows}
    book = await _book(database, plan, [one for some in facts.values() for one in some])
    read: dict[int, Read] = {}
    for key, some in facts.items():
        try:
            read[key] = Read(some, fold(some, book.rulebook))
        except (LookupError, ValueError):
            continue
    return Page(rows, read, book, rows[-1]["id"] if rows else after, len(rows) < size)


async def lock_page(
    tx: Transaction, plan: Plan, page: Page
) -> tuple[list[LockedSubject], list[int]]:
    """Lock the subjects of a page that are still open, in the order of their keys, and read the instant after it.

    Beside them the keys of those whose facts cannot be evaluated.
    """
    subjects, asked = open_subjects(plan)
    postgres = tx.database.kind == "postgresql"
    statement = subjects.lock_postgresql if postgres else subjects.lock_sqlite
    keys = [row["id"] for row in page.rows]
    rows = await tx.run(statement, {"keys": keys, **asked}) if keys else []
    same = [row for row in rows if _holds(page, row)]
    newer, faulty = await load_many(tx, [row for row in rows if not _holds(page, row)])
    found = [*await _known(tx, page, same), *newer]
    return sorted(found, key=lambda one: one.key), faulty


def _holds(page: Page, row: Row) -> bool:
    read = page.read.get(row["id"])
    return read is not None and len(read.facts) == row["sequence"]


async def _known(tx: Transaction, page: Page, rows: Sequence[Row]) -> list[LockedSubject]:
    if not rows:
        return []
    known = {row["id"]: cache.Known() for row in rows}
    for one in await tx.run(queries.DEADLINES_OF, {"keys": list(known)}):
        key = (one["clock"], one["cycle"], one["revision"])
        known[one["subject_key"]].deadlines[key] = one["id"]
    for one in await tx.run(queries.LEVELS_OF, {"keys": list(known)}):
        level = cache.KnownLevel(one["id"], one["fire_at"], one["fired_at"] != FAR_END)
        known[one["subject_key"]].levels[one["deadline_id"], one["level"]] = level
    return [page.subject(row, known[row["id"]]) for row in rows]


async def _book(database: Database, plan: Plan, facts: Sequence[Fact]) -> Book:
    """Return a rulebook that knows what the facts name and what the plan goes over to."""
    book = await book_for_reading(database, facts)
    if not _knows(book, plan):
        forget_book(database)
        book = await book_for_reading(database, ())
    drafts = plan.drafts()
    if not drafts:
        return book
    policies = {**book.rulebook.policies, **drafts}
    return replace(book, rulebook=replace(book.rulebook, policies=policies, remembered={}))


def _knows(book: Book, plan: Plan) -> bool:
    known = book.rulebook
    wanted = {one for one in plan.order if one[0] not in plan.documents}
    if plan.calendar is not None and plan.calendar not in known.calendars:
        return False
    return wanted <= known.policies.keys()


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value
