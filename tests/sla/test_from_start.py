"""A policy assigned from the start: due as if it had applied from the opening on, never before the assignment.

Local times; 2 March 2026 is a Monday. Compared with the assignment from now on, where what was used is kept as it was
counted.
"""

from datetime import datetime
from typing import Any

import pytest

from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from app.sla.shipped import PACK_NAMES
from tests.sla.histories import Ticket, at, changed_toolkit, fire_times, rulebook

BOOK = rulebook(
    changed_toolkit("around", calendars={"otherwise": "24x7"}),
    changed_toolkit("eight", resolve={"target": {"hours": 8}}),
    changed_toolkit("days", resolve={"target": {"days": 1}}),
    changed_toolkit("still", waiting=None),
    changed_toolkit("brief", resolve={"target": {"minutes": 30}}),
    changed_toolkit("bare", accept=None, progress=None, next_reply=None, confirm=None),
)


def ticket() -> Ticket:
    return Ticket(BOOK)


def due(history: Ticket, clock: str = "resolve", **key: Any) -> datetime:
    return history.row(clock, **key).due_at


def both(make: Any, when: str, name: str, clock: str = "resolve") -> tuple[datetime, datetime]:
    """Return due from now on, and from the start."""
    return due(make().policy(when, name), clock), due(
        make().policy(when, name, from_start=True), clock
    )


@pytest.mark.sop("TK-5")
def test_the_new_calendar_counts_what_lies_behind() -> None:
    def make() -> Ticket:
        return ticket().opened("03-02 17:00")  # an hour until closing

    assert both(make, "03-02 20:00", "around") == (at("03-02 23:00"), at("03-02 21:00"))


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("assigned", "expected"),
    [
        ("03-02 20:59:59", "03-02 21:00"),
        ("03-02 21:00", "03-02 21:00"),
        ("03-02 21:00:01", "03-02 21:00:01"),
    ],
)
def test_never_due_before_the_assignment(assigned: str, expected: str) -> None:
    row = ticket().opened("03-02 17:00").policy(assigned, "around", from_start=True).row("resolve")
    assert (row.due_at, row.on_retarget) == (at(expected), assigned >= "03-02 21:00")
    assert row.state is State.RUNNING


@pytest.mark.sop("TK-5")
def test_what_is_late_by_it_is_told_at_the_assignment_and_climbs_from_there() -> None:
    row = (
        ticket()
        .opened("03-02 09:00")
        .policy("03-02 11:00", "brief", from_start=True)
        .row("resolve")
    )
    assert (row.due_at, row.on_retarget) == (at("03-02 11:00"), True)
    assert fire_times(row) == [
        at("03-02 11:00"), at("03-02 11:00"), at("03-02 12:00"), at("03-02 15:00"),
    ]  # fmt: skip


@pytest.mark.sop("TK-5")
def test_a_wait_counts_or_not_as_the_new_policy_says() -> None:
    def waited() -> Ticket:
        return ticket().opened("03-02 09:00").waits("03-02 10:00").resumed("03-02 12:00")

    assert both(waited, "03-02 12:30", "still") == (at("03-02 15:00"), at("03-02 13:00"))

    def ran_on() -> Ticket:
        made = ticket().opened("03-02 09:00", policy="still")
        return made.waits("03-02 10:00").resumed("03-02 12:00")

    assert both(ran_on, "03-02 12:30", "toolkit") == (at("03-02 13:00"), at("03-02 15:00"))


@pytest.mark.sop("TK-5")
def test_a_wait_that_still_runs_pauses_from_its_own_start_to_its_own_limit() -> None:
    made = ticket().opened("03-02 09:00", policy="still").waits("03-02 10:00")
    row = made.policy("03-02 12:00", "toolkit", from_start=True).row("resolve")
    assert (row.state, row.pause_ends_at) == (State.PAUSED, at("03-05 18:00"))
    assert made.resumed("03-02 13:00").row("resolve").due_at == at("03-02 16:00")


@pytest.mark.sop("TK-2", "TK-6", "TK-6b")
def test_a_clock_that_the_policy_brings_begins_where_it_would_have_begun() -> None:
    def make() -> Ticket:
        return ticket().opened("03-02 09:00", policy="bare").asked("03-02 10:00")

    assert both(make, "03-02 11:00", "toolkit", "next_reply") == (
        at("03-02 15:00"), at("03-02 14:00"),
    )  # fmt: skip
    row = make().policy("03-02 11:00", "toolkit", from_start=True).row("accept")
    assert (row.started_at, row.due_at, row.on_retarget) == (
        at("03-02 09:00"),
        at("03-02 11:00"),
        True,
    )
    assert row.state is State.RUNNING


