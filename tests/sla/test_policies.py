"""Policies as a resource: drafts with If-Match, refusals with their places, versions that stay, order, activity, diffs."""

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from app.database import Database
from app.idempotency import service as idempotency
from app.jobs import relay_messages
from app.main import create_app
from app.sla.engine.policy_document import PolicyInvalid, parse_policy
from app.sla.engine.policy_schema import policy_schema
from app.sla.shipped import PACK_NAMES, pack_document
from tests.conftest import make_settings
from tests.sla.retargets import Publisher, domain_rows, toolkit
from tests.sla.world import code_of, pointers

TOOLKIT = "/sla/policies/toolkit"
EIGHT = toolkit(resolve={"target": {"hours": 8}})
VIP = {**toolkit(), "name": "vip", "conditions": {"tier": ["A"]}}


async def policy(publisher: Publisher, name: str = "toolkit") -> dict[str, Any]:
    return await publisher.told("GET", f"/sla/policies/{name}")  # type: ignore[no-any-return]


# --- drafts


async def test_a_new_policy_is_a_draft_asked_last_and_not_active(publisher: Publisher) -> None:
    answer = await publisher.send("POST", "/sla/policies", VIP)
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/sla/policies/vip")
    made = answer.json()
    assert (made["position"], made["is_active"], made["current_version"]) == (3, False, 0)
    assert (made["document"], made["draft"], made["versions"]) == (None, VIP, [])
    listed = await publisher.told("GET", "/sla/policies")
    assert [one["name"] for one in listed["items"]] == ["toolkit", "tiered-cases", "none", "vip"]
    again = await publisher.send("POST", "/sla/policies", VIP)
    assert (again.status_code, code_of(again)) == (409, "policy_name_taken")


async def test_a_draft_changes_nothing_until_it_is_published(publisher: Publisher) -> None:
    await publisher.draft(EIGHT)
    subject = await publisher.world.open()
    assert subject.policy is not None
    assert subject.policy.reference == ("toolkit", 1)
    told = await policy(publisher)
    assert (told["current_version"], told["draft"]["clocks"]["resolve"]) == (
        1, {"target": {"hours": 8}},
    )  # fmt: skip
    await publisher.told("DELETE", f"{TOOLKIT}/draft", status=204)
    assert (await policy(publisher))["draft"] is None
    again = await publisher.send("DELETE", f"{TOOLKIT}/draft")
    assert (again.status_code, code_of(again)) == (409, "policy_has_no_draft")


async def test_a_stale_if_match_is_refused_wherever_a_policy_is_written(
    publisher: Publisher,
) -> None:
    await publisher.draft(EIGHT)
    assert (await policy(publisher))["version"] == 2
    for method, path, body in (
        ("PUT", f"{TOOLKIT}/draft", toolkit()),
        ("DELETE", f"{TOOLKIT}/draft", None),
        ("PATCH", TOOLKIT, {"is_active": False}),
        ("POST", f"{TOOLKIT}/publish", {"mode": "new"}),
    ):
        answer = await publisher.send(method, path, body, if_match='"1"')
        assert (answer.status_code, code_of(answer)) == (412, "stale_version"), path
    answer = await publisher.send("PUT", f"{TOOLKIT}/draft", toolkit(), if_match='"2"')
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')


async def test_discarding_the_draft_of_an_unpublished_policy_removes_it(
    publisher: Publisher,
) -> None:
    await publisher.told("POST", "/sla/policies", VIP, 201)
    await publisher.told("DELETE", "/sla/policies/vip/draft", status=204)
    assert (await publisher.send("GET", "/sla/policies/vip")).status_code == 404


