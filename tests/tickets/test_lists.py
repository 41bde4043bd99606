"""The list of tickets, and the lists that belong to one: filters, orders, pages."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.tickets.move_schemas import MessagePage
from app.tickets.schemas import DispatchPage, HistoryPage, TicketPage, TicketSummary
from tests.factories import make_customer
from tests.tickets.conftest import BASE, CONCRETE, NOBODY, House, code_of, conform, errors_of
from tests.tickets.test_table import SOLUTION


async def fill(house: House) -> dict[str, str]:
    """Open four tickets that differ, an hour apart; returns their ids by name."""
    async with house.database.transaction() as tx:
        other = await make_customer(tx, name="别家", tier="C")
    given: Mapping[str, dict[str, Any]] = {
        "plain": {},
        "urgent": {"priority": "urgent", "tags": ["停产", 'a"b'], "complexity": "complex"},
        "consult": {"type": "consult", "tags": ["停产线"]},
        "foreign": {"customer_id": str(other["public_id"]), "contact_id": None, "tags": ["停产"]},
    }
    ids = {}
    for hour, (name, values) in enumerate(given.items(), 9):
        await house.at(f"{hour:02}:00")
        ids[name] = (await house.open(**values))["id"]
    await house.do(ids["plain"], "resolve", "li", solution=SOLUTION)
    return ids


async def names(house: House, ids: Mapping[str, str], **query: Any) -> list[str]:
    by_id = {public_id: name for name, public_id in ids.items()}
    page = await house.get("", **query)
    return [by_id[one["id"]] for one in page["items"]]


async def test_filters_narrow_and_combine(house: House) -> None:
    ids = await fill(house)
    everything = ["foreign", "consult", "urgent", "plain"]
    customer = str(house.customer["public_id"])
    support = str(house.departments["support"]["public_id"])
    for query, expected in (
        ({}, everything),
        ({"status": "resolved"}, ["plain"]),
        ({"status": ["resolved", "new"]}, everything),
        ({"type": "consult"}, ["consult"]),
        ({"type": ["consult", "technical"], "status": "new"}, ["foreign", "consult", "urgent"]),
        ({"complexity": "complex"}, ["urgent"]),
        ({"priority": "urgent"}, ["urgent"]),
        ({"owner_id": house.id_of("seller")}, ["consult"]),
        ({"owner_id": NOBODY}, []),
        ({"department_id": support}, ["urgent", "plain"]),
        ({"customer_id": customer}, ["consult", "urgent", "plain"]),
        ({"tag": "停产"}, ["foreign", "urgent"]),
        ({"tag": "停"}, []),
        ({"tag": 'a"b'}, ["urgent"]),
        ({"number": "T000003"}, ["consult"]),
        ({"opened_at[gte]": "2026-03-02T11:00:00+08:00"}, ["foreign", "consult"]),
        ({"opened_at[lt]": "2026-03-02T11:00:00+08:00"}, ["urgent", "plain"]),
        ({"customer_id": customer, "tag": "停产"}, ["urgent"]),
    ):  # fmt: skip
        assert await names(house, ids, **query) == expected, query


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("opened_at", ["plain", "urgent", "consult", "foreign"]),
        ("-opened_at", ["foreign", "consult", "urgent", "plain"]),
        ("number", ["plain", "urgent", "consult", "foreign"]),
        ("-number", ["foreign", "consult", "urgent", "plain"]),
        ("updated_at", ["urgent", "consult", "plain", "foreign"]),
        ("-status", ["plain", "foreign", "consult", "urgent"]),
    ],
)
async def test_orders_have_the_id_as_the_last_word(
    house: House, sort: str, expected: list[str]
) -> None:
    ids = await fill(house)
    assert await names(house, ids, sort=sort) == expected


async def test_pages_join_without_gap_or_overlap(house: House) -> None:
    ids = await fill(house)
    walked: list[str] = []
    query: dict[str, Any] = {"limit": 1, "sort": "status"}
    while True:
        page = await house.get("", **query)
        conform(TicketPage, {"total": None, **page})
        conform(TicketSummary, page["items"][0])
        walked += [one["id"] for one in page["items"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(walked) == sorted(ids.values())
    assert (await house.get("", total="true", limit=1))["total"] == 4


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": "201"}, "/query/limit"),
        ({"limit": "0"}, "/query/limit"),
        ({"sort": "subject"}, "/query/sort"),
        ({"status": "open"}, "/query/status/0"),
        ({"type": "A B"}, "/query/type/0"),
        ({"owner_id": "1"}, "/query/owner_id"),
        ({"tag": "a\x00b"}, "/query/tag"),
        ({"opened_at[gte]": "yesterday"}, "/query/opened_at[gte]"),
        ({"opened_at[gt]": "2026-03-02T11:00:00Z"}, "/query/opened_at[gt]"),
        ({"q": "x"}, "/query/q"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    house: House, query: dict[str, str], wrong: str
) -> None:
    answer = await house.client.get(BASE, params=query, headers=house.callers["boss"])
    assert set(errors_of(answer)) == {wrong}


async def test_a_cursor_is_bound_to_its_question(house: House) -> None:
    await fill(house)
    cursor = (await house.get("", limit=1))["next_cursor"]
    for query, code in (
        ({"cursor": cursor, "sort": "number"}, "cursor_of_another_list"),
        ({"cursor": cursor, "status": "new"}, "cursor_of_another_list"),
        ({"cursor": "x" + cursor[1:]}, "cursor_invalid"),
    ):
        answer = await house.client.get(BASE, params=query, headers=house.callers["boss"])
        assert code_of(answer) == (400, code)


async def test_the_list_needs_a_reader(house: House) -> None:
    assert (await house.client.get(BASE)).status_code == 401
    assert (await house.client.get(BASE, headers=house.callers["auditor"])).status_code == 403
    assert (await house.client.get(BASE, headers=house.callers["analyst"])).status_code == 200


# --- what belongs to one ticket


async def test_a_history_names_people_where_facts_hold_keys(house: House) -> None:
    ticket = await house.open(by="agent")
    await house.at("09:10")
    await house.do(ticket, "assign", "support_head", owner_id=house.id_of("wu"))
    page = await house.get(f"/{ticket['id']}/history")
    conform(HistoryPage, {"total": None, **page})
    opened, assigned = page["items"]
    assert (opened["sequence"], opened["kind"], opened["actor"]["name"]) == (1, "opened", "agent")
    assert opened["occurred_at"] == "2026-03-02T01:00:00.000000Z"
    assert opened["data"]["inputs"]["owner"] == {"id": house.id_of("li"), "name": "li"}
    assert (opened["data"]["inputs"]["tier"], opened["data"]["inputs"]["department"]) == (
        "B", "技术支持部",
    )  # fmt: skip
    assert assigned["actor"]["name"] == "support_head"
    assert assigned["data"]["owner"]["name"] == "wu"
    assert assigned["data"]["department"] == "现场组"


async def test_a_tickets_own_lists_are_paged_oldest_first(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    for number in range(3):
        await house.do(ticket, "messages", "li", body=f"{CONCRETE}第 {number} 批", public=False)
    for path, model in (("messages", MessagePage), ("history", HistoryPage), ("deadlines", None)):
        first = await house.get(f"/{ticket['id']}/{path}", limit=2, total="true")
        if model is not None:
            conform(model, first)
        rest = await house.get(f"/{ticket['id']}/{path}", limit=2, cursor=first["next_cursor"])
        assert len(first["items"]) == 2
        assert first["has_more"] is True
        assert first["total"] == 2 + len(rest["items"])
    messages = await house.get(f"/{ticket['id']}/messages")
    assert [one["body"][-4:] for one in messages["items"]] == [f"第 {n} 批"[-4:] for n in range(3)]
    conform(DispatchPage, {"total": None, **await house.get(f"/{ticket['id']}/dispatch")})


async def test_another_tickets_facts_and_words_stay_its_own(house: House) -> None:
    first, second = await house.open(by="li"), await house.open(by="li")
    await house.do(first, "messages", "li", body=CONCRETE)
    assert (await house.get(f"/{second['id']}/messages"))["items"] == []
    assert await house.facts(second) == ["opened"]
