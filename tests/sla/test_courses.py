"""How due moves while the ticket stays what it is: waiting, reopening, and the end by the system.

Local times; 2 March 2026 is a Monday, 6 March a Friday.
"""

import pytest

from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from app.sla.engine.waiting import PauseEnd, closes_at, pause_budget, pauses, waits_until
from tests.sla.histories import Ticket, at, changed_toolkit, fire_times, rulebook


@pytest.mark.sop("TK-5")
def test_a_pause_shows_due_as_if_resumed_at_its_limit() -> None:
    row = Ticket().opened("03-02 09:00").waits("03-02 10:00").row("resolve")
    assert (row.state, row.pause_ends_at) == (State.PAUSED, at("03-05 18:00"))
    assert row.due_at == at("03-06 12:00")


@pytest.mark.sop("TK-5")
def test_resuming_moves_due_by_what_the_pause_covered() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").resumed("03-03 10:30")
    row = ticket.row("resolve")
    assert (row.state, row.due_at, row.pause_ends_at) == (State.RUNNING, at("03-03 13:30"), None)


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("03-05 17:59:59", State.PAUSED),
        ("03-05 18:00", State.RUNNING),
        ("03-06 12:00", State.RUNNING),
        ("03-06 12:00:01", State.MISSED),
    ],
)
def test_the_limit_ends_a_pause_without_anybody_looking(now: str, state: State) -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00")
    assert ticket.row("resolve", now=now).state is state
    assert ticket.row("resolve").state_at(at(now)) is state


@pytest.mark.sop("TK-5")
def test_the_customers_message_ends_the_wait_at_its_own_instant() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").asked("03-02 12:00", courtesy=True)
    assert ticket.row("resolve").due_at == at("03-02 15:00")
    assert waits_until(ticket.folded(), at("03-02 12:00")) is None


@pytest.mark.sop("TK-5")
def test_an_automatic_reply_of_the_customer_ends_no_wait() -> None:
    ticket = (
        Ticket().opened("03-02 09:00").waits("03-02 10:00").asked("03-02 12:00", automatic=True)
    )
    assert ticket.row("resolve").state is State.PAUSED


@pytest.mark.sop("TK-5")
def test_resuming_after_the_limit_changes_nothing() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00")
    due = ticket.row("resolve").due_at
    assert ticket.resumed("03-05 18:00").row("resolve").due_at == due


@pytest.mark.sop("TK-5")
def test_asking_again_during_a_wait_does_not_prolong_it_but_after_its_limit_it_waits_anew() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").waits("03-03 10:00")
    assert ticket.row("resolve").pause_ends_at == at("03-05 18:00")
    ticket.waits("03-06 10:00")
    assert ticket.row("resolve").pause_ends_at == at("03-11 18:00")
    assert ticket.row("resolve").due_at == at("03-12 11:00")


@pytest.mark.sop("TK-6")
def test_waiting_pauses_the_progress_that_the_question_opened() -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).told("03-02 10:00").waits("03-02 10:00")
    assert ticket.row("progress").state is State.MET
    assert ticket.row("progress", cycle=2).state is State.PAUSED
    assert ticket.resumed("03-02 11:00").row("progress", cycle=2).due_at == at("03-02 15:00")


@pytest.mark.sop("TK-6")
def test_progress_opened_during_a_wait_stands_still_until_its_end() -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).waits("03-02 10:00").told("03-02 11:00")
    assert ticket.row("progress", cycle=2).state is State.PAUSED
    assert ticket.resumed("03-02 12:00").row("progress", cycle=2).due_at == at("03-02 16:00")


@pytest.mark.sop("TK-2", "TK-4", "TK-6b")
def test_acceptance_plan_and_reply_never_pause() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="super").asked("03-02 09:10")
    ticket.waits("03-02 09:20")
    for clock in ("accept", "plan", "next_reply"):
        assert (ticket.row(clock).state, ticket.row(clock).never_pauses) == (State.RUNNING, True)
    assert ticket.row("resolve").never_pauses is False


@pytest.mark.sop("TK-5")
def test_what_is_due_at_this_very_instant_is_not_paused_away() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 13:00")
    assert ticket.row("resolve").due_at == at("03-02 13:00")
    assert ticket.row("resolve", now="03-02 13:00:01").state is State.MISSED
    assert ticket.resumed("03-02 14:00").row("resolve").due_at == at("03-02 13:00")


