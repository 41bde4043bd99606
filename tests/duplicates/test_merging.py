"""Merging customers and undoing it: everything moves, nothing is lost, and every value comes back."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Integer, select

from app.columns import Base
from app.customers import search
from app.customers.models import Customer
from app.database import Database
from app.duplicates import references
from app.duplicates.merging import packed, unpacked
from app.duplicates.schemas import TakenField
from app.statements import Row, Statement
from app.tickets.defaults import ensure_ticket_types
from tests.conftest import Caller, LoginAs
from tests.factories import (
    make_rules,
    make_team_member,
    make_user,
)

API = "/api/v1"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
# Only the version counts on, and the time of change; what is derived or appended has its own tests.
COUNTS_ON = {"version", "updated_at"}
# The loser's own promise is withdrawn and begins anew.
BEGINS_ANEW = {"customer_refreshes", "sla_subjects", "deadlines", "deadline_levels"}


class Pair:
    """Two files of one customer, each with people, a ticket and a team, made through the API."""

    def __init__(self, client: httpx.AsyncClient, caller: Caller, winner: Any, loser: Any) -> None:
        self.client = client
        self.caller = caller
        self.winner = winner
        self.loser = loser

    async def call(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ask as the admin."""
        return await self.client.request(
            method, f"{API}{path}", json=body or None, headers=self.caller
        )

    async def merge(self, *take: str) -> Any:
        """Merge the loser into the winner and return the merge."""
        ids = {"winner_id": self.winner["id"], "loser_id": self.loser["id"]}
        answer = await self.call("POST", "/merges", **ids, take=list(take), reason="重复建档")
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def undo(self, merge: Mapping[str, Any]) -> httpx.Response:
        """Ask for the undoing."""
        return await self.call("POST", f"/merges/{merge['id']}/undo", reason="两家公司")


async def make_file(client: httpx.AsyncClient, caller: Caller, name: str, phone: str) -> Any:
    made = await client.post(
        f"{API}/customers",
        json={"name": name, "source_channel": "phone", "tags": [name[:2]], "revenue": "12.50"},
        headers=caller,
    )
    assert made.status_code == 201, made.text
    contact = {"name": f"{name[:2]}经理", "is_primary": True, "phones": [{"number": phone}]}
    url = f"{API}/customers/{made.json()['id']}"
    assert (await client.post(f"{url}/contacts", json=contact, headers=caller)).is_success
    return (await client.get(url, headers=caller)).json()


@pytest.fixture
async def pair(client: httpx.AsyncClient, database: Database, login_as: LoginAs) -> Pair:
    await make_rules(database, AT)
    caller = await login_as()
    async with database.transaction() as tx:
        await ensure_ticket_types(tx)
    winner = await make_file(client, caller, "蓝禾科技有限公司", "13800138000")
    loser = await make_file(client, caller, "青川仪器有限公司", "13900139000")
    async with database.transaction() as tx:
        shared, other = await make_user(tx, role="sales"), await make_user(tx, role="sales")
        rows = await tx.all(CUSTOMERS)
        keys = {row["public_id"]: row for row in rows}
        await make_team_member(tx, keys[winner["id"]], shared)
        await make_team_member(tx, keys[loser["id"]], shared)
        await make_team_member(tx, keys[loser["id"]], other)
    for one in (winner, loser):
        ticket = {
            "customer_id": one["id"],
            "type": "technical",
            "channel": "phone",
            "subject": "恒温培养箱温度漂移",
            "description": "E21 报警灯常亮,重启后仍出现",
        }
        made = await client.post(f"{API}/tickets", json=ticket, headers=caller)
        assert made.status_code == 201, made.text
    return Pair(client, caller, winner, loser)


CUSTOMERS = Statement(select(*Customer.__table__.columns))


async def every_row(database: Database) -> dict[str, dict[int, Row]]:
    """Return all rows of all tables by key."""
    found: dict[str, dict[int, Row]] = {}
    for table in Base.metadata.sorted_tables:
        rows = await database.all(Statement(select(*table.columns)))
        found[table.name] = {row["id"]: dict(row) for row in rows}
    return found


def differences(
    before: Mapping[str, Mapping[int, Row]], after: Mapping[str, Mapping[int, Row]]
) -> list[str]:
    """Return which values of rows there were before are others now."""
    return [
        f"{table} {key} {name}: {row[name]!r} -> {after[table].get(key, {}).get(name)!r}"
        for table, rows in before.items()
        for key, row in rows.items()
        for name in row
        if name not in COUNTS_ON and after[table].get(key, {}).get(name, "gone") != row[name]
    ]


# --- what names a customer


def test_every_column_that_names_a_customer_is_moved_or_stays_for_a_reason() -> None:
    moved = {(one.place, one.column) for one in references.moved()}
    named = {(table.name, column) for table, column in references.naming_columns()}
    assert moved | references.STAYS.keys() == named
    assert not moved & references.STAYS.keys()
    assert all(references.STAYS.values())


