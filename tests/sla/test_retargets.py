"""How due moves when something changes: class, tier, policy and calendar of a ticket.

Local times; 2 March 2026 is a Monday, 6 March a Friday.
"""

import pytest

from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from tests.sla.histories import Ticket, at, changed_toolkit, fire_times, rulebook


@pytest.mark.sop("TK-5")
def test_reclassifying_supersedes_the_row_and_carries_the_time_used() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="complex")
    ticket.reclassified("03-02 11:00", complexity="normal")
    old, new = ticket.row("resolve"), ticket.row("resolve", revision=2)
    assert (old.state, old.ended_at, old.levels) == (State.SUPERSEDED, at("03-02 11:00"), ())
    assert (new.state, new.started_at, new.due_at) == (
        State.RUNNING,
        at("03-02 09:00"),
        at("03-02 13:00"),
    )


@pytest.mark.sop("TK-5")
def test_what_the_new_class_has_used_up_is_due_at_once() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="complex")
    ticket.reclassified("03-02 15:00", complexity="normal")
    row = ticket.row("resolve", revision=2)
    assert (row.due_at, row.on_retarget, row.state) == (at("03-02 15:00"), True, State.RUNNING)
    assert fire_times(row) == [at(f"03-0{time}") for time in _AT_ONCE]


_AT_ONCE = ("2 15:00", "2 15:00", "2 16:00", "3 10:00")


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(("changed", "rows"), [("03-02 13:00", 2), ("03-02 13:00:01", 1)])
def test_a_missed_row_is_not_reclassified(changed: str, rows: int) -> None:
    ticket = Ticket().opened("03-02 09:00").reclassified(changed, complexity="complex")
    assert len(ticket.keys("resolve")) == rows
    if rows == 1:
        row = ticket.resolved("03-02 15:00").row("resolve")
        assert (row.state, row.due_at) == (State.LATE, at("03-02 13:00"))


@pytest.mark.sop("TK-6")
def test_clocks_whose_course_does_not_change_keep_their_row() -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True)
    ticket.reclassified("03-02 10:00", complexity="complex", type="complaint")
    assert ticket.keys("progress") == [(1, 1)]
    assert ticket.reclassified("03-02 11:00", type="consult").keys("resolve") == [(1, 1), (1, 2)]


@pytest.mark.sop("TK-5")
def test_reclassifying_during_a_wait_keeps_the_new_row_paused() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="complex").waits("03-02 10:00")
    ticket.reclassified("03-02 11:00", complexity="normal")
    assert ticket.row("resolve", revision=2).state is State.PAUSED
    assert ticket.resumed("03-02 12:00").row("resolve", revision=2).due_at == at("03-02 15:00")


@pytest.mark.sop("CU-10", "TK-5")
def test_working_time_and_around_the_clock_add_up() -> None:
    ticket = Ticket().opened("03-06 17:50").tier("03-07 10:00", "A")
    row = ticket.row("resolve")
    assert (row.due_at, row.calendar, row.on_retarget) == (at("03-07 13:50"), ("24x7", 1), False)
    assert fire_times(row, [1]) == [at("03-07 12:50")]
    assert [one.at for one in row.retargets] == [at("03-07 10:00")]
    assert ticket.row("accept").due_at == at("03-07 10:20")


@pytest.mark.sop("CU-10", "TK-5")
def test_falling_to_a_lower_tier_goes_on_in_working_time() -> None:
    row = Ticket().opened("03-06 17:00", tier="A").tier("03-06 20:00", "B").row("resolve")
    assert row.due_at == at("03-09 10:00")


@pytest.mark.sop("CU-10", "TK-5")
def test_a_day_target_is_computed_anew_but_never_before_the_retarget() -> None:
    ticket = Ticket().opened("03-06 10:00", complexity="complex")
    assert ticket.row("resolve").due_at == at("03-09 10:00")
    row = ticket.tier("03-06 16:00", "A").row("resolve")
    assert (row.due_at, row.on_retarget) == (at("03-07 10:00"), False)
    late = Ticket().opened("03-06 10:00", complexity="complex").tier("03-08 12:00", "A")
    assert (late.row("resolve").due_at, late.row("resolve").on_retarget) == (
        at("03-08 12:00"),
        True,
    )