@pytest.mark.sop("TK-5")
def test_a_clock_answered_long_ago_does_not_come_back() -> None:
    made = ticket().opened("03-02 09:00", policy="bare").accepted("03-02 09:10")
    assert not made.policy("03-02 11:00", "toolkit", from_start=True).keys("accept")
    assert due(made, "progress") == at("03-02 13:10")


@pytest.mark.sop("TK-5")
def test_a_day_counts_from_the_opening() -> None:
    def make() -> Ticket:
        return ticket().opened("03-02 16:00")

    assert both(make, "03-02 17:00", "days") == (at("03-03 16:00"),) * 2


@pytest.mark.sop("CU-10", "TK-5")
def test_the_tier_of_each_stretch_stays_what_it_was() -> None:
    made = ticket().opened("03-02 16:00", policy="bare").tier("03-02 20:00", "A")
    row = made.policy("03-02 21:00", "eight", from_start=True).row("resolve")
    # Two hours in office time, then around the clock from 20:00 on.
    assert row.due_at == at("03-03 02:00")


@pytest.mark.sop("TK-5")
def test_reopening_counts_what_the_earlier_cycle_would_have_used() -> None:
    made = ticket().opened("03-02 17:00").resolved("03-02 20:00").reopened("03-02 21:00")
    assert made.row("resolve", cycle=2).due_at == at("03-03 12:00")  # one hour was used
    row = made.policy("03-02 21:30", "around", from_start=True).row("resolve", cycle=2)
    assert row.due_at == at("03-02 22:00")  # three hours were, around the clock


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(("assigned", "kept"), [("03-02 13:00", False), ("03-02 13:00:01", True)])
def test_a_miss_latches_and_what_has_ended_stays(assigned: str, kept: bool) -> None:
    made = ticket().opened("03-02 09:00").accepted("03-02 09:40")
    before = made.row("accept")
    row = made.policy(assigned, "eight", from_start=True).row("resolve")
    assert row.due_at == at("03-02 13:00" if kept else "03-02 17:00")
    assert (before.state, made.row("accept")) == (State.LATE, before)


@pytest.mark.sop("TK-5")
def test_assigning_it_again_changes_nothing_and_also_after_it_applied_from_now_on() -> None:
    made = ticket().opened("03-02 17:00").accepted("03-02 17:10")
    made.policy("03-02 20:00", "around", from_start=True)
    rows = made.rows(at("03-02 20:30"))
    made.policy("03-02 20:30", "around", from_start=True)
    assert made.rows() == rows
    later = ticket().opened("03-02 17:00").policy("03-02 19:00", "around")
    assert due(later) == at("03-02 22:00")
    assert due(later.policy("03-02 20:00", "around", from_start=True)) == at("03-02 21:00")


@pytest.mark.sop("TK-5")
def test_an_agreed_instant_stays() -> None:
    made = ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-02 11:00")
    assert due(made.policy("03-02 10:00", "around", from_start=True), "agreed") == at("03-02 11:00")


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize("name", PACK_NAMES)
def test_the_pack_in_force_from_the_start_moves_nothing(name: str) -> None:
    made = ticket().opened("03-02 09:00", policy=name, complexity="super").accepted("03-02 09:05")
    made.asked("03-02 09:20").told("03-02 10:00").waits("03-02 10:30").tier("03-02 11:00", "A")
    made.reclassified("03-02 11:10", complexity="normal").asked("03-02 11:20")
    before = {one.key: (one.state, one.due_at, one.levels) for one in made.rows(at("03-02 12:00"))}
    made.policy("03-02 12:00", name, from_start=True)
    assert {one.key: (one.state, one.due_at, one.levels) for one in made.rows()} == before


def test_no_policy_from_the_start_withdraws_what_it_does_not_promise() -> None:
    made = ticket().opened("03-02 09:00")
    made.add("03-02 10:00", FactKind.POLICY_ASSIGNED, policy=None, from_start=True)
    assert {one.state for one in made.rows()} == {State.MISSED, State.CANCELLED}
