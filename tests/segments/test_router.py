"""Routes of segments: defining, previewing, who is in, a customer's memberships and figures, the bounds."""

from typing import Any

import pytest

from app.outbox.relay import relay
from app.segments.attributes import ATTRIBUTES
from app.segments.evaluation import evaluate_due
from app.subscribers import SUBSCRIPTIONS
from tests.tickets.conftest import House, code_of, errors_of

TIER_B = {"attribute": "tier", "operator": "eq", "value": "B"}
RICH = {"attribute": "revenue", "operator": "gt", "value": "1000000.00"}


async def ask(house: House, method: str, path: str, body: Any = None, by: str = "admin") -> Any:
    url = f"/api/v1{path}"
    return await house.client.request(method, url, json=body, headers=house.callers[by])


async def define(house: House, **values: Any) -> dict[str, Any]:
    body = {"name": "重点客户", "condition": TIER_B, **values}
    answer = await ask(house, "POST", "/segments", body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.sop("CU-8")
async def test_a_segment_fills_and_both_sides_tell_of_it(house: House) -> None:
    made = await define(house)
    assert (made["member_count"], made["evaluated_at"], made["version"]) == (0, None, 1)
    await evaluate_due(house.database)
    read = (await ask(house, "GET", f"/segments/{made['id']}", by="seller")).json()
    assert read["member_count"] == 1
    assert read["evaluated_at"] is not None
    page = (await ask(house, "GET", f"/segments/{made['id']}/customers")).json()
    assert [one["customer"]["id"] for one in page["items"]] == [house.customer["public_id"]]
    url = f"/customers/{house.customer['public_id']}/segments"
    memberships = (await ask(house, "GET", url)).json()["items"]
    assert [(one["name"], one["left_at"]) for one in memberships] == [("重点客户", None)]
    changed = {"condition": {"not": TIER_B}}
    answer = await ask(house, "PATCH", f"/segments/{made['id']}", changed)
    assert answer.json()["version"] == 2
    await evaluate_due(house.database)
    assert (await ask(house, "GET", f"/segments/{made['id']}/customers")).json()["items"] == []
    gone = (await ask(house, "GET", f"{url}?is_current=false")).json()["items"]
    assert [one["segment_id"] for one in gone] == [made["id"]]
    assert gone[0]["left_at"] is not None
    assert (await ask(house, "GET", f"{url}?is_current=true")).json()["items"] == []


async def test_a_name_is_taken_once_whatever_its_case(house: House) -> None:
    await define(house, name="VIP 客户")
    answer = await ask(house, "POST", "/segments", {"name": "vip  客户", "condition": TIER_B})
    assert code_of(answer) == (409, "segment_name_taken")
    other = await define(house, name="其他")
    answer = await ask(house, "PATCH", f"/segments/{other['id']}", {"name": "Vip 客户"})
    assert code_of(answer) == (409, "segment_name_taken")
    answer = await ask(house, "PATCH", f"/segments/{other['id']}", {"name": "其 他"})
    assert answer.json()["name"] == "其 他"


async def test_a_preview_counts_and_writes_nothing(house: House) -> None:
    answer = await ask(house, "POST", "/segments/preview", {"condition": TIER_B})
    assert answer.json() == {"customer_count": 1}
    answer = await ask(house, "POST", "/segments/preview", {"condition": {"not": TIER_B}})
    assert answer.json() == {"customer_count": 0}
    assert (await ask(house, "GET", "/segments")).json()["items"] == []


@pytest.mark.parametrize("path", ["/segments", "/segments/preview"])
async def test_a_wrong_condition_is_pointed_at(house: House, path: str) -> None:
    condition = {"all": [TIER_B, {"attribute": "tier", "operator": "eq", "value": "Z"}]}
    named = {"name": "错"} if path == "/segments" else {}
    answer = await ask(house, "POST", path, {**named, "condition": condition})
    assert errors_of(answer) == {"/condition/all/1/value": "choice_unknown"}
    answer = await ask(house, "POST", path, {**named, "condition": 5})
    assert list(errors_of(answer)) == ["/condition"]


@pytest.mark.sop("SE-1")
async def test_masked_figures_are_asked_for_by_nobody_who_may_not_see_them(house: House) -> None:
    preview = {"condition": {"not": {"any": [RICH]}}}
    for by, status in (("analyst", 403), ("seller", 403), ("boss", 200)):
        assert (await ask(house, "POST", "/segments/preview", preview, by)).status_code == status
    assert (await ask(house, "POST", "/segments", {"name": "大", **preview}, "boss")).is_success
    plain = {"condition": TIER_B}
    assert (await ask(house, "POST", "/segments/preview", plain, "seller")).is_success
    assert (
        await ask(house, "POST", "/segments", {"name": "B", **plain}, "seller")
    ).status_code == 403


async def test_attributes_are_listed_with_words_and_operators(house: House) -> None:
    items = (await ask(house, "GET", "/segment-attributes", by="seller")).json()["items"]
    assert [one["attribute"] for one in items] == list(ATTRIBUTES)
    tier = next(one for one in items if one["attribute"] == "tier")
    assert (tier["kind"], tier["choices"]) == ("code", ["A", "B", "C"])
    assert tier["operators"] == ["eq", "ne", "in", "not_in", "is_set"]


async def test_a_customers_figures_are_read(house: House) -> None:
    url = f"/customers/{house.customer['public_id']}/figures"
    nothing = (await ask(house, "GET", url)).json()
    assert (nothing["ticket_count"], nothing["last_seen_at"], nothing["amount_band"]) == (
        0,
        None,
        "none",
    )
    await house.open(owner_id=house.id_of("li"))
    await relay(house.database, SUBSCRIPTIONS)
    figures = (await ask(house, "GET", url)).json()
    assert (figures["ticket_count"], figures["purchase_amount_365d"]) == (1, "0.00")


async def test_bounds_are_set_and_honour_the_version(house: House) -> None:
    answer = await ask(house, "GET", "/figure-bands", by="seller")
    bands = answer.json()
    assert (bands["frequency_mid"], bands["amount_high"], bands["version"]) == (4, "100000.00", 1)
    wanted = {
        "frequency_mid": 2,
        "frequency_high": 6,
        "amount_mid": "500.00",
        "amount_high": "5000.00",
    }
    headers = {**house.callers["admin"], "If-Match": answer.headers["ETag"]}
    url = "/api/v1/figure-bands"
    changed = await house.client.put(url, json=wanted, headers=headers)
    assert changed.json() == {**wanted, "version": 2}
    assert (await house.client.put(url, json=wanted, headers=headers)).status_code == 412
    assert (await ask(house, "GET", "/figure-bands")).json() == {**wanted, "version": 2}
    for name, value in (("frequency_high", 2), ("amount_high", "500.00")):
        answer = await ask(house, "PUT", "/figure-bands", {**wanted, name: value})
        assert errors_of(answer) == {f"/{name}": "bound_not_above"}