Spoil = Callable[[dict[str, Any]], object]
WRONG: list[tuple[str, str, Spoil]] = [
    ("/name", "policy_name", lambda d: d.update(name="Tool Kit")),
    ("/name", "policy_name_fixed", lambda d: d.update(name="other")),
    ("/surprise", "extra_forbidden", lambda d: d.update(surprise=1)),
    ("/clocks/nap", "policy_clock_unknown", lambda d: d["clocks"].update(nap={})),
    ("/clocks/resolve", "policy_target_missing", lambda d: d["clocks"].update(resolve={})),
    (
        "/clocks/resolve/target", "policy_unit_unknown",
        lambda d: d["clocks"].update(resolve={"target": {"fortnights": 1}}),
    ),
    (
        "/clocks/resolve/target", "policy_unit_unknown",
        lambda d: d["clocks"].update(resolve={"target": {"amount": 1, "unit": []}}),
    ),
    (
        "/clocks/resolve/target", "policy_number",
        lambda d: d["clocks"].update(resolve={"target": {"hours": 0}}),
    ),
    (
        "/clocks/resolve/calendar", "policy_calendar_unknown",
        lambda d: d["clocks"]["resolve"].update(calendar="nowhere"),
    ),
    ("/calendars/A", "policy_calendar_unknown", lambda d: d.update(calendars={"A": "moon"})),
    ("/ladder", "policy_ladder_levels", lambda d: d["ladder"].reverse()),
    ("/ladder/0", "policy_step_time", lambda d: d["ladder"][0].update(minutes=3)),
    ("/waiting/pauses/accept", "policy_clock_never_pauses",
     lambda d: d["waiting"].update(pauses=["accept"])),
    ("", "policy_too_long", lambda d: d.update(description="长" * 30_000)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "code", "spoil"), WRONG, ids=[f"{n}-{row[1]}" for n, row in enumerate(WRONG)]
)
async def test_a_wrong_document_is_refused_with_its_place_in_words(
    publisher: Publisher, pointer: str, code: str, spoil: Spoil
) -> None:
    document = toolkit()
    spoil(document)
    answer = await publisher.send("PUT", f"{TOOLKIT}/draft", document)
    assert (answer.status_code, pointers(answer)) == (422, [(pointer, code)])
    assert answer.json()["errors"][0]["detail"]
    assert (await policy(publisher))["draft"] is None


# --- publishing


async def test_versions_stay_as_they_were_published(publisher: Publisher) -> None:
    await publisher.publish(EIGHT)
    first = await publisher.told("GET", f"{TOOLKIT}/versions/1")
    second = await publisher.told("GET", f"{TOOLKIT}/versions/2")
    assert first["document"] == dict(pack_document("toolkit"))
    assert (second["document"], second["mode"]) == (EIGHT, "new")
    for number in ("3", "999999999"):
        assert (await publisher.send("GET", f"{TOOLKIT}/versions/{number}")).status_code == 404
    for number in ("0", "-1", "x", "1.0"):
        assert (await publisher.send("GET", f"{TOOLKIT}/versions/{number}")).status_code == 422


async def test_a_draft_that_says_the_same_makes_no_version(publisher: Publisher) -> None:
    await publisher.publish(toolkit())
    told = await policy(publisher)
    assert (told["current_version"], told["draft"]) == (1, None)


async def test_a_title_changes_with_its_publication(publisher: Publisher) -> None:
    await publisher.publish({**toolkit(), "title": {"zh": "新版", "en": "New"}})
    assert (await policy(publisher))["title"] == {"zh": "新版", "en": "New"}


async def test_publishing_is_audited_and_told_as_an_event(publisher: Publisher) -> None:
    await publisher.publish(EIGHT)
    log = (await publisher.told("GET", "/audit?entity=policy_version"))["items"]
    mine = [one for one in log if one["actor_id"] == publisher.admin.user["public_id"]]
    assert [one["action"] for one in mine] == ["policy_version.create"]
    rows = (await domain_rows(publisher.world.database))["outbox_messages"]
    told = [one["payload"] for one in rows if one["event"] == "policy.published"]
    assert told == [{"policy": "toolkit", "version": 2, "mode": "new"}]
    assert await relay_messages(publisher.world.database) >= 1


async def test_two_publications_at_once_make_one_version(publisher: Publisher) -> None:
    await publisher.draft(EIGHT)
    path, body = f"{TOOLKIT}/publish", {"mode": "new"}
    answers = await asyncio.gather(*(publisher.send("POST", path, body) for _ in range(2)))
    assert sorted(one.status_code for one in answers) == [202, 409]
    assert (await policy(publisher))["current_version"] == 2


async def test_only_who_may_write_policies_does(publisher: Publisher) -> None:
    boss = publisher.world.boss
    for method, path, body in (
        ("POST", "/sla/policies", VIP),
        ("PUT", f"{TOOLKIT}/draft", EIGHT),
        ("POST", f"{TOOLKIT}/publish", {"mode": "new"}),
        ("POST", "/sla/retargets", {"mode": "open_from_now"}),
    ):
        assert (await publisher.send(method, path, body, who=boss)).status_code == 403
    assert (await publisher.send("GET", TOOLKIT, who=boss)).status_code == 200


# --- order and activity