@pytest.mark.sop("TK-9")
def test_a_pause_after_a_miss_changes_no_verdict_but_holds_back_later_levels() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 13:30")
    row = ticket.row("resolve")
    assert (row.state, row.due_at, row.pause_ends_at) == (State.MISSED, at("03-02 13:00"), None)
    assert fire_times(row, [2, 3]) == [at("03-02 13:00"), at("03-06 09:30")]
    row = ticket.resumed("03-02 15:00").row("resolve")
    assert fire_times(row, [2, 3]) == [at("03-02 13:00"), at("03-02 15:30")]


@pytest.mark.sop("TK-5")
def test_a_day_target_moves_by_the_calendar_time_that_the_pause_covered() -> None:
    ticket = Ticket().opened("03-02 10:00", complexity="complex").waits("03-02 17:00")
    row = ticket.resumed("03-03 09:30").row("resolve")
    assert row.due_at == at("03-03 11:30")


@pytest.mark.sop("TK-5")
def test_elapsed_hours_are_paused_by_elapsed_time() -> None:
    ticket = Ticket().opened("03-06 17:00", policy="tiered-cases", tier="A").waits("03-06 18:00")
    row = ticket.resumed("03-07 06:00").row("resolve")
    assert row.due_at == at("03-08 05:00")
    assert ticket.row("first_answer").due_at == at("03-07 17:00")


def told_pauses(ticket: Ticket, now: str) -> list[tuple[PauseEnd, int]]:
    """Return how each pause of the ticket ended, and its seconds."""
    return [(one.end, one.seconds) for one in pauses(ticket.folded(), at(now))]


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("resumed", "seconds"),
    [
        ("03-02 11:59:59", 3599),
        ("03-02 12:00", 3600),  # lunch, until 13:30
        ("03-02 13:30", 3600),
        ("03-02 13:30:01", 3601),
        ("03-03 09:00", 3600 + 4 * 3600 + 1800),
        ("03-03 09:00:01", 3600 + 4 * 3600 + 1801),
    ],
)
def test_closed_time_is_no_part_of_a_pause(resumed: str, seconds: int) -> None:
    ticket = Ticket().opened("03-02 09:00", calendar="lunch").waits("03-02 11:00").resumed(resumed)
    assert told_pauses(ticket, "03-20 09:00") == [(PauseEnd.RESUMED, seconds)]


@pytest.mark.sop("TK-5")
def test_a_pause_runs_in_the_calendar_in_force_before_and_after_a_change_of_tier() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 11:00")
    ticket.add("03-02 20:00", FactKind.TIER_CHANGED, tier="A").resumed("03-02 23:00")
    # until closing at 18:00, then around the clock from 20:00
    assert told_pauses(ticket, "03-20 09:00") == [(PauseEnd.RESUMED, (7 + 3) * 3600)]


@pytest.mark.sop("TK-5")
def test_each_pause_is_told_by_itself_with_how_it_ended() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").asked("03-02 11:00")
    ticket.waits("03-02 12:00").resumed("03-02 12:30").waits("03-02 13:00")
    ended = [(PauseEnd.CUSTOMER, 3600), (PauseEnd.RESUMED, 1800)]
    assert told_pauses(ticket, "03-02 13:00") == [*ended, (PauseEnd.RUNNING, 0)]
    assert told_pauses(ticket, "03-05 17:59:59") == [*ended, (PauseEnd.RUNNING, 32 * 3600 - 1)]
    assert told_pauses(ticket, "03-05 18:00") == [*ended, (PauseEnd.LIMIT, 32 * 3600)]
    assert [one.sequence for one in pauses(ticket.folded(), at("03-06 09:00"))] == [2, 4, 6]


@pytest.mark.sop("TK-5")
def test_without_a_policy_a_pause_is_told_in_working_time() -> None:
    ticket = Ticket().opened("03-02 09:00", policy=None).waits("03-02 17:00").resumed("03-03 09:30")
    assert told_pauses(ticket, "03-20 09:00") == [(PauseEnd.RESUMED, 5400)]


