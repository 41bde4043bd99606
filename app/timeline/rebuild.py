"""The check behind `huiying rebuild-timeline [--check]`: every entry anew from the histories it comes from.

A healthy database whose relay is quiet shows no difference. What the relay adds meanwhile is never doubled.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select

from app import writing
from app.database import Database
from app.statements import Statement, any_of
from app.timeline.models import TimelineEntry
from app.timeline.service import SOURCE_KEY
from app.timeline.sources import ASKED, SOURCES, Source, entries_of

PAGE_SIZE = 1000
KEY_MAX = 2**63 - 1
_entry = TimelineEntry.__table__.c
STORED = Statement(
    select(*_entry).where(
        _entry.source == bindparam("source"),
        _entry.source_key > bindparam("after"),
        _entry.source_key <= bindparam("last"),
    )
)
DROP = Statement(delete(TimelineEntry).where(any_of(_entry.id, "keys")).returning(_entry.id))


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that is `missing`, `wrong` (with what it should be), or `surplus`: no row stands behind it."""

    source: str
    source_key: int
    fault: str
    wanted: Mapping[str, Any] | None = None
    stored_key: int | None = None

    def __str__(self) -> str:
        return f"{self.source} {self.source_key}: {self.fault}"


async def check_timeline(database: Database) -> list[Difference]:
    """Return every entry that is not what the histories say; empty for a healthy database."""
    return [one async for page in _pages(database) for one in page]


async def rebuild_timeline(database: Database) -> int:
    """Write again what differs, page by page; returns how many entries were added, changed or dropped."""
    count = 0
    async for page in _pages(database):
        async with database.transaction() as tx:
            missing = [one.wanted for one in page if one.fault == "missing" and one.wanted]
            wrong = [
                {"id": one.stored_key, **one.wanted}
                for one in page
                if one.fault == "wrong" and one.wanted
            ]
            surplus = [one.stored_key for one in page if one.fault == "surplus"]
            await writing.insert_new(tx, TimelineEntry, SOURCE_KEY, missing)
            await writing.update_many(tx, TimelineEntry, wrong)
            await writing.change_set(tx, TimelineEntry, DROP, keys=surplus)
        count += len(page)
    return count  # fmt: skip


async def _pages(database: Database) -> AsyncIterator[list[Difference]]:
    """Yield the differences of each page that has any."""
    for source in SOURCES:
        after, is_last = 0, False
        while not is_last:
            rows = await database.all(source.page, after=after, page_size=PAGE_SIZE, **ASKED)
            is_last = len(rows) < PAGE_SIZE
            last = KEY_MAX if is_last else rows[-1]["id"]
            wanted = await entries_of(database, source, rows)
            found = await _compare(database, source, wanted, after, last)
            if found:
                yield found
            after = last


async def _compare(
    database: Database, source: Source, wanted: list[dict[str, Any]], after: int, last: int
) -> list[Difference]:
    stored = {
        row["source_key"]: row
        for row in await database.all(STORED, source=source.name, after=after, last=last)
    }
    found = []
    for entry in wanted:
        key = entry["source_key"]
        row = stored.pop(key, None)
        if row is None:
            found.append(Difference(source.name, key, "missing", entry))
        elif any(row[name] != value for name, value in entry.items()):
            found.append(Difference(source.name, key, "wrong", entry, row["id"]))
    return found + [
        Difference(source.name, key, "surplus", None, row["id"]) for key, row in stored.items()
    ]
