"""The timeline anew from its histories: a healthy database shows no difference, a tampered one is found and mended."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import delete

from app import writing
from app.database import Database
from app.statements import Row, Statement
from app.timeline import rebuild
from app.timeline.models import TimelineEntry
from app.timeline.rebuild import check_timeline, rebuild_timeline
from tests.factories import make_customer
from tests.tickets.conftest import House
from tests.timeline.story import entries, keep_a_file, miss_a_ticket, serve_a_ticket, timeline

ALL = Statement(delete(TimelineEntry).returning(TimelineEntry.id))


def plain(rows: list[Row]) -> list[Mapping[str, Any]]:
    """Return entries without their own keys, in an order of their own."""
    without = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    return sorted(without, key=lambda row: (row["source"], row["source_key"]))


@pytest.fixture
async def told(house: House, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(rebuild, "PAGE_SIZE", 4)
    await keep_a_file(house)
    await serve_a_ticket(house)
    await miss_a_ticket(house)
    await timeline(house)
    return house.database


async def test_an_emptied_timeline_is_made_again_as_it_was(told: Database) -> None:
    before = await entries(told)
    assert await check_timeline(told) == []
    async with told.transaction() as tx:
        await writing.change_set(tx, TimelineEntry, ALL)
    assert len(await check_timeline(told)) == len(before)
    assert await rebuild_timeline(told) == len(before)
    assert plain(await entries(told)) == plain(before)
    assert await check_timeline(told) == []
    assert await rebuild_timeline(told) == 0


async def test_a_tampered_entry_is_found_and_mended(told: Database) -> None:
    before = await entries(told)
    first, second, *_ = before
    async with told.transaction() as tx:
        other = await make_customer(tx, name="另一家")
    async with told.transaction() as tx:
        await writing.update_many(
            tx, TimelineEntry, [{"id": first["id"], "customer_id": other["id"]}]
        )
    async with told.transaction() as tx:
        await writing.change_set(tx, TimelineEntry, rebuild.DROP, keys=[second["id"]])
        values = {name: value for name, value in first.items() if name != "id"}
        await writing.insert(tx, TimelineEntry, **{**values, "source_key": 10**12})
    found = await check_timeline(told)
    assert sorted(one.fault for one in found) == ["missing", "surplus", "wrong"]
    assert str(next(one for one in found if one.fault == "surplus")) == (
        f"{first['source']} {10**12}: surplus"
    )
    assert await rebuild_timeline(told) == 3
    assert plain(await entries(told)) == plain(before)