@pytest.mark.sop("TK-5")
def test_the_pause_budget_counts_working_time_of_every_wait_up_to_its_end_or_limit() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").resumed("03-02 11:00")
    ticket.waits("03-02 17:00")
    used = pause_budget(ticket.folded(), at("03-03 10:00"))
    assert (used.used_seconds, used.budget_seconds) == (3 * 3600, 45 * 3600)
    assert pause_budget(ticket.folded(), at("03-20 10:00")).used_seconds == (1 + 1 + 3 * 9) * 3600


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("now", "wanted"), [("03-02 17:59:59", False), ("03-02 18:00", True), ("03-02 20:00", True)]
)
def test_above_the_budget_a_pause_needs_approval(now: str, wanted: bool) -> None:
    waiting = {"pauses": ["resolve"], "budget": {"hours": 2}}
    book = rulebook(changed_toolkit("tight", waiting=waiting))
    ticket = Ticket(book).opened("03-02 09:00", policy="tight").waits("03-02 16:00")
    assert pause_budget(ticket.folded(), at(now)).needs_approval is wanted


def test_without_a_policy_there_is_no_budget() -> None:
    ticket = Ticket().opened("03-02 09:00", policy=None).waits("03-02 10:00")
    used = pause_budget(ticket.folded(), at("03-02 11:00"))
    assert (used.used_seconds, used.needs_approval) == (3600, False)


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("resolved", "due"),
    [
        ("03-02 11:00", "03-03 11:00"),  # 2 of 4 hours left
        ("03-02 12:00", "03-03 10:00"),  # 1 hour left, which is the quarter
        ("03-02 12:30", "03-03 10:00"),  # half an hour left, a quarter is more
        ("03-02 16:00", "03-03 10:00"),  # late: a quarter
    ],
)
def test_a_reopened_solution_gets_what_is_left_or_a_quarter(resolved: str, due: str) -> None:
    ticket = Ticket().opened("03-02 09:00").resolved(resolved)
    first = ticket.row("resolve")
    ticket.reopened("03-03 09:00")
    assert ticket.row("resolve") == first
    assert ticket.row("resolve", cycle=2).due_at == at(due)


@pytest.mark.sop("TK-5")
def test_time_used_adds_up_over_cycles() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:30").reopened("03-02 11:00")
    ticket.resolved("03-02 12:00").reopened("03-03 09:00")
    row = ticket.row("resolve", cycle=3)
    assert (row.due_at, row.length_seconds) == (at("03-03 10:30"), 90 * 60)


@pytest.mark.sop("TK-5")
def test_a_reopened_day_target_is_measured_in_its_calendar() -> None:
    ticket = Ticket().opened("03-02 10:00", complexity="complex").resolved("03-02 12:00")
    row = ticket.reopened("03-04 09:00").row("resolve", cycle=2)
    assert (row.length_seconds, row.due_at) == (7 * 3600, at("03-04 16:00"))


@pytest.mark.sop("TK-5")
def test_a_retarget_in_a_reopened_cycle_still_counts_what_was_used() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 11:00").reopened("03-02 12:00")
    ticket.reclassified("03-02 13:00", complexity="complex")
    row = ticket.row("resolve", cycle=2, revision=2)
    assert (row.length_seconds, row.due_at) == (7 * 3600, at("03-03 10:00"))


@pytest.mark.sop("TK-2", "TK-6")
def test_reopening_leaves_acceptance_answered_and_starts_progress_again() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:00").reopened("03-02 11:00")
    assert ticket.keys("accept") == [(1, 1)]
    assert ticket.row("progress").due_at == at("03-02 15:00")


@pytest.mark.sop("TK-7")
def test_the_system_closes_after_five_working_days_without_confirmation() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:00")
    assert closes_at(ticket.folded()) == at("03-09 18:00")


@pytest.mark.sop("TK-7")
def test_the_system_does_not_close_over_an_unanswered_question() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:00").asked("03-03 10:00")
    assert closes_at(ticket.folded()) is None
    assert closes_at(ticket.told("03-03 11:00").folded()) == at("03-09 18:00")


@pytest.mark.sop("TK-7")
def test_nothing_is_closed_that_is_unresolved_confirmed_or_ended() -> None:
    ticket = Ticket().opened("03-02 09:00")
    assert closes_at(ticket.folded()) is None
    assert closes_at(ticket.resolved("03-02 10:00").reopened("03-02 11:00").folded()) is None
    assert closes_at(ticket.resolved("03-02 12:00").confirmed("03-02 13:00").folded()) is None
    assert closes_at(ticket.closed("03-02 14:00").folded()) is None
