"""The clock register: that its rows are whole, and the table fact x clock that they make."""

from typing import Any

import pytest

from app.calendars.target import Target, Unit
from app.sla.engine.clock_row import ENDS, ClockRow, Flag, On
from app.sla.engine.effects import effect_of
from app.sla.engine.facts import Fact, FactKind, instant_of
from app.sla.engine.register import (
    OTHER_CLOCKS,
    REGISTER,
    SITUATION,
    TICKET_CLOCKS,
    WAIT_ENDS,
    row_of,
)
from app.sla.shipped import PACK_NAMES, load_pack
from tests.sla.histories import AROUND, OFFICE, at

STAFF = {"by": "staff", "public": True}
CUSTOMER = {"by": "customer", "public": True}
ENDED = {"accept", "plan", "progress", "next_reply", "resolve", "agreed", "first_answer", "confirm"}

# (fact, data) -> clocks answered, cancelled, opened
TABLE: list[tuple[FactKind, dict[str, Any], set[str], set[str], set[str]]] = [
    (FactKind.OPENED, {}, set(), set(), {"accept", "plan", "resolve", "first_answer"}),
    (
        FactKind.OPENED,
        {"accepted": True},
        set(),
        set(),
        {"accept", "plan", "progress", "resolve", "first_answer"},
    ),
    (FactKind.ACCEPTED, {}, {"accept"}, set(), {"progress"}),
    (FactKind.ASSIGNED, {"owner": 3}, set(), set(), set()),
    (
        FactKind.MESSAGE,
        STAFF,
        {"progress", "next_reply", "first_answer"},
        set(),
        {"progress"},
    ),
    (FactKind.MESSAGE, {**STAFF, "vague": True}, {"next_reply"}, set(), set()),
    (FactKind.MESSAGE, {**STAFF, "automatic": True}, set(), set(), set()),
    (FactKind.MESSAGE, {"by": "staff", "public": False}, set(), set(), set()),
    (FactKind.MESSAGE, CUSTOMER, set(), set(), {"next_reply"}),
    (FactKind.MESSAGE, {**CUSTOMER, "courtesy": True}, set(), set(), set()),
    (FactKind.MESSAGE, {**CUSTOMER, "automatic": True}, set(), set(), set()),
    (FactKind.NO_REPLY_NEEDED, {}, {"next_reply"}, set(), set()),
    (FactKind.TASK_FORCE_FORMED, {}, set(), set(), set()),
    (FactKind.PLAN_STATED, {}, {"plan"}, set(), set()),
    (FactKind.WAITING, {}, set(), set(), set()),
    (FactKind.RESUMED, {}, set(), set(), set()),
    (
        FactKind.RESOLVED,
        {},
        {"accept", "resolve", "agreed"},
        {"plan", "progress"},
        {"confirm"},
    ),
    (FactKind.CONFIRMED, {"answer": "solved"}, {"confirm"}, set(), set()),
    (FactKind.CONFIRMED, {"answer": "partly"}, {"confirm"}, set(), set()),
    (FactKind.CONFIRMED, {"answer": "none"}, set(), set(), set()),
    (FactKind.REOPENED, {}, set(), {"confirm"}, set()),
    (FactKind.RECLASSIFIED, {"complexity": "super"}, set(), set(), {"plan"}),
    (FactKind.RECLASSIFIED, {"complexity": "normal"}, set(), {"plan"}, set()),
    (FactKind.RECLASSIFIED, {"type": "consult"}, set(), set(), set()),
    (FactKind.TIER_CHANGED, {"tier": "A"}, set(), set(), set()),
    (FactKind.CLOSED, {}, {"resolve", "agreed"}, ENDED, set()),
    (FactKind.CANCELLED, {}, set(), ENDED, set()),
    (FactKind.MERGED, {}, set(), ENDED, set()),
    (FactKind.CORRECTED, {"clock": "progress"}, set(), set(), {"progress"}),
    (FactKind.CORRECTED, {"clock": "accept"}, set(), set(), set()),
    (FactKind.ANSWERED, {}, set(), set(), set()),
]


@pytest.mark.sop("TK-2", "TK-4", "TK-5", "TK-6", "TK-6b", "TK-7")
@pytest.mark.parametrize(("kind", "data", "answers", "cancels", "opens"), TABLE)
def test_what_a_fact_does_to_the_clocks_of_a_ticket(
    kind: FactKind, data: dict[str, Any], answers: set[str], cancels: set[str], opens: set[str]
) -> None:
    effect = effect_of(kind, data)
    assert set(effect.answers) == answers
    assert set(effect.cancels) == cancels
    assert {row.clock for row in effect.opens} == opens


def test_every_kind_of_fact_is_in_the_table_or_only_sets_what_clocks_run_by() -> None:
    tabled = {kind for kind, *_ in TABLE}
    others = {
        FactKind.AGREED,
        FactKind.AGREEMENT_APPROVED,
        FactKind.POLICY_ASSIGNED,
        FactKind.CALENDAR_ASSIGNED,
        FactKind.PAUSE_APPROVED,
    }
    assert tabled | others == set(FactKind)


