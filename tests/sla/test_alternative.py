"""Histories told under other rules: which policy and which calendar versions facts name then."""

from typing import Any

import pytest

from app.sla.engine.alternative import Alternative
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.policy import Policy
from tests.sla.histories import at, changed_toolkit

OLD, NEW = ("toolkit", 1), ("toolkit", 3)
TOOLKIT = changed_toolkit("toolkit", 3)
DRAFT = changed_toolkit("draft", 0)
VIP = changed_toolkit("vip", 0, conditions={"tier": ["A"]})
PINS = {"working": ("office", 1)}


def opened(policy: Any = OLD, tier: str = "B", **data: Any) -> Fact:
    inputs = {"tier": tier, "owner": 7}
    return Fact(
        1,
        FactKind.OPENED,
        at("03-02 09:00"),
        {"inputs": inputs, "policy": policy, "calendars": PINS, **data},
    )


def later(kind: FactKind, sequence: int = 2, **data: Any) -> Fact:
    return Fact(sequence, kind, at("03-02 10:00"), data)


def named(alternative: Alternative, *facts: Fact) -> list[Any]:
    """Return the policy that each fact names, `-` where it names none."""
    return [fact.data.get("policy", "-") for fact in alternative.told(facts)]


def asking(*policies: Policy, draft: Policy = DRAFT) -> Alternative:
    return Alternative(policies, draft)


def test_without_policies_facts_stay_as_they_were() -> None:
    facts = [opened(), later(FactKind.TIER_CHANGED, tier="A", policy=["vip", 2])]
    assert Alternative().told(facts) == facts


def test_the_draft_takes_the_place_of_every_policy_that_it_covers() -> None:
    facts = [opened(), later(FactKind.POLICY_ASSIGNED, policy=("toolkit", 2), from_start=True)]
    assert named(asking(DRAFT, TOOLKIT), *facts) == [("draft", 0), "-"]


@pytest.mark.parametrize("known", [OLD, list(OLD)])
def test_whom_another_policy_applies_to_keeps_its_version(known: Any) -> None:
    assert named(asking(VIP, TOOLKIT, draft=VIP), opened(known)) == [OLD]


def test_who_had_no_policy_comes_under_the_version_in_force() -> None:
    assert named(asking(VIP, TOOLKIT, draft=VIP), opened(None)) == [NEW]


def test_a_draft_of_the_policy_that_applied_replaces_its_versions() -> None:
    assert named(asking(TOOLKIT, draft=TOOLKIT), opened(OLD)) == [NEW]


def test_changed_inputs_choose_anew_and_only_a_change_is_named() -> None:
    facts = [
        opened(),
        later(FactKind.RECLASSIFIED, 2, complexity="complex"),
        later(FactKind.TIER_CHANGED, 3, tier="A"),
        later(FactKind.TIER_CHANGED, 4, tier="B", policy=["toolkit", 2]),
    ]
    told = named(asking(VIP, TOOLKIT, draft=VIP), *facts)
    assert told == [OLD, "-", ("vip", 0), ("toolkit", 2)]


def test_a_retarget_to_a_later_version_stays_for_whom_the_draft_does_not_concern() -> None:
    facts = [opened(), later(FactKind.POLICY_ASSIGNED, policy=["toolkit", 2])]
    assert named(asking(VIP, TOOLKIT, draft=VIP), *facts) == [OLD, ("toolkit", 2)]


def test_where_nothing_matches_there_is_no_policy() -> None:
    facts = [opened(), later(FactKind.TIER_CHANGED, tier="A")]
    assert named(asking(VIP, draft=VIP), *facts) == [None, ("vip", 0)]


def test_an_assignment_chooses_nothing_as_it_chose_nothing_in_life() -> None:
    by_department = changed_toolkit("sales", 0, conditions={"department": ["销售部"]})
    facts = [opened(), later(FactKind.ASSIGNED, owner=8, department="销售部")]
    alternative = asking(by_department, TOOLKIT, draft=by_department)
    assert named(alternative, *facts) == [OLD, "-"]
    again = later(FactKind.RECLASSIFIED, 3, complexity="complex")
    assert named(alternative, *facts, again) == [OLD, "-", ("sales", 0)]


def test_a_calendar_stands_for_all_versions_of_one() -> None:
    alternative = Alternative(calendars={"office": ("summer", 4)})
    facts = [
        opened(calendars={"working": ["office", 1], "24x7": ["24x7", 1]}),
        later(FactKind.CALENDAR_ASSIGNED, calendars={"working": ["office", 2]}, from_start=True),
    ]
    first, second = alternative.told(facts)
    assert first.data["calendars"] == {"working": ("summer", 4), "24x7": ("24x7", 1)}
    assert second.data == {"calendars": {"working": ("summer", 4)}, "from_start": True}


def test_calendars_of_the_draft_are_pinned_at_the_opening_and_never_instead_of_a_pin() -> None:
    pins = {"working": ("office", 9), "night": ("night", 2)}
    told = Alternative((DRAFT,), DRAFT, {"night": ("night", 0)}, pins).told([opened()])
    assert told[0].data["calendars"] == {"working": ("office", 1), "night": ("night", 0)}


def test_facts_given_are_not_changed() -> None:
    fact = opened()
    before = dict(fact.data)
    asking(DRAFT).told([fact])
    assert fact.data == before