def test_no_column_names_a_customer_under_another_name() -> None:
    named = {(table.name, column) for table, column in references.naming_columns()}
    suspect = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if "customer" in column.name and isinstance(column.type, BigInteger | Integer)
    }
    assert suspect <= named


def test_the_engine_is_locked_first() -> None:
    assert references.moved()[0].place == "sla_subjects"


@pytest.mark.parametrize("model", sorted(references.models()))
def test_every_reference_belongs_to_a_table_with_a_key(model: str) -> None:
    assert "id" in references.models()[model].__table__.columns


# --- merging


async def test_everything_of_the_losers_names_the_winner(pair: Pair, database: Database) -> None:
    before = await every_row(database)
    merge = await pair.merge("short_name", "tags", "revenue")
    after = await every_row(database)
    keys = {row["public_id"]: row["id"] for row in after["customers"].values()}
    winner, loser = keys[pair.winner["id"]], keys[pair.loser["id"]]
    for one in references.moved():
        left = [key for key in before[one.place] if after[one.place][key][one.column] == loser]
        if one.place == "account_team_members":
            assert len(left) == 1, "who is in both teams stays in the loser's too"
        else:
            assert left == [], one.place
    assert {row["customer_id"] for row in after["tickets"].values()} == {winner}
    assert merge["counts"]["tickets"] == 1
    assert merge["counts"]["contacts"] == 1
    assert merge["counts"]["account_team_members"] == 1
    assert merge["counts"]["contact_points"] == 1
    primary = [row for row in after["contacts"].values() if row["is_primary"]]
    assert [row["customer_id"] for row in primary] == [winner]
    assert after["customers"][loser]["merged_into_id"] == winner
    assert after["customers"][winner]["tags"] == ["蓝禾", "青川"]
    assert len(after["audit_entries"]) > len(before["audit_entries"])


async def test_tickets_keep_their_clocks_and_the_losers_promise_is_withdrawn(
    pair: Pair, database: Database
) -> None:
    before = await every_row(database)
    await pair.merge()
    after = await every_row(database)
    for key, row in before["deadlines"].items():
        now = after["deadlines"][key]
        if row["subject_type"] == "ticket":
            assert (now["state"], now["due_at"]) == (row["state"], row["due_at"])
        elif row["customer_id"] != now["customer_id"]:
            assert now["state"] == "cancelled"
    facts = [row for row in after["sla_facts"].values() if row["kind"] == "cancelled"]
    assert [row["data"]["reason"] for row in facts] == [f"merged into {pair.winner['number']}"]


async def test_old_ids_and_numbers_lead_to_the_winner(pair: Pair) -> None:
    await pair.merge()
    old, new = pair.loser["id"], pair.winner["id"]
    read = await pair.call("GET", f"/customers/{old}")
    assert read.json()["id"] == new
    assert read.headers["Content-Location"] == f"{API}/customers/{new}"
    assert "Content-Location" not in (await pair.call("GET", f"/customers/{new}")).headers
    contacts = await pair.call("GET", f"/customers/{old}/contacts")
    assert len(contacts.json()["items"]) == 2
    for asked in (pair.loser["number"], "青川仪器", "qcyq", "13900139000"):
        found = await pair.client.get(
            f"{API}/customers/search", params={"q": asked}, headers=pair.caller
        )
        assert [one["customer"]["id"] for one in found.json()["items"]] == [new], asked
    listed = await pair.call("GET", "/customers")
    assert [one["id"] for one in listed.json()["items"]] == [new]
    ticket = {"customer_id": old, "type": "technical", "channel": "phone", "subject": "新问题",
              "description": "E22 报警灯常亮,重启后仍出现"}  # fmt: skip
    made = await pair.call("POST", "/tickets", **ticket)
    assert made.status_code == 201, made.text
    refused = await pair.call("PATCH", f"/customers/{old}", name="别的名字")
    assert (refused.status_code, refused.json()["code"]) == (409, "customer_merged")
    assert refused.json()["values"]["merged_into"] == new


async def test_merging_needs_two_standing_customers(pair: Pair) -> None:
    one = pair.winner["id"]
    same = await pair.call("POST", "/merges", winner_id=one, loser_id=one, reason="x")
    assert same.json()["errors"][0]["code"] == "same_customer"
    await pair.merge()
    again = await pair.call(
        "POST", "/merges", winner_id=one, loser_id=pair.loser["id"], reason="again"
    )
    assert (again.status_code, again.json()["code"]) == (409, "customer_merged")


async def test_only_who_may_write_both_merges_them(pair: Pair, login_as: LoginAs) -> None:
    ids = {"winner_id": pair.winner["id"], "loser_id": pair.loser["id"], "reason": "重复建档"}
    for role, status in (("sales", 403), ("analyst", 403), ("manager", 403)):
        answer = await pair.client.post(f"{API}/merges", json=ids, headers=await login_as(role))
        assert answer.status_code == status, role