@pytest.mark.sop("TK-5")
def test_a_policy_that_has_used_up_its_target_is_due_at_the_retarget_and_told_once() -> None:
    strict = changed_toolkit("strict", resolve={"target": {"hours": 1}})
    ticket = Ticket(rulebook(strict)).opened("03-02 09:00").policy("03-02 11:00", "strict")
    row = ticket.row("resolve")
    assert (row.due_at, row.on_retarget, row.policy) == (at("03-02 11:00"), True, ("strict", 1))
    assert fire_times(row, [1, 2, 3]) == [at("03-02 11:00"), at("03-02 11:00"), at("03-02 12:00")]
    assert ticket.row("resolve", now="03-02 11:00:01").state is State.MISSED


@pytest.mark.sop("TK-5")
def test_a_later_retarget_at_the_same_instant_may_still_save_it() -> None:
    strict = changed_toolkit("strict", resolve={"target": {"hours": 1}})
    ticket = Ticket(rulebook(strict)).opened("03-02 09:00").policy("03-02 11:00", "strict")
    row = ticket.policy("03-02 11:00", "toolkit").row("resolve")
    assert (row.due_at, row.on_retarget) == (at("03-02 13:00"), False)


@pytest.mark.sop("TK-5")
def test_warnings_never_lie_before_the_retarget_that_made_them() -> None:
    strict = changed_toolkit("strict", resolve={"target": {"hours": 2}})
    ticket = Ticket(rulebook(strict)).opened("03-02 09:00").policy("03-02 10:45", "strict")
    assert fire_times(ticket.row("resolve"), [1, 2]) == [at("03-02 10:45"), at("03-02 11:00")]


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("changed", "due"), [("03-02 13:00", "03-02 17:00"), ("03-02 13:00:01", "03-02 13:00")]
)
def test_a_miss_latches_against_a_longer_target(changed: str, due: str) -> None:
    long = changed_toolkit("long", resolve={"target": {"hours": 8}})
    ticket = Ticket(rulebook(long)).opened("03-02 09:00").policy(changed, "long")
    assert ticket.row("resolve").due_at == at(due)


@pytest.mark.sop("TK-5")
def test_a_policy_of_the_same_course_is_named_without_a_retarget() -> None:
    ticket = Ticket(rulebook(changed_toolkit("twin"))).opened("03-02 09:00")
    row = ticket.policy("03-02 10:00", "twin").row("resolve")
    assert (row.policy, row.retargets, row.due_at) == (("twin", 1), (), at("03-02 13:00"))


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize("name", ["none", None])
def test_a_clock_that_the_new_policy_lacks_is_cancelled(name: str | None) -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).asked("03-02 09:10")
    ticket.policy("03-02 10:00", name)
    states = {
        row.clock: (row.state, row.ended_at) for row in ticket.rows() if row.clock != "accept"
    }
    assert states == dict.fromkeys(
        ("progress", "next_reply", "resolve"), (State.CANCELLED, at("03-02 10:00"))
    )


@pytest.mark.sop("TK-5")
def test_a_missed_clock_that_the_new_policy_lacks_stays_missed_and_climbs_no_more() -> None:
    row = Ticket().opened("03-02 09:00").policy("03-02 13:30", "none").row("resolve")
    assert (row.state, row.ended_at) == (State.MISSED, at("03-02 13:30"))
    assert [level for level, _ in row.levels] == [1, 2]


@pytest.mark.sop("TK-5", "TK-6", "TK-7")
def test_a_policy_that_comes_later_counts_from_then() -> None:
    ticket = (
        Ticket().opened("03-02 09:00", policy=None).accepted("03-02 09:05").asked("03-02 09:30")
    )
    ticket.policy("03-02 10:00", "toolkit")
    due = {row.clock: row.due_at for row in ticket.rows()}
    assert due == dict.fromkeys(("progress", "next_reply", "resolve"), at("03-02 14:00"))
    done = Ticket().opened("03-02 09:00", policy=None, complexity="super")
    done.add("03-02 09:30", FactKind.PLAN_STATED).resolved("03-02 10:00")
    done.policy("03-02 11:00", "toolkit")
    assert {row.clock for row in done.rows()} == {"confirm"}


@pytest.mark.sop("TK-5")
def test_leaving_and_returning_to_a_policy_is_a_new_cycle_with_what_is_left() -> None:
    ticket = Ticket().opened("03-02 09:00").policy("03-02 10:00", "none")
    ticket.policy("03-02 11:00", "toolkit")
    assert ticket.row("resolve", cycle=2).due_at == at("03-02 14:00")


