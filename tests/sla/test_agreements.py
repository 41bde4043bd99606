"""Agreed instants, supervisors' corrections, and subjects with a single clock of their own.

Local times; 2 March 2026 is a Monday.
"""

from typing import Any

import pytest

from app.sla.engine.clock import evaluate
from app.sla.engine.deadline import Deadline, State
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.waiting import closes_at
from tests.sla.histories import STANDARD, Ticket, at, changed_toolkit, fire_times, rulebook


@pytest.mark.sop("TK-1")
@pytest.mark.parametrize("due", ["03-02 12:59:59", "03-02 13:00"])
def test_an_agreement_no_later_than_the_solution_runs_beside_it(due: str) -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", due)
    assert (ticket.row("agreed").due_at, ticket.row("agreed").target) == (at(due), None)
    assert ticket.row("resolve").state is State.RUNNING
    ticket.resolved("03-02 13:00")
    assert ticket.row("agreed").state is (State.MET if due == "03-02 13:00" else State.LATE)
    assert ticket.row("resolve").state is State.MET


@pytest.mark.sop("TK-1")
def test_a_later_agreement_waits_for_approval_and_then_replaces_the_solution() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00")
    assert ticket.keys("agreed") == []
    ticket.add("03-02 10:00", FactKind.AGREEMENT_APPROVED)
    assert ticket.row("resolve").state is State.SUPERSEDED
    row = ticket.row("agreed")
    assert (row.started_at, row.due_at) == (at("03-02 10:00"), at("03-03 15:00"))
    assert fire_times(row, [1]) == [at("03-03 11:30")]


@pytest.mark.sop("TK-1")
def test_a_later_agreement_approved_at_once_needs_no_second_word() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00", approved=True)
    assert ticket.row("resolve").state is State.SUPERSEDED
    assert ticket.reclassified("03-02 10:00", complexity="complex").keys("resolve") == [(1, 1)]


@pytest.mark.sop("TK-1")
@pytest.mark.parametrize("approved", [False, True])
def test_a_later_agreement_that_the_customer_did_not_wish_never_counts(approved: bool) -> None:
    ticket = Ticket().opened("03-02 09:00")
    ticket.agreed("03-02 09:30", "03-03 15:00", wish_recorded=False, approved=approved)
    ticket.add("03-02 10:00", FactKind.AGREEMENT_APPROVED)
    assert ticket.keys("agreed") == []
    assert ticket.row("resolve").state is State.RUNNING


@pytest.mark.sop("TK-1")
@pytest.mark.parametrize(("approved", "kept"), [("03-03 14:59:59", True), ("03-03 15:00", False)])
def test_an_agreement_approved_when_its_instant_is_not_ahead_lapses(
    approved: str, kept: bool
) -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00")
    ticket.add(approved, FactKind.AGREEMENT_APPROVED)
    assert (ticket.keys("agreed") == [(1, 1)]) is kept


@pytest.mark.sop("TK-1")
@pytest.mark.parametrize("due", ["03-02 09:29", "03-02 09:30"])
def test_nobody_agrees_to_an_instant_that_is_not_ahead(due: str) -> None:
    assert Ticket().opened("03-02 09:00").agreed("03-02 09:30", due).keys("agreed") == []


@pytest.mark.sop("TK-1")
def test_approval_after_the_solution_was_due_leaves_the_miss() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00")
    ticket.add("03-02 13:00:01", FactKind.AGREEMENT_APPROVED).resolved("03-03 14:00")
    assert ticket.row("resolve").state is State.LATE
    assert ticket.row("agreed").state is State.MET


@pytest.mark.sop("TK-1")
def test_a_resolved_ticket_has_nothing_left_to_agree_or_approve() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00")
    ticket.resolved("03-02 10:00").add("03-02 10:30", FactKind.AGREEMENT_APPROVED)
    assert ticket.agreed("03-02 11:00", "03-02 12:00").keys("agreed") == []


@pytest.mark.sop("TK-1")
def test_a_new_agreement_replaces_the_one_before_which_keeps_its_miss() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="complex")
    ticket.agreed("03-02 09:30", "03-02 11:00").agreed("03-02 10:00", "03-02 12:00")
    assert ticket.row("agreed").state is State.SUPERSEDED
    ticket.agreed("03-02 12:30", "03-02 14:00")
    assert ticket.row("agreed", revision=2).state is State.MISSED
    assert ticket.resolved("03-02 14:00").row("agreed", revision=3).state is State.MET


