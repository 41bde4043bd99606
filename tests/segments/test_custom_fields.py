"""Custom fields in conditions: each type compared, what is absent, and what is no longer in use."""

from typing import Any

import pytest

from app.database import Database
from app.fields import service as fields
from app.fields.schemas import (
    ChoiceListCreate,
    ChoiceListPatch,
    CustomFieldCreate,
    CustomFieldPatch,
)
from app.segments.evaluation import evaluate_due
from app.statements import Row
from tests.factories import make_rules
from tests.segments.brute import MOMENT
from tests.segments.test_evaluation import CUSTOMERS, add, define, inside
from tests.tickets.conftest import House, errors_of

TITLE = {"zh": "字段", "en": "Field"}
TYPES = {
    "label": "text",
    "size": "number",
    "audited_on": "date",
    "payment": "choice",
    "lines": "multi_choice",
    "is_chain": "boolean",
}
FULL = {
    "label": "甲级",
    "size": 12.5,
    "audited_on": "2026-02-20",
    "payment": "prepaid",
    "lines": ["a", "b"],
    "is_chain": True,
}
OTHER = {
    "label": "乙级",
    "size": 3,
    "audited_on": "2025-02-20",
    "payment": "later",
    "lines": ["b"],
    "is_chain": False,
}


COMPARED: list[tuple[str, str, Any, list[int]]] = [
    ("label", "eq", "甲级", [0]),
    ("label", "ne", "甲级", [1, 2]),
    ("label", "starts_with", "乙", [1]),
    ("label", "is_set", False, [2]),
    ("size", "eq", 12.5, [0]),
    ("size", "eq", 3, [1]),
    ("size", "gte", 3, [0, 1]),
    ("size", "lt", 12.5, [1]),
    ("audited_on", "eq", "2026-02-20", [0]),
    ("audited_on", "gt", "2025-02-20", [0]),
    ("audited_on", "within_days", 10, [0]),
    ("audited_on", "older_than_days", 10, [1]),
    ("payment", "in", ["prepaid", "later"], [0, 1]),
    ("payment", "not_in", ["prepaid"], [1, 2]),
    ("lines", "has_any", ["a"], [0]),
    ("lines", "has_all", ["a", "b"], [0]),
    ("lines", "has_none", ["a"], [1, 2]),
    ("lines", "is_set", True, [0, 1]),
    ("is_chain", "eq", True, [0]),
    ("is_chain", "eq", False, [1]),
    ("is_chain", "is_set", False, [2]),
]


def ignore(row: Row) -> None:
    del row


async def prepare(database: Database) -> None:
    """Add one field of every type."""
    choices = [{"code": code, "title": TITLE} for code in ("prepaid", "later", "a", "b")]
    async with database.transaction() as tx:
        listed = {"code": "ways", "title": TITLE, "choices": choices}
        await fields.create_list(tx, ChoiceListCreate.model_validate(listed))
    async with database.transaction() as tx:
        for key, kind in TYPES.items():
            field: dict[str, Any] = {"key": key, "type": kind, "title": TITLE}
            if "choice" in kind:
                field["choice_list"] = "ways"
            await fields.create_field(tx, CustomFieldCreate.model_validate(field))


@pytest.fixture
async def three(database: Database) -> Database:
    """Three customers: with every field, with others, with none."""
    await make_rules(database, MOMENT)
    await prepare(database)
    for custom in (FULL, OTHER, {}):
        await add(database, custom=custom)
    return database


@pytest.mark.sop("CU-8")
async def test_custom_values_are_compared_by_their_type(three: Database) -> None:
    for number, (attribute, operator, value, wanted) in enumerate(COMPARED):
        document = {"attribute": f"custom.{attribute}", "operator": operator, "value": value}
        segment = await define(three, document, f"是 {number}")
        other = await define(three, {"not": document}, f"非 {number}")
        await evaluate_due(three)
        assert await positions(three, segment) == wanted, document
        assert await positions(three, other) == sorted({0, 1, 2} - set(wanted)), document


async def positions(database: Database, segment: Row) -> list[int]:
    """Return who is in, by the order in which customers were added."""
    keys = [row["id"] for row in await database.all(CUSTOMERS)]
    return [keys.index(key) for key in await inside(database, segment)]


async def test_what_is_out_of_use_is_asked_for_no_more_but_goes_on_where_it_was(
    house: House,
) -> None:
    await prepare(house.database)
    document = {"attribute": "custom.payment", "operator": "eq", "value": "prepaid"}
    segment = await define(house.database, document)
    customer = await add(house.database, custom=FULL)
    async with house.database.transaction() as tx:
        left = [
            {"code": code, "title": TITLE, "is_active": code != "prepaid"}
            for code in ("prepaid", "later", "a", "b")
        ]
        await fields.change_list(
            tx, "ways", ChoiceListPatch.model_validate({"choices": left}), ignore
        )
    url = "/api/v1/segments/preview"
    answer = await house.client.post(
        url, json={"condition": document}, headers=house.callers["boss"]
    )
    assert errors_of(answer) == {"/condition/value": "choice_unknown"}
    async with house.database.transaction() as tx:
        await fields.change_field(
            tx, "payment", CustomFieldPatch.model_validate({"is_active": False}), ignore
        )
    answer = await house.client.post(
        url, json={"condition": document}, headers=house.callers["boss"]
    )
    assert errors_of(answer) == {"/condition/attribute": "attribute_unknown"}
    assert await evaluate_due(house.database) == 1
    assert await inside(house.database, segment) == [customer["id"]]


async def test_custom_fields_in_use_are_listed_among_the_attributes(house: House) -> None:
    await prepare(house.database)
    answer = await house.client.get("/api/v1/segment-attributes", headers=house.callers["seller"])
    items = {one["attribute"]: one for one in answer.json()["items"]}
    assert items["custom.size"]["kind"] == "figure"
    assert items["custom.payment"]["choices"] == ["a", "b", "later", "prepaid"]
    assert items["custom.label"]["title"] == TITLE