async def vip_in_front(publisher: Publisher) -> None:
    await publisher.told("POST", "/sla/policies", VIP, 201)
    await publisher.told("POST", "/sla/policies/vip/publish", {"mode": "new"}, 202)
    names = ["vip", "toolkit", "tiered-cases", "none"]
    await publisher.told("POST", "/sla/policies/order", {"names": names})
    await publisher.told("PATCH", "/sla/policies/vip", {"is_active": True})


async def test_the_first_active_one_that_matches_applies_to_new_matters(
    publisher: Publisher,
) -> None:
    await vip_in_front(publisher)
    for number, tier, name in ((1, "A", "vip"), (2, "B", "toolkit")):
        subject = await publisher.world.open(number, tier=tier)
        assert subject.policy is not None
        assert subject.policy.name == name
    await publisher.told("PATCH", "/sla/policies/vip", {"is_active": False})
    subject = await publisher.world.open(3, tier="A")
    assert subject.policy is not None
    assert subject.policy.name == "toolkit"


async def test_no_order_in_which_a_policy_would_never_apply(publisher: Publisher) -> None:
    unpublished = {**VIP, "name": "later"}
    await publisher.told("POST", "/sla/policies", unpublished, 201)
    await vip_in_front_of_later(publisher)

    async def refused(method: str, path: str, body: Any) -> Any:
        answer = await publisher.send(method, path, body)
        assert answer.status_code == 409, answer.text
        return answer.json()["code"], answer.json().get("values")

    on = {"is_active": True}
    assert await refused("PATCH", "/sla/policies/later", on) == ("policy_unpublished", None)
    assert await refused("PATCH", "/sla/policies/none", on) == (
        "policy_shadowed", {"policy": "none", "by": "toolkit"},
    )  # fmt: skip
    names = ["toolkit", "vip", "later", "tiered-cases", "none"]
    assert await refused("POST", "/sla/policies/order", {"names": names}) == (
        "policy_shadowed", {"policy": "vip", "by": "toolkit"},
    )  # fmt: skip
    await publisher.draft({**VIP, "conditions": {}})
    assert (await refused("POST", "/sla/policies/vip/publish", {"mode": "new"}))[0] == (
        "policy_shadowed"
    )
    listed = await publisher.told("GET", "/sla/policies")
    assert [one["name"] for one in listed["items"]] == [
        "vip", "later", "toolkit", "tiered-cases", "none",
    ]  # fmt: skip


async def vip_in_front_of_later(publisher: Publisher) -> None:
    await publisher.told("POST", "/sla/policies", VIP, 201)
    await publisher.told("POST", "/sla/policies/vip/publish", {"mode": "new"}, 202)
    names = ["vip", "later", "toolkit", "tiered-cases", "none"]
    await publisher.told("POST", "/sla/policies/order", {"names": names})
    await publisher.told("PATCH", "/sla/policies/vip", {"is_active": True})


@pytest.mark.parametrize(
    "names", [["toolkit"], ["toolkit", "toolkit", "none"], ["toolkit", "tiered-cases", "other"]]
)
async def test_an_order_names_every_policy_once(publisher: Publisher, names: list[str]) -> None:
    answer = await publisher.send("POST", "/sla/policies/order", {"names": names})
    assert (answer.status_code, pointers(answer)) == (422, [("/names", "policy_order_incomplete")])


async def test_an_inactive_policy_is_published_for_new_matters_only(publisher: Publisher) -> None:
    document = {**pack_document("none"), "description": "Nothing is promised."}
    await publisher.draft(document)
    answer = await publisher.send("POST", "/sla/policies/none/preview", {"mode": "open_from_now"})
    assert (answer.status_code, code_of(answer)) == (409, "policy_inactive")


async def test_a_retarget_names_what_is_there(publisher: Publisher) -> None:
    for body, error in (
        ({"policy": "nonesuch"}, ("/policy", "unknown_reference")),
        ({"calendar": "nonesuch"}, ("/calendar", "unknown_reference")),
        ({"policy": "toolkit", "calendar": "office"}, ("/calendar", "policy_or_calendar")),
    ):
        for path in ("/sla/retargets", "/sla/retargets/preview"):
            answer = await publisher.send("POST", path, {"mode": "open_from_now", **body})
            assert (answer.status_code, pointers(answer)) == (422, [error])


# --- diffs