@pytest.mark.sop("TK-1")
def test_a_newer_agreement_withdraws_the_one_that_waits_for_approval() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00")
    ticket.agreed("03-02 10:00", "03-02 12:00").add("03-02 10:30", FactKind.AGREEMENT_APPROVED)
    assert ticket.keys("agreed") == [(1, 1)]
    assert ticket.row("agreed").due_at == at("03-02 12:00")


@pytest.mark.sop("TK-1")
@pytest.mark.parametrize("policy", [None, "none"])
def test_an_agreement_is_kept_and_climbs_without_any_policy(policy: str | None) -> None:
    ticket = Ticket().opened("03-02 09:00", policy=policy).agreed("03-02 10:00", "03-02 14:00")
    row = ticket.row("agreed", now="03-02 14:00:01")
    assert row.state is State.MISSED
    assert fire_times(row) == [at(f"03-0{time}") for time in _CLIMBS]
    assert ticket.closed("03-02 15:00").row("agreed").state is State.LATE


_CLIMBS = ("2 13:00", "2 14:00", "2 15:00", "2 18:00")


@pytest.mark.sop("TK-1")
def test_an_agreement_survives_the_change_to_no_policy() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-02 12:00")
    row = ticket.policy("03-02 10:00", "none").row("agreed")
    assert (row.state, row.due_at) == (State.RUNNING, at("03-02 12:00"))


@pytest.mark.sop("TK-1")
def test_a_solution_replaced_by_an_agreement_does_not_come_back_with_a_policy() -> None:
    ticket = Ticket().opened("03-02 09:00").agreed("03-02 09:30", "03-03 15:00", approved=True)
    ticket.policy("03-02 10:00", "none").policy("03-02 11:00", "toolkit")
    assert ticket.keys("resolve") == [(1, 1)]
    assert ticket.resolved("03-02 12:00").reopened("03-02 13:00").keys("resolve") == [
        (1, 1),
        (2, 1),
    ]


@pytest.mark.sop("TK-1")
def test_an_agreed_instant_does_not_move_with_the_tier_but_its_ladder_does() -> None:
    ticket = Ticket().opened("03-06 16:00").agreed("03-06 17:00", "03-06 19:00")
    assert fire_times(ticket.row("agreed"), [2, 3]) == [at("03-06 19:00"), at("03-09 10:00")]
    row = ticket.tier("03-06 17:30", "A").row("agreed")
    assert fire_times(row, [2, 3]) == [at("03-06 19:00"), at("03-06 20:00")]


@pytest.mark.sop("TK-1")
def test_a_replayed_target_is_taken_as_it_is() -> None:
    ticket = Ticket().opened("03-02 09:00", policy="none")
    ticket.agreed("03-02 09:00", "03-02 09:00", replay=True)
    assert ticket.closed("03-02 09:00").row("agreed").state is State.MET
    late = Ticket().opened("03-02 09:00").agreed("03-02 09:00", "03-09 09:00", replay=True)
    assert late.row("resolve").state is State.SUPERSEDED


@pytest.mark.sop("TK-1")
def test_an_agreement_is_answered_as_the_policy_answers_the_solution() -> None:
    resolve = {"target": {"hours": 8}, "answered_by": ["closed"]}
    book = rulebook(changed_toolkit("closing", resolve=resolve))
    ticket = Ticket(book).opened("03-02 09:00", policy="closing")
    ticket.agreed("03-02 09:30", "03-02 12:00").resolved("03-02 10:00")
    assert ticket.row("agreed").state is State.RUNNING
    assert ticket.closed("03-02 12:00").row("agreed").state is State.MET


@pytest.mark.sop("TK-2")
@pytest.mark.parametrize(
    ("claimed", "state"), [("03-02 09:30", State.MET), ("03-02 09:30:01", State.LATE)]
)
def test_a_correction_counts_the_claimed_instant_and_keeps_the_verdict_before(
    claimed: str, state: State
) -> None:
    ticket = Ticket().opened("03-02 09:00").accepted("03-02 10:00")
    row = ticket.corrected("03-03 09:00", "accept", claimed).row("accept")
    assert (row.state, row.answered_at) == (state, at(claimed))
    assert row.adjustment is not None
    assert row.adjustment.state_before is State.LATE
    assert row.adjustment.answered_before == at("03-02 10:00")