@pytest.mark.sop("TK-5")
def test_another_calendar_retargets_within_the_row() -> None:
    ticket = Ticket().opened("03-02 09:00")
    ticket.add("03-02 10:00", FactKind.CALENDAR_ASSIGNED, calendars={"working": ["lunch", 1]})
    row = ticket.row("resolve")
    assert (row.due_at, row.calendar, row.revision) == (at("03-02 14:30"), ("lunch", 1), 1)


@pytest.mark.sop("TK-5")
def test_a_policy_that_pauses_more_takes_over_a_running_wait() -> None:
    book = rulebook(changed_toolkit("still", waiting=None))
    ticket = Ticket(book).opened("03-02 09:00", policy="still").waits("03-02 10:00")
    assert ticket.row("resolve").state is State.RUNNING
    ticket.policy("03-02 11:00", "toolkit")
    assert ticket.row("resolve").pause_ends_at == at("03-05 18:00")
    assert ticket.resumed("03-02 12:00").row("resolve").due_at == at("03-02 14:00")


@pytest.mark.sop("TK-7")
@pytest.mark.parametrize(
    ("resolved", "provisional"), [("12-30 10:00", True), ("12-29 10:00", False)]
)
def test_a_due_in_a_year_without_holidays_is_provisional(resolved: str, provisional: bool) -> None:
    ticket = Ticket().opened(resolved.replace("10:00", "09:00"), calendar="loaded")
    row = ticket.resolved(resolved).row("confirm")
    assert row.provisional is provisional
    assert ticket.row("resolve").provisional is False


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("opened", "provisional"), [("12-31 20:00", False), ("12-31 20:00:01", True)]
)
def test_due_at_the_very_end_of_the_last_known_year_is_certain(
    opened: str, provisional: bool
) -> None:
    ticket = Ticket().opened(opened, calendar="late")
    assert ticket.row("resolve").provisional is provisional


@pytest.mark.sop("TK-7")
def test_loading_the_year_pins_again_from_the_start() -> None:
    ticket = Ticket().opened("12-30 09:00", calendar="loaded").resolved("12-30 10:00")
    assert ticket.row("confirm").due_at == at("2027-01-01 18:00")
    pins = {"working": ["loaded", 2]}
    ticket.add("12-31 10:00", FactKind.CALENDAR_ASSIGNED, calendars=pins, from_start=True)
    row = ticket.row("confirm")
    assert (row.due_at, row.provisional) == (at("2027-01-04 18:00"), False)
    assert [one.calendar_after for one in row.retargets] == [("loaded", 2)]


@pytest.mark.sop("TK-5")
def test_pinning_again_reaches_what_was_counted_before_the_tier_changed() -> None:
    ticket = Ticket().opened("03-02 11:00").tier("03-02 13:00", "A")
    assert ticket.row("resolve").due_at == at("03-02 15:00")
    pins = {"working": ["lunch", 1]}
    ticket.add("03-02 14:00", FactKind.CALENDAR_ASSIGNED, calendars=pins, from_start=True)
    row = ticket.row("resolve")
    assert (row.due_at, row.calendar) == (at("03-02 16:00"), ("24x7", 1))


@pytest.mark.sop("TK-5")
def test_pinning_another_calendar_again_leaves_a_clock_alone() -> None:
    ticket = Ticket().opened("03-02 09:00", tier="A")
    before = ticket.row("resolve")
    pins = {"working": ["lunch", 1]}
    ticket.add("03-02 09:00", FactKind.CALENDAR_ASSIGNED, calendars=pins, from_start=True)
    assert ticket.row("resolve") == before


@pytest.mark.sop("TK-5")
def test_pinning_again_counts_the_past_in_the_new_calendar_never_to_before_the_load() -> None:
    pins = {"working": ["lunch", 1]}
    mixed = Ticket().opened("03-02 09:00")
    mixed.add("03-02 13:00", FactKind.CALENDAR_ASSIGNED, calendars=pins)
    anew = Ticket().opened("03-02 09:00")
    anew.add("03-02 13:00", FactKind.CALENDAR_ASSIGNED, calendars=pins, from_start=True)
    assert (mixed.row("resolve").due_at, anew.row("resolve").due_at) == (
        at("03-02 13:00"),
        at("03-02 14:30"),
    )
