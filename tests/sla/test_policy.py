"""Policy documents: what is read from them, what is refused, and which policy applies."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import yaml

from app.calendars.target import Target, Unit
from app.sla.engine.facts import FactKind
from app.sla.engine.policy import (
    HOUSE_LADDER,
    Condition,
    Inputs,
    Tell,
    match,
    role_by_tier,
    shadowed,
)
from app.sla.engine.policy_document import PolicyInvalid, parse_policy, parse_target
from app.sla.engine.register import row_of
from app.sla.shipped import PACK_NAMES, load_pack, pack_document
from tests.sla.histories import changed_toolkit

NORMAL = Inputs(type="technical", tier="B", channel="phone")


def toolkit() -> dict[str, Any]:
    return deepcopy(dict(pack_document("toolkit")))


@pytest.mark.sop("TK-2", "TK-4", "TK-5", "TK-6", "TK-7")
@pytest.mark.parametrize(
    "clock", ["accept", "plan", "progress", "next_reply", "resolve", "confirm"]
)
def test_the_toolkit_sets_the_targets_of_the_register(clock: str) -> None:
    row = row_of(clock)
    assert row is not None
    assert load_pack("toolkit").target(clock, NORMAL) == row.target


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize("complexity", ["complex", "super"])
def test_the_toolkit_gives_a_day_to_what_is_complex(complexity: str) -> None:
    inputs = NORMAL._replace(complexity=complexity)
    assert load_pack("toolkit").target("resolve", inputs) == Target(1, Unit.DAYS)


@pytest.mark.sop("CU-10")
@pytest.mark.parametrize(
    ("clock", "tier", "role"),
    [
        ("resolve", "A", "24x7"),
        ("resolve", "B", "working"),
        ("resolve", "C", "working"),
        ("resolve", None, "working"),
        ("agreed", "A", "24x7"),
        ("confirm", "A", "working"),
    ],
)
def test_tier_a_runs_around_the_clock_except_for_working_days(
    clock: str, tier: str | None, role: str
) -> None:
    policy, inputs = load_pack("toolkit"), NORMAL._replace(tier=tier)
    assert policy.calendar_role(clock, inputs, policy.target(clock, inputs)) == role


@pytest.mark.sop("TK-5")
def test_elapsed_hours_run_around_the_clock_whatever_the_policy_says() -> None:
    document = {**pack_document("tiered-cases"), "calendars": {"otherwise": "working"}}
    policy = parse_policy(document)
    assert policy.calendar_role("resolve", NORMAL, policy.target("resolve", NORMAL)) == "24x7"


def test_no_deadlines_has_no_clocks_but_a_ladder() -> None:
    policy = load_pack("none")
    assert policy.clocks == {}
    assert policy.ladder == HOUSE_LADDER
    assert policy.conditions.holds(NORMAL)


def test_packs_are_read_with_their_version_and_unknown_ones_do_not_ship() -> None:
    assert [load_pack(name, 3).reference for name in PACK_NAMES] == [(n, 3) for n in PACK_NAMES]
    with pytest.raises(KeyError):
        pack_document("gold")


@pytest.mark.sop("TK-9")
@pytest.mark.parametrize("name", PACK_NAMES)
def test_every_pack_climbs_the_house_ladder(name: str) -> None:
    assert load_pack(name).ladder == HOUSE_LADDER


@pytest.mark.sop("TK-13")
@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"type": ["technical"]}, True),
        ({"type": ["complaint"]}, False),
        ({"type": ["complaint", "technical"], "tier": ["B", "C"]}, True),
        ({"type": ["technical"], "tier": ["A"]}, False),
        ({"tags": ["vip", "outage"]}, True),
        ({"tags": ["vip"]}, False),
        ({"priority": ["high"]}, False),
        ({"department": ["support"]}, False),
    ],
)
def test_conditions_fit_when_every_name_fits(conditions: dict[str, Any], fits: bool) -> None:
    policy = parse_policy({**toolkit(), "conditions": conditions})
    inputs = NORMAL._replace(tags=frozenset({"outage", "night"}))
    assert policy.conditions.holds(inputs) is fits


@pytest.mark.sop("TK-13")
def test_the_first_policy_in_order_that_fits_applies_and_none_means_no_deadline() -> None:
    complaints = parse_policy({**toolkit(), "name": "c", "conditions": {"type": ["complaint"]}})
    phone = parse_policy({**toolkit(), "name": "p", "conditions": {"channel": ["phone"]}})
    assert match([complaints, phone], NORMAL) is phone
    assert match([complaints, phone], NORMAL._replace(type="complaint")) is complaints
    assert match([phone, complaints], NORMAL._replace(type="complaint")) is phone
    assert match([complaints], NORMAL) is None


def test_inputs_take_what_changed_and_stay_themselves_otherwise() -> None:
    inputs = Inputs.of({"type": "consult", "tags": ["a", "b"], "owner": 4, "tier": "A"})
    assert inputs == Inputs(type="consult", tags=frozenset({"a", "b"}), tier="A")
    assert inputs.changed({"type": "consult", "tags": ["b", "a"], "owner": 5}) is inputs
    assert inputs.changed({"tier": "B"}) == inputs._replace(tier="B")
    assert inputs.differing({"tier": "B", "type": "consult"}) == {"tier": "B"}


def test_the_first_case_that_fits_sets_the_target_and_without_one_the_clock_may_not_apply() -> None:
    cases = [
        {"when": {"tier": ["A"]}, "target": {"hours": 1}},
        {"when": {"complexity": ["normal"]}, "target": {"hours": 2}},
    ]
    policy = changed_toolkit("cases", next_reply={"cases": cases})
    assert policy.target("next_reply", NORMAL._replace(tier="A")) == Target(1, Unit.HOURS)
    assert policy.target("next_reply", NORMAL) == Target(2, Unit.HOURS)
    assert policy.target("next_reply", NORMAL._replace(complexity="complex")) is None
    assert policy.target("first_answer", NORMAL) is None


@pytest.mark.parametrize(
    ("calendar", "tier", "role"),
    [
        ("24x7", "B", "24x7"),
        ({"B": "night"}, "B", "night"),
        ({"B": "night"}, "C", "working"),
        ({"B": "night", "otherwise": "24x7"}, None, "24x7"),
    ],
)
def test_a_clock_may_have_its_own_calendars(calendar: Any, tier: str | None, role: str) -> None:
    policy = changed_toolkit("own", accept={"target": {"minutes": 5}, "calendar": calendar})
    assert policy.calendar_role("accept", NORMAL._replace(tier=tier), None) == role
    assert role_by_tier({}, "A") == "working"


@pytest.mark.sop("TK-5")
def test_what_answers_the_solution_answers_the_agreement() -> None:
    resolve, agreed = row_of("resolve"), row_of("agreed")
    assert resolve is not None
    assert agreed is not None
    policy = load_pack("toolkit")
    for row in (resolve, agreed):
        assert policy.answers(row, FactKind.RESOLVED)
        assert not policy.answers(row, FactKind.CLOSED)
        assert load_pack("none").answers(row, FactKind.CLOSED)
    own = changed_toolkit("own", agreed={"answered_by": ["closed"]})
    assert own.answers(agreed, FactKind.CLOSED)
    assert not own.answers(resolve, FactKind.CLOSED)


@pytest.mark.sop("TK-5")
def test_only_clocks_of_the_matrix_with_a_pausable_target_pause() -> None:
    policy = load_pack("toolkit")
    assert policy.pauses("resolve", Target(1, Unit.DAYS))
    assert not policy.pauses("resolve", Target(1, Unit.WORKING_DAYS))
    assert not policy.pauses("next_reply", Target(4, Unit.HOURS))
    assert not load_pack("none").pauses("resolve", Target(4, Unit.HOURS))


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({"hours": 4}, Target(4, Unit.HOURS)),
        ({"amount": 30, "unit": "minutes"}, Target(30, Unit.MINUTES)),
        ({"working_days": 15}, Target(15, Unit.WORKING_DAYS)),
    ],
)
def test_a_target_is_an_amount_of_one_unit(given: dict[str, Any], target: Target) -> None:
    assert parse_target(given) == target


@pytest.mark.parametrize(
    "given",
    [
        None,
        4,
        "4 hours",
        {},
        {"weeks": 1},
        {"hours": 0},
        {"hours": -1},
        {"hours": 1.5},
        {"hours": True},
        {"hours": "4"},
        {"hours": 100_001},
        {"hours": 1, "minutes": 2},
        {"amount": 4},
        {4: "hours"},
    ],
)
def test_no_other_target_is_taken(given: Any) -> None:
    with pytest.raises(PolicyInvalid):
        parse_target(given)


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


REFUSED = [
    ("/name", put("name", value=" ")),
    ("/name", put("name", value=None)),
    ("/title", put("title", value="Toolkit")),
    ("/title/fr", put("title", "fr", value="Outil")),
    ("/version", put("version", value=2)),
    ("/a~1b~0", put("a/b~", value=2)),
    ("/conditions/colour", put("conditions", value={"colour": ["red"]})),
    ("/conditions/type", put("conditions", value={"type": "complaint"})),
    ("/conditions/type", put("conditions", value={"type": []})),
    ("/conditions/type/0", put("conditions", value={"type": [3]})),
    ("/calendars/A", put("calendars", "A", value=7)),
    ("/clocks", put("clocks", value=[])),
    ("/clocks/lunch", put("clocks", "lunch", value={"target": {"hours": 1}})),
    ("/clocks/accept", put("clocks", "accept", value={"calendar": "24x7"})),
    ("/clocks/accept/limit", put("clocks", "accept", "limit", value=3)),
    ("/clocks/accept/target", put("clocks", "accept", "target", value={"hours": 0})),
    ("/clocks/accept/answered_by", put("clocks", "accept", "answered_by", value=["accepted"])),
    ("/clocks/accept/close_after", put("clocks", "accept", "close_after", value={"days": 1})),
    ("/clocks/accept/calendar/B", put("clocks", "accept", "calendar", value={"B": ""})),
    ("/clocks/agreed", put("clocks", "agreed", value={"target": {"hours": 1}})),
    ("/clocks/resolve/answered_by", put("clocks", "resolve", "answered_by", value=["accepted"])),
    ("/clocks/resolve/answered_by", put("clocks", "resolve", "answered_by", value=[])),
    ("/clocks/resolve/cases/0/when", put("clocks", "resolve", "cases", 0, "when", value=None)),
    ("/clocks/resolve/cases/0/target", put("clocks", "resolve", "cases", 0, "target", value=None)),
    ("/waiting/for", put("waiting", "for", value="ever")),
    ("/waiting/pauses", put("waiting", "pauses", value=[])),
    ("/waiting/pauses/accept", put("waiting", "pauses", value=["accept"])),
    ("/waiting/pauses/first_answer", put("waiting", "pauses", value=["first_answer"])),
    ("/waiting/pauses/progress", put("clocks", "progress", value=None)),
    ("/waiting/budget", put("waiting", "budget", value={"days": 2})),
    ("/waiting/limit", put("waiting", "limit", value={"days": 0})),
    ("/ladder", put("ladder", 0, "level", value=2)),
    ("/ladder", put("ladder", value=list(reversed(toolkit()["ladder"])))),
    ("/ladder", put("ladder", 3, "minutes", value=30)),
    ("/ladder", put("ladder", 2, "minutes", value=-30)),
    ("/ladder/0", put("ladder", 0, "minutes", value=10)),
    ("/ladder/0", put("ladder", 0, "percent", value=None)),
    ("/ladder/0/percent", put("ladder", 0, "percent", value=-100)),
    ("/ladder/0/percent", put("ladder", 0, "percent", value=5)),
    ("/ladder/1/tell", put("ladder", 1, "tell", value=["everybody"])),
    ("/ladder/1/tell", put("ladder", 1, "tell", value=[])),
    ("/ladder/1/at", put("ladder", 1, "at", value="noon")),
]


@pytest.mark.parametrize(
    ("path", "change"),
    [pytest.param(*row, id=f"{number}-{row[0]}") for number, row in enumerate(REFUSED)],
)
def test_a_wrong_document_is_refused_with_the_place(
    path: str, change: Callable[[dict[str, Any]], None]
) -> None:
    document = toolkit()
    change(document)
    with pytest.raises(PolicyInvalid) as refusal:
        parse_policy(document)
    assert refusal.value.path == path
    assert str(refusal.value).startswith(f"{path}: ")


@pytest.mark.sop("TK-5")
def test_working_days_are_never_paused() -> None:
    document = toolkit()
    document["clocks"]["resolve"] = {"target": {"working_days": 2}}
    with pytest.raises(PolicyInvalid, match="policy_unit_never_pauses"):
        parse_policy(document)
    case = {"when": {"tier": ["C"]}, "target": {"months": 1}}
    document["clocks"]["resolve"] = {"target": {"hours": 2}, "cases": [case]}
    with pytest.raises(PolicyInvalid, match="policy_unit_never_pauses"):
        parse_policy(document)


def test_too_many_levels_are_refused() -> None:
    ladder = [{"level": n, "minutes": n, "tell": ["next"]} for n in range(1, 22)]
    assert len(parse_policy({**toolkit(), "ladder": ladder[:20]}).ladder) == 20
    with pytest.raises(PolicyInvalid):
        parse_policy({**toolkit(), "ladder": ladder})


def test_what_a_document_leaves_out_is_the_house_default() -> None:
    policy = parse_policy({"name": "bare", "clocks": {"accept": {"target": {"minutes": 5}}}})
    assert (policy.title_zh, policy.title_en) == ("bare", "bare")
    assert policy.conditions == Condition()
    assert (policy.ladder, policy.waiting, policy.close_unconfirmed) == (HOUSE_LADDER, None, None)
    assert policy.calendar_role("accept", NORMAL._replace(tier="A"), None) == "24x7"
    waiting = parse_policy({**toolkit(), "waiting": {"pauses": ["resolve"]}}).waiting
    assert waiting is not None
    assert (waiting.limit, waiting.budget_seconds) == (Target(3, Unit.WORKING_DAYS), None)


def test_the_ladder_tells_the_owner_first() -> None:
    step = parse_policy(toolkit()).ladder[1]
    assert step.tell == (Tell.OWNER, Tell.NEXT)
    assert not step.before_due


def test_a_document_survives_a_round_through_yaml() -> None:
    again = yaml.safe_load(yaml.safe_dump(toolkit(), allow_unicode=True))
    assert parse_policy(again).clocks == load_pack("toolkit").clocks


@pytest.mark.parametrize(
    ("wider", "narrower", "covers"),
    [
        ({}, {}, True),
        ({}, {"tier": {"A"}}, True),
        ({"tier": {"A"}}, {}, False),
        ({"tier": {"A"}}, {"tier": {"A"}}, True),
        ({"tier": {"A", "B"}}, {"tier": {"A"}}, True),
        ({"tier": {"A"}}, {"tier": {"A", "B"}}, False),
        ({"tier": {"A"}}, {"type": {"technical"}}, False),
        ({"tier": {"A"}}, {"tier": {"A"}, "type": {"technical"}}, True),
        ({"tier": {"A"}, "type": {"technical"}}, {"tier": {"A"}, "type": {"consult"}}, False),
    ],
)
def test_a_condition_covers_what_fits_it_as_well(
    wider: dict[str, set[str]], narrower: dict[str, set[str]], covers: bool
) -> None:
    one, other = (
        Condition(tuple((name, frozenset(values)) for name, values in said.items()))
        for said in (wider, narrower)
    )
    assert one.covers(other) is covers


def test_a_policy_that_another_covers_is_found_with_it() -> None:
    every, tier_a = (
        replace(load_pack("toolkit"), conditions=Condition(allowed))
        for allowed in ((), (("tier", frozenset({"A"})),))
    )
    assert shadowed([tier_a, every]) is None
    assert shadowed([every, tier_a]) == (tier_a, every)
    assert shadowed([]) is None


def test_a_policy_names_the_calendars_of_its_own_and_of_its_clocks() -> None:
    document = toolkit() | {"calendars": {"A": "24x7", "otherwise": "working"}}
    document["clocks"]["accept"]["calendar"] = "hotline"
    assert parse_policy(document).calendar_roles == {"24x7", "working", "hotline"}