@pytest.mark.sop("TK-2")
def test_a_correction_ends_an_open_row_and_leaves_the_end_of_another() -> None:
    ticket = Ticket().opened("03-02 09:00").corrected("03-02 10:00", "accept", "03-02 09:20")
    row = ticket.row("accept")
    assert (row.state, row.ended_at, row.open) == (State.MET, at("03-02 10:00"), False)
    assert row.adjustment is not None
    assert (row.adjustment.state_before, row.adjustment.answered_before) == (State.MISSED, None)
    late = Ticket().opened("03-02 09:00").accepted("03-02 10:00")
    late.corrected("03-03 09:00", "accept", "03-02 09:20")
    assert late.row("accept").ended_at == at("03-02 10:00")


@pytest.mark.sop("TK-6")
def test_a_corrected_progress_that_was_still_open_starts_the_next_at_the_correction() -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True)
    ticket.corrected("03-02 14:00", "progress", "03-02 12:00")
    assert ticket.row("progress").state is State.MET
    assert ticket.row("progress", cycle=2).due_at == at("03-02 18:00")


@pytest.mark.sop("TK-6b")
def test_a_corrected_reply_is_no_open_question_any_more() -> None:
    ticket = Ticket().opened("03-02 09:00").asked("03-02 09:10")
    ticket.corrected("03-02 14:00", "next_reply", "03-02 10:00").resolved("03-02 15:00")
    assert ticket.reopened("03-02 16:00").keys("next_reply") == [(1, 1)]


@pytest.mark.sop("TK-6b")
def test_correcting_an_old_reply_leaves_a_newer_question_open() -> None:
    ticket = Ticket().opened("03-02 09:00").asked("03-02 09:10").told("03-02 14:00")
    ticket.resolved("03-02 14:30").asked("03-02 15:00")
    ticket.corrected("03-02 16:00", "next_reply", "03-02 10:00")
    assert ticket.row("next_reply", cycle=2).state is State.RUNNING
    assert closes_at(ticket.folded()) is None


@pytest.mark.sop("TK-2")
def test_what_is_kept_running_or_unknown_is_not_corrected() -> None:
    ticket = Ticket().opened("03-02 09:00").accepted("03-02 09:10")
    before = ticket.rows("03-02 10:00")
    ticket.corrected("03-02 10:00", "accept", "03-02 09:20")
    ticket.corrected("03-02 10:00", "resolve", "03-02 09:20")
    ticket.corrected("03-02 10:00", "resolve", "03-02 09:20", cycle=4)
    assert ticket.rows() == before


@pytest.mark.sop("TK-5")
def test_the_named_cycle_and_revision_is_corrected() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 14:00").reopened("03-02 15:00")
    ticket.resolved("03-02 17:00")
    ticket.corrected("03-03 09:00", "resolve", "03-02 15:30", cycle=2, revision=1)
    assert ticket.row("resolve").state is State.LATE
    assert ticket.row("resolve", cycle=2).state is State.MET


def single(*facts: Fact) -> list[Deadline]:
    return evaluate(facts, STANDARD)


def opening(when: str, **data: Any) -> Fact:
    calendars = {"working": ["office", 1], "24x7": ["24x7", 1]}
    return Fact(1, FactKind.OPENED, at(when), {"calendars": calendars, **data})


@pytest.mark.sop("FU-1")
def test_a_single_clock_takes_its_target_from_the_register() -> None:
    (row,) = single(opening("03-06 16:00", clock="first_visit"))
    assert (row.rule, row.due_at, row.policy) == ("FU-1", at("03-09 16:00"), None)


@pytest.mark.sop("FU-1")
@pytest.mark.parametrize(
    ("occurred", "recorded", "state", "answered", "claimed"),
    [
        ("03-09 15:00", "03-09 16:00", State.MET, "03-09 15:00", None),
        ("03-09 15:00", "03-09 16:00:01", State.LATE, "03-09 16:00:01", "03-09 15:00"),
        ("03-09 17:00", "03-09 17:00", State.LATE, "03-09 17:00", None),
    ],
)
def test_a_back_dated_contact_counts_when_it_was_recorded_in_time(
    occurred: str, recorded: str, state: State, answered: str, claimed: str | None
) -> None:
    contact = Fact(2, FactKind.ANSWERED, at(occurred), {}, at(recorded))
    (row,) = single(opening("03-06 16:00", clock="first_visit"), contact)
    assert (row.state, row.answered_at) == (state, at(answered))
    assert row.claimed_at == (None if claimed is None else at(claimed))


@pytest.mark.sop("FU-1")
def test_a_contact_is_not_known_before_it_was_recorded() -> None:
    contact = Fact(2, FactKind.ANSWERED, at("03-09 15:00"), {}, at("03-09 15:30"))
    facts = [opening("03-06 16:00", clock="first_visit"), contact]
    (row,) = evaluate(facts, STANDARD, at("03-09 15:29:59"))
    assert row.state is State.RUNNING