async def test_a_draft_is_compared_place_by_place(publisher: Publisher) -> None:
    changed = copy.deepcopy(EIGHT)
    changed["ladder"][2]["minutes"] = 30
    changed["conditions"] = {"type": ["technical"]}
    del changed["clocks"]["plan"]
    await publisher.draft(changed)
    told = await publisher.told("GET", f"{TOOLKIT}/diff")
    assert (told["before"], told["after"]) == ("current", "draft")
    assert [one["text"] for one in told["differences"]] == [
        "+ conditions.type: [technical]",
        "- clocks.plan: {target: 2 hours}",
        "- clocks.resolve.cases: [{when: {complexity: [complex, super]}, target: 1 days}]",
        "~ clocks.resolve.target: 4 hours -> 8 hours",
        "- clocks.resolve.answered_by: [resolved]",
        "~ ladder.3: at 60 min tell next -> at 30 min tell next",
    ]
    assert told["differences"][3] == {
        "pointer": "/clocks/resolve/target", "before": {"hours": 4}, "after": {"hours": 8},
        "text": "~ clocks.resolve.target: 4 hours -> 8 hours",
    }  # fmt: skip
    same = await publisher.told("GET", f"{TOOLKIT}/diff?from=1&to=current")
    assert same["differences"] == []
    for query, place in (("from=7", "from"), ("to=9", "to")):
        answer = await publisher.send("GET", f"{TOOLKIT}/diff?{query}")
        assert pointers(answer) == [(f"/query/{place}", "policy_version_unknown")]


# --- the schema in the contract


def schema() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(policy_schema())


@pytest.mark.parametrize("name", PACK_NAMES)
def test_the_shipped_packs_have_the_form_of_the_schema(name: str) -> None:
    schema().validate(dict(pack_document(name)))


def test_the_contract_holds_the_schema(tmp_path: Any) -> None:
    app = create_app(make_settings("sqlite:///:memory:", tmp_path))
    held = app.openapi()["components"]["schemas"]["PolicyDocument"]
    assert {name: held[name] for name in policy_schema()} == policy_schema()