# --- undoing


@pytest.mark.parametrize(
    "take",
    [(), ("name", "tags", "revenue", "custom"), ("contract_ends_on", "first_contact_at")],
)
async def test_undoing_restores_every_row(
    take: tuple[str, ...], pair: Pair, database: Database
) -> None:
    day = {"contract_ends_on": "2027-01-31", "first_contact_at": "2026-01-05T01:00:00Z"}
    assert (await pair.call("PATCH", f"/customers/{pair.loser['id']}", **day)).is_success
    before = await every_row(database)
    undone = await pair.undo(await pair.merge(*take))
    assert undone.status_code == 200, undone.text
    assert undone.json()["undo_reason"] == "两家公司"
    after = await every_row(database)
    found = differences(before, after)
    assert [one for one in found if one.split()[0] not in BEGINS_ANEW] == []
    assert await search.rebuild(database, check=True) == 0
    read = await pair.call("GET", f"/customers/{pair.loser['id']}")
    assert read.json()["id"] == pair.loser["id"]
    open_refreshes = [
        row for row in after["customer_refreshes"].values() if row["status"] == "open"
    ]
    assert len(open_refreshes) == 2


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(take=st.sets(st.sampled_from(TakenField)), turned=st.booleans())
async def test_undoing_any_merge_restores_every_row(
    take: set[TakenField], turned: bool, pair: Pair, database: Database
) -> None:
    before = await every_row(database)
    ways = (pair.loser, pair.winner) if turned else (pair.winner, pair.loser)
    one = Pair(pair.client, pair.caller, *ways)
    undone = await one.undo(await one.merge(*sorted(take)))
    assert undone.status_code == 200, undone.text
    found = differences(before, await every_row(database))
    assert [one for one in found if one.split()[0] not in BEGINS_ANEW] == []


async def test_a_chain_of_merges_is_undone_from_its_end(
    pair: Pair, database: Database, client: httpx.AsyncClient
) -> None:
    third = await make_file(client, pair.caller, "丹枫实业有限公司", "13700137000")
    before = await every_row(database)
    first = await pair.merge()
    second = await Pair(client, pair.caller, third, pair.winner).merge()
    read = await pair.call("GET", f"/customers/{pair.loser['id']}")
    assert read.json()["id"] == third["id"]
    assert (await pair.undo(first)).json()["code"] == "customer_merged"
    assert (await pair.undo(second)).status_code == 200
    read = await pair.call("GET", f"/customers/{pair.loser['id']}")
    assert read.json()["id"] == pair.winner["id"]
    assert (await pair.undo(first)).status_code == 200
    found = differences(before, await every_row(database))
    assert [one for one in found if one.split()[0] not in BEGINS_ANEW] == []


async def test_what_was_changed_since_is_told_and_nothing_is_undone(
    pair: Pair, database: Database
) -> None:
    merge = await pair.merge("tags")
    url = f"/customers/{pair.winner['id']}"
    await pair.call("PATCH", url, tags=["别的"], remarks="合并后补充")
    before = await every_row(database)
    refused = await pair.undo(merge)
    assert (refused.status_code, refused.json()["code"]) == (409, "merge_changed_since")
    assert refused.json()["values"]["changes"] == [
        {"place": "customers", "id": pair.winner["id"], "field": "tags", "is_gone": False}
    ]
    assert (await every_row(database))["customers"] == before["customers"]
    await pair.call("PATCH", url, tags=["蓝禾", "青川"])
    assert (await pair.undo(merge)).status_code == 200
    read = (await pair.call("GET", url)).json()
    assert (read["tags"], read["remarks"]) == (["蓝禾"], "合并后补充")
    assert (await pair.undo(merge)).json()["code"] == "merge_undone"


async def test_what_came_after_the_merge_stays_with_the_winner(
    pair: Pair, database: Database
) -> None:
    merge = await pair.merge()
    made = await pair.call("POST", f"/customers/{pair.winner['id']}/contacts", name="新来的")
    assert (await pair.undo(merge)).status_code == 200
    rows = (await every_row(database))["contacts"].values()
    names = {row["public_id"]: row["customer_id"] for row in rows}
    keys = {row["public_id"]: row["id"] for row in await database.all(CUSTOMERS)}
    assert names[made.json()["id"]] == keys[pair.winner["id"]]
    assert sorted(names.values()).count(keys[pair.loser["id"]]) == 1


def test_values_survive_being_noted() -> None:
    columns = Customer.__table__.columns
    values: dict[str, Any] = {
        "revenue": None, "contract_ends_on": date(2027, 1, 31), "first_contact_at": AT, "tags": ["a"],
        "custom": {"a": 1}, "name": "x", "headcount": 3,
    }  # fmt: skip
    for name, value in values.items():
        assert unpacked(columns[name], packed(value)) == value