@pytest.mark.sop("FU-3")
@pytest.mark.parametrize(
    ("anchor", "due"),
    [
        ("2026-01-31T02:00:00Z", "03-02 18:00"),  # the last of February is a Saturday
        ("2026-02-06T02:00:00Z", "03-06 18:00"),
        ("2026-02-10T15:59:00Z", "03-10 18:00"),  # a minute before midnight
        ("2026-02-10T16:00:00Z", "03-11 18:00"),
    ],
)
def test_months_are_counted_from_the_anchor_to_the_end_of_a_working_day(
    anchor: str, due: str
) -> None:
    (row,) = single(opening("02-02 10:00", clock="refresh", anchor=anchor))
    assert row.due_at == at(due)


@pytest.mark.sop("FU-3")
def test_a_refresh_whose_month_ends_in_a_year_without_holidays_is_provisional() -> None:
    for when, provisional in (("11-10 10:00", False), ("12-10 10:00", True)):
        pins = {"working": ["loaded", 1], "24x7": ["24x7", 1]}
        fact = Fact(1, FactKind.OPENED, at(when), {"calendars": pins, "clock": "refresh"})
        assert single(fact)[0].provisional is provisional


@pytest.mark.sop("FU-3")
def test_a_date_long_past_is_due_at_the_opening_and_no_retarget() -> None:
    (row,) = single(opening("03-02 10:00", clock="refresh", anchor="2025-11-30T02:00:00Z"))
    assert (row.due_at, row.on_retarget) == (at("03-02 10:00"), False)


@pytest.mark.sop("CH-3")
def test_a_clock_may_bring_its_own_instant_and_be_planned_anew() -> None:
    facts = [opening("03-02 10:00", clock="win_back_step", due_at="2026-03-05T09:00:00Z")]
    again = {"clock": "win_back_step", "due_at": "2026-03-09T09:00:00Z"}
    facts.append(Fact(2, FactKind.OPENED, at("03-04 10:00"), again))
    first, second = single(*facts)
    assert (first.state, second.due_at) == (State.SUPERSEDED, at("03-09 17:00"))
    assert (first.key, second.key) == (("win_back_step", 1, 1), ("win_back_step", 1, 2))


@pytest.mark.sop("CH-3")
def test_a_clock_without_target_and_instant_is_no_deadline() -> None:
    assert single(opening("03-02 10:00", clock="win_back_step")) == []


def test_a_deployments_own_promise_runs_on_the_same_engine() -> None:
    promise = {"clock": "refund", "rule": "X-1", "target": {"elapsed_hours": 12}}
    facts = [opening("03-06 17:00", **promise)]
    facts.append(Fact(2, FactKind.ANSWERED, at("03-07 05:00"), {"clock": "refund"}))
    (row,) = single(*facts)
    assert (row.rule, row.state, row.calendar) == ("X-1", State.MET, ("24x7", 1))


@pytest.mark.sop("SV-7")
def test_clocks_of_one_subject_are_answered_by_name_and_all_withdrawn_at_its_end() -> None:
    facts = [
        opening("03-02 10:00", clock="improvement_acceptance"),
        Fact(2, FactKind.OPENED, at("03-02 10:00"), {"clock": "improvement_plan"}),
        Fact(3, FactKind.ANSWERED, at("03-03 10:00"), {"clock": "improvement_acceptance"}),
        Fact(4, FactKind.CANCELLED, at("03-04 10:00"), {}),
    ]
    accepted, planned = single(*facts)
    assert (accepted.state, planned.state) == (State.MET, State.CANCELLED)
    assert planned.due_at == at("03-23 18:00")


@pytest.mark.sop("FU-1")
def test_other_subjects_never_pause() -> None:
    waiting = Fact(2, FactKind.WAITING, at("03-06 16:30"), {"reason": "no answer"})
    (row,) = single(opening("03-06 16:00", clock="first_visit"), waiting)
    assert (row.state, row.never_pauses) == (State.RUNNING, True)


@pytest.mark.sop("FU-2")
def test_the_next_contact_opens_another_cycle() -> None:
    facts = [
        opening("03-02 10:00", clock="return_visit"),
        Fact(2, FactKind.ANSWERED, at("03-03 10:00"), {}),
        Fact(3, FactKind.OPENED, at("03-04 10:00"), {"clock": "return_visit"}),
    ]
    assert [row.cycle for row in single(*facts)] == [1, 2]