RESOLVE = {"target": {"hours": 4}}
FORMS: list[Spoil] = [
    lambda d: None,
    lambda d: d.pop("conditions"),
    lambda d: d.pop("waiting"),
    lambda d: d.pop("ladder"),
    lambda d: d.update(waiting=None),
    lambda d: d.update(waiting={"pauses": ["resolve"]}),
    lambda d: d.update(waiting={"pauses": ["resolve"], "budget": None}),
    lambda d: d.update(waiting={"pauses": ["resolve"], "budget": {"days": 1}}),
    lambda d: d.update(waiting={"pauses": []}),
    lambda d: d.update(waiting={"limit": {"days": 1}}),
    lambda d: d.update(name=""),
    lambda d: d.update(name="UPPER"),
    lambda d: d.update(name=7),
    lambda d: d.pop("name"),
    lambda d: d.update(title={"zh": " "}),
    lambda d: d.update(title={"fr": "x"}),
    lambda d: d.update(title=None),
    lambda d: d.update(description=None),
    lambda d: d.update(description=3),
    lambda d: d.update(extra=1),
    lambda d: d.update(conditions={"tier": "A"}),
    lambda d: d.update(conditions={"tier": []}),
    lambda d: d.update(conditions={"tier": ["A", 1]}),
    lambda d: d.update(conditions={"weather": ["wet"]}),
    lambda d: d.update(conditions={"tags": ["a", "b"], "priority": ["high"]}),
    lambda d: d.update(calendars={"A": ""}),
    lambda d: d.update(calendars=["24x7"]),
    lambda d: d.update(calendars={}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"calendar": None}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"calendar": "24x7"}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"calendar": {"A": "24x7"}}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"calendar": ""}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"calendar": 5}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"answered_by": ["resolved", "closed"]}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"answered_by": ["message"]}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"answered_by": []}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"answered_by": None}),
    lambda d: d["clocks"].update(resolve=RESOLVE | {"close_after": {"days": 1}}),
    lambda d: d["clocks"].update(resolve={}),
    lambda d: d["clocks"].update(resolve={"cases": []}),
    lambda d: d["clocks"].update(resolve={"cases": [{"when": {}, "target": {"hours": 1}}]}),
    lambda d: d["clocks"].update(resolve={"cases": [{"target": {"hours": 1}}]}),
    lambda d: d["clocks"].update(resolve={"cases": [{"when": {}}]}),
    lambda d: d["clocks"].update(resolve={"cases": {"when": {}}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": 4, "minutes": 1}}),
    lambda d: d["clocks"].update(resolve={"target": {"amount": 4, "unit": "hours"}}),
    lambda d: d["clocks"].update(resolve={"target": {"amount": 4}}),
    lambda d: d["clocks"].update(resolve={"target": {"amount": 4, "unit": "years"}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": 100_000}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": 100_001}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": 0}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": "4"}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": True}}),
    lambda d: d["clocks"].update(resolve={"target": {"hours": 4.5}}),
    lambda d: d["clocks"].update(resolve={"target": {}}),
    lambda d: d["clocks"].update(resolve={"target": 4}),
    lambda d: d["clocks"].update(agreed={}),
    lambda d: d["clocks"].update(agreed={"target": {"hours": 4}}),
    lambda d: d["clocks"].update(agreed={"answered_by": ["resolved"]}),
    lambda d: d["clocks"].update(accept={"target": {"minutes": 5}, "answered_by": ["accepted"]}),
    lambda d: d["clocks"].update(nap={"target": {"minutes": 5}}),
    lambda d: d.update(clocks=[]),
    lambda d: d.update(ladder={}),
    lambda d: d.update(ladder=[]),
    lambda d: d["ladder"][0].update(percent=-100),
    lambda d: d["ladder"][0].update(percent=0),
    lambda d: d["ladder"][0].update(minutes=5),
    lambda d: d["ladder"][0].update(percent=None),
    lambda d: d["ladder"][0].pop("percent"),
    lambda d: d["ladder"][1].update(minutes=100_001),
    lambda d: d["ladder"][0].update(tell=[]),
    lambda d: d["ladder"][0].update(tell=["president"]),
    lambda d: d["ladder"][0].update(tell="owner"),
    lambda d: d["ladder"][0].pop("level"),
    lambda d: d["ladder"][0].update(why="because"),
    lambda d: d.update(ladder=[{"level": n, "minutes": n, "tell": ["next"]} for n in range(1, 22)]),
]
# Two places at once: only the parser can see them.
BEYOND: list[Spoil] = [
    lambda d: d["ladder"].reverse(),
    lambda d: d["ladder"][2].update(level=9),
    lambda d: d["waiting"].update(pauses=["accept"]),
    lambda d: d["waiting"].update(pauses=["first_answer"]),
    lambda d: d["clocks"].update(resolve={"target": {"months": 1}}),
]


def takes(document: Any) -> bool:
    try:
        parse_policy(document)
    except PolicyInvalid:
        return False
    return True


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_schema_and_parser_agree(number: int) -> None:
    document = toolkit()
    FORMS[number](document)
    assert schema().is_valid(document) is takes(document)


def test_enough_forms_are_taken_and_refused() -> None:
    verdicts = []
    for spoil in FORMS:
        document = toolkit()
        spoil(document)
        verdicts.append(takes(document))
    assert verdicts.count(True) >= 15
    assert verdicts.count(False) >= 40


@pytest.mark.parametrize("number", range(len(BEYOND)))
def test_what_needs_two_places_is_the_parser_s(number: int) -> None:
    document = toolkit()
    BEYOND[number](document)
    assert schema().is_valid(document)
    assert not takes(document)


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_what_is_no_object_is_no_policy(document: Any) -> None:
    assert not schema().is_valid(document)
    assert not takes(document)


@pytest.mark.parametrize(
    "sql", ["UPDATE sla_policy_versions SET number = 9", "DELETE FROM sla_policy_versions"]
)
async def test_no_statement_changes_a_version(
    publisher: Publisher, database: Database, sql: str
) -> None:
    before = (await domain_rows(database))["sla_policy_versions"]
    assert before
    with pytest.raises(Exception, match="never changed"):
        async with database.transaction() as tx:
            await tx.run_text(sql, [])
    assert (await domain_rows(database))["sla_policy_versions"] == before


async def test_the_repeat_of_a_publication_too_long_to_keep_is_told_so(
    publisher: Publisher, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "BODY_BYTES_MAX", 100)
    await publisher.draft(toolkit(resolve={"target": {"hours": 8}}))
    body = {"mode": "new"}
    path = "/sla/policies/toolkit/publish"
    assert (
        await publisher.send("POST", path, body, Idempotency_Key="publish-1")
    ).status_code == 202
    before = await domain_rows(database)
    again = await publisher.send("POST", path, body, Idempotency_Key="publish-1")
    assert (again.status_code, code_of(again)) == (409, "answer_not_replayable")
    assert await domain_rows(database) == before
    created = {**toolkit(), "name": "night"}
    first = await publisher.send("POST", "/sla/policies", created, Idempotency_Key="create-1")
    assert first.status_code == 201
    again = await publisher.send("POST", "/sla/policies", created, Idempotency_Key="create-1")
    assert (again.status_code, again.headers["location"]) == (409, first.headers["location"])