@pytest.mark.parametrize(
    ("kind", "data", "ends"),
    [
        (FactKind.RESUMED, {}, True),
        (FactKind.MESSAGE, CUSTOMER, True),
        (FactKind.MESSAGE, {**CUSTOMER, "courtesy": True}, True),
        (FactKind.MESSAGE, {**CUSTOMER, "automatic": True}, False),
        (FactKind.MESSAGE, STAFF, False),
        (FactKind.RESOLVED, {}, True),
        (FactKind.CLOSED, {}, True),
        (FactKind.WAITING, {}, False),
    ],
)
def test_what_ends_a_wait(kind: FactKind, data: dict[str, Any], ends: bool) -> None:
    assert effect_of(kind, data).ends_wait is ends
    assert effect_of(kind, data).starts_wait is (kind is FactKind.WAITING)


def test_no_fact_sets_and_clears_the_same_flag() -> None:
    for kind, data, *_ in TABLE:
        effect = effect_of(kind, data)
        assert not effect.holds & effect.gone


def test_flags_are_set_by_a_fact_or_by_the_engine() -> None:
    by_facts = {flag for _, holds, _ in SITUATION for flag in holds}
    assert by_facts | {Flag.SUPER, Flag.POSTPONED} == set(Flag)


@pytest.mark.parametrize("row", REGISTER, ids=lambda row: row.clock)
def test_a_row_is_whole(row: ClockRow) -> None:
    texts = (row.rule, row.subject, row.title_zh, row.title_en, row.opens_on, row.answered_by)
    assert all(text.strip() for text in texts)
    assert row.source
    assert row.house == ("house" in row.source)
    assert row_of(row.clock) is row
    assert row.answers
    assert {on.kind for on in row.cancels} >= set(ENDS)
    assert set(row.shipped_in) <= set(PACK_NAMES)


def test_clocks_have_unique_names_and_ticket_clocks_come_first() -> None:
    names = [row.clock for row in REGISTER]
    assert len(names) == len(set(names))
    assert {row.subject for row in TICKET_CLOCKS} == {"ticket"}
    assert "ticket" not in {row.subject for row in OTHER_CLOCKS}
    assert row_of("lunch") is None


@pytest.mark.parametrize("row", TICKET_CLOCKS, ids=lambda row: row.clock)
def test_the_packs_set_the_clocks_that_the_register_says(row: ClockRow) -> None:
    if not row.policy_free:
        setting = {name for name in PACK_NAMES if row.clock in load_pack(name).clocks}
        assert setting == set(row.shipped_in)


@pytest.mark.sop("FU-1", "FU-2", "FU-3", "FU-4", "SV-1", "SV-2", "SV-5", "SV-7", "SV-10")
@pytest.mark.sop("CU-6", "CH-2", "CH-3")
def test_the_other_subjects_have_their_rows() -> None:
    rules = {row.rule for row in OTHER_CLOCKS}
    assert rules == {
        "FU-1",
        "FU-2",
        "FU-3",
        "FU-4",
        "SV-1",
        "SV-2",
        "SV-5",
        "SV-7",
        "SV-10",
        "CU-6",
        "CU-17",
        "CH-2",
        "CH-3",
    }


def test_only_solution_and_progress_may_be_paused() -> None:
    assert {row.clock for row in REGISTER if row.pausable} == {"resolve", "progress"}


def test_a_condition_wants_kind_and_values() -> None:
    on = On(FactKind.MESSAGE, (("by", frozenset({"staff"})),))
    assert on.matches(FactKind.MESSAGE, {"by": "staff", "public": True})
    assert not on.matches(FactKind.MESSAGE, {})
    assert not on.matches(FactKind.RESUMED, {"by": "staff"})
    assert On(FactKind.RESUMED) in WAIT_ENDS


@pytest.mark.parametrize(
    ("unit", "role", "summed", "pausable", "exceptions"),
    [
        (Unit.MINUTES, None, True, True, True),
        (Unit.HOURS, None, True, True, True),
        (Unit.ELAPSED_HOURS, "24x7", True, True, False),
        (Unit.DAYS, None, False, True, True),
        (Unit.WORKING_DAYS, "working", False, False, True),
        (Unit.CALENDAR_DAYS, "working", False, False, False),
        (Unit.MONTHS, "working", False, False, False),
    ],
)
def test_units_say_how_they_are_counted(
    unit: Unit, role: str | None, summed: bool, pausable: bool, exceptions: bool
) -> None:
    target = Target(2, unit)
    assert (target.calendar_role, target.summed, target.pausable, target.needs_exceptions) == (
        role,
        summed,
        pausable,
        exceptions,
    )


def test_a_fact_is_known_when_it_happened_and_a_contact_when_it_was_recorded() -> None:
    early, later = at("03-02 09:00"), at("03-02 10:00")
    assert Fact(1, FactKind.MESSAGE, early, {}, later).known_at == early
    assert Fact(1, FactKind.ANSWERED, early, {}, later).known_at == later
    assert Fact(1, FactKind.ANSWERED, later, {}, early).known_at == later
    assert Fact(1, FactKind.ANSWERED, early).known_at == early


def test_instants_are_aware() -> None:
    assert instant_of("2026-03-02T09:00:00+08:00") == at("03-02 09:00")
    with pytest.raises(ValueError, match="zone"):
        instant_of("2026-03-02T09:00:00")


def test_calendars_of_the_tests_are_what_they_say() -> None:
    assert OFFICE.open_seconds(at("03-02 00:00"), at("03-03 00:00")) == 9 * 3600
    assert AROUND.always_open
