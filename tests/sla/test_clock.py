"""What the engine makes of a ticket's facts, clock by clock, at every boundary.

Local times; 2 March 2026 is a Monday, 6 March a Friday. Pauses and reopening are in `test_courses`,
changes of class, tier and policy in `test_retargets`, agreements and corrections in
`test_agreements`, laws over random histories in `test_laws`.
"""

import pytest

from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from tests.sla.histories import Ticket, at, changed_toolkit, rulebook


@pytest.mark.sop("TK-2")
@pytest.mark.parametrize(
    ("accepted", "state"),
    [
        ("03-02 09:29:59.999999", State.MET),
        ("03-02 09:30", State.MET),
        ("03-02 09:30:00.000001", State.LATE),
    ],
)
def test_acceptance_is_met_up_to_and_including_due(accepted: str, state: State) -> None:
    row = Ticket().opened("03-02 09:00").accepted(accepted).row("accept")
    assert (row.state, row.due_at, row.answered_at) == (state, at("03-02 09:30"), at(accepted))


@pytest.mark.sop("TK-2")
@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("03-02 09:29:59", State.RUNNING),
        ("03-02 09:30", State.RUNNING),
        ("03-02 09:30:00.000001", State.MISSED),
    ],
)
def test_unanswered_is_missed_only_after_due(now: str, state: State) -> None:
    ticket = Ticket().opened("03-02 09:00")
    assert ticket.row("accept", now=now).state is state
    assert ticket.row("accept").state_at(at(now)) is state


@pytest.mark.sop("TK-2")
def test_a_miss_is_dated_by_due_and_lateness_counted_in_both_times() -> None:
    row = Ticket().opened("03-06 17:30").accepted("03-07 18:00").row("accept")
    assert row.due_at == row.missed_at == at("03-06 18:00")
    assert (row.late_seconds, row.late_elapsed_seconds) == (0, 86_400)


@pytest.mark.sop("TK-2")
def test_opening_for_oneself_is_acceptance_and_starts_progress() -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True)
    assert ticket.row("accept").state is State.MET
    assert ticket.row("accept").answered_at == at("03-02 09:00")
    assert ticket.row("progress").due_at == at("03-02 13:00")


@pytest.mark.sop("TK-2")
def test_assignment_does_not_restart_acceptance() -> None:
    ticket = Ticket().opened("03-02 09:00").add("03-02 09:20", FactKind.ASSIGNED, owner=7)
    assert ticket.row("accept").due_at == at("03-02 09:30")


@pytest.mark.sop("TK-2")
def test_resolving_answers_acceptance_and_opens_no_progress() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 09:10")
    assert ticket.row("accept").state is State.MET
    assert ticket.keys("progress") == []


@pytest.mark.sop("TK-4")
def test_only_a_super_complex_ticket_needs_a_plan_in_two_hours() -> None:
    assert Ticket().opened("03-02 09:00", complexity="complex").keys("plan") == []
    row = Ticket().opened("03-02 09:00", complexity="super").row("plan")
    assert (row.due_at, row.never_pauses) == (at("03-02 11:00"), True)


@pytest.mark.sop("TK-4")
def test_a_plan_stated_before_counts_as_met_at_the_start() -> None:
    ticket = Ticket().opened("03-02 09:00").add("03-02 09:10", FactKind.PLAN_STATED)
    row = ticket.reclassified("03-02 10:00", complexity="super").row("plan")
    assert (row.state, row.started_at, row.answered_at) == (State.MET, *[at("03-02 10:00")] * 2)


@pytest.mark.sop("TK-4")
def test_lowering_from_super_cancels_an_unanswered_plan_and_raising_opens_another() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="super")
    ticket.reclassified("03-02 10:00", complexity="complex")
    assert ticket.row("plan").state is State.CANCELLED
    ticket.reclassified("03-02 10:30", complexity="super")
    assert ticket.row("plan", cycle=2).due_at == at("03-02 12:30")


@pytest.mark.sop("TK-4")
def test_lowering_after_the_plan_was_due_leaves_the_miss() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="super")
    row = ticket.reclassified("03-02 11:00:01", complexity="normal").row("plan")
    assert (row.state, row.open) == (State.MISSED, False)


@pytest.mark.sop("TK-4")
def test_reclassifying_a_super_ticket_in_another_way_asks_for_no_second_plan() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="super")
    ticket.add("03-02 09:30", FactKind.PLAN_STATED)
    ticket.reclassified("03-02 10:00", complexity="super", type="complaint")
    assert ticket.keys("plan") == [(1, 1)]


@pytest.mark.sop("TK-4")
def test_resolving_needs_no_plan_any_more() -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="super").resolved("03-02 10:00")
    assert ticket.row("plan").state is State.CANCELLED


@pytest.mark.sop("TK-6")
def test_each_told_progress_opens_the_next() -> None:
    ticket = Ticket().opened("03-02 09:00").accepted("03-02 09:10").told("03-02 10:00")
    assert ticket.row("progress").state is State.MET
    assert ticket.row("progress", cycle=2).due_at == at("03-02 14:00")


@pytest.mark.sop("TK-6")
@pytest.mark.parametrize("flags", [{"public": False}, {"automatic": True}, {"vague": True}])
def test_internal_automatic_and_vague_words_are_no_progress(flags: dict[str, bool]) -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).told("03-02 10:00", **flags)
    assert ticket.keys("progress") == [(1, 1)]
    assert ticket.row("progress").state is State.RUNNING


@pytest.mark.sop("TK-6")
def test_a_message_before_acceptance_opens_no_progress() -> None:
    assert Ticket().opened("03-02 09:00").told("03-02 09:05").keys("progress") == []


@pytest.mark.sop("TK-6")
@pytest.mark.parametrize(
    ("told", "skipped"),
    [
        ("03-02 13:00", 0),
        ("03-02 13:00:01", 0),
        ("03-02 17:00", 0),
        ("03-02 17:00:00.000001", 1),
        ("03-03 12:00", 1),
        ("03-03 12:00:01", 2),
    ],
)
def test_silence_never_stacks_but_counts_the_intervals_it_skipped(told: str, skipped: int) -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).told(told)
    assert ticket.keys("progress") == [(1, 1), (2, 1)]
    assert ticket.row("progress").intervals_skipped == skipped


@pytest.mark.sop("TK-6")
@pytest.mark.parametrize(
    ("resolved", "state"), [("03-02 13:00", State.CANCELLED), ("03-02 13:00:01", State.MISSED)]
)
def test_resolving_cancels_progress_unless_it_was_missed(resolved: str, state: State) -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).resolved(resolved)
    assert (ticket.row("progress").state, ticket.row("progress").open) == (state, False)


@pytest.mark.sop("TK-6b")
def test_the_opening_text_needs_no_reply_of_its_own() -> None:
    assert Ticket().opened("03-02 09:00").keys("next_reply") == []


@pytest.mark.sop("TK-6b")
def test_several_messages_are_one_clock_from_the_oldest() -> None:
    ticket = Ticket().opened("03-02 09:00").asked("03-02 10:00").asked("03-02 11:00")
    assert ticket.keys("next_reply") == [(1, 1)]
    assert ticket.row("next_reply").due_at == at("03-02 14:00")
    ticket.told("03-02 12:00", vague=True).asked("03-02 13:00")
    assert ticket.row("next_reply").state is State.MET
    assert ticket.row("next_reply", cycle=2).due_at == at("03-02 17:00")


@pytest.mark.sop("TK-6b")
def test_thanks_start_nothing_and_an_automatic_answer_ends_nothing() -> None:
    ticket = Ticket().opened("03-02 09:00").asked("03-02 09:05", courtesy=True)
    assert ticket.keys("next_reply") == []
    ticket.asked("03-02 09:10").told("03-02 09:10", automatic=True)
    assert ticket.row("next_reply").state is State.RUNNING


@pytest.mark.sop("TK-6b")
def test_no_reply_needed_answers_the_customer_message() -> None:
    ticket = Ticket().opened("03-02 09:00").asked("03-02 10:00")
    ticket.add("03-02 10:30", FactKind.NO_REPLY_NEEDED, reason="told by phone")
    assert ticket.row("next_reply").state is State.MET


@pytest.mark.sop("TK-6b")
def test_a_message_after_the_solution_wants_a_reply_but_reopens_nothing() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:00").asked("03-02 11:00")
    assert ticket.row("next_reply").state is State.RUNNING
    assert ticket.keys("resolve") == [(1, 1)]


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("complexity", "tier", "due"),
    [
        ("normal", "B", "03-09 13:00"),
        ("complex", "B", "03-10 09:00"),
        ("super", "C", "03-10 09:00"),
        ("normal", "A", "03-07 00:00"),
        ("complex", "A", "03-07 20:00"),
    ],
)
def test_the_solution_is_due_by_complexity_and_tier(complexity: str, tier: str, due: str) -> None:
    ticket = Ticket().opened("03-06 20:00", complexity=complexity, tier=tier)
    assert ticket.row("resolve").due_at == at(due)


@pytest.mark.sop("TK-5")
def test_a_policy_may_count_the_solution_until_closing() -> None:
    book = rulebook(
        changed_toolkit("closing", resolve={"target": {"hours": 4}, "answered_by": ["closed"]})
    )
    ticket = Ticket(book).opened("03-02 09:00", policy="closing").resolved("03-02 10:00")
    assert ticket.row("resolve").state is State.RUNNING
    assert ticket.closed("03-02 12:59").row("resolve").state is State.MET


@pytest.mark.sop("TK-5")
def test_closing_without_a_solution_is_no_answer() -> None:
    assert Ticket().opened("03-02 09:00").closed("03-02 10:00").row("resolve").state is (
        State.CANCELLED
    )


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(("tier", "hours"), [("A", 24), ("B", 48), ("C", 72), (None, 72)])
def test_tiered_cases_count_elapsed_hours_by_tier(tier: str | None, hours: int) -> None:
    ticket = Ticket().opened("03-06 17:00", policy="tiered-cases", tier=tier)
    for clock in ("first_answer", "resolve"):
        row = ticket.row(clock)
        assert (row.due_at - row.started_at).total_seconds() == hours * 3600
    assert {row.clock for row in ticket.rows()} == {"first_answer", "resolve"}


@pytest.mark.sop("TK-5")
def test_only_the_first_concrete_public_word_is_the_first_answer() -> None:
    ticket = Ticket().opened("03-02 09:00", policy="tiered-cases")
    ticket.told("03-02 09:05", vague=True).told("03-02 09:10").told("03-02 09:20")
    assert ticket.keys("first_answer") == [(1, 1)]
    assert ticket.row("first_answer").answered_at == at("03-02 09:10")


@pytest.mark.sop("TK-7")
@pytest.mark.parametrize(
    ("answer", "state"), [("solved", State.MET), ("partly", State.MET), ("none", State.RUNNING)]
)
def test_only_the_customer_confirms(answer: str, state: State) -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:00")
    assert ticket.row("confirm").due_at == at("03-04 18:00")
    assert ticket.confirmed("03-03 10:00", answer).row("confirm").state is state


@pytest.mark.sop("TK-7")
def test_confirmation_counts_working_days_for_tier_a_too() -> None:
    row = Ticket().opened("03-06 09:00", tier="A").resolved("03-06 10:00").row("confirm")
    assert (row.due_at, row.calendar) == (at("03-10 18:00"), ("office", 1))


@pytest.mark.sop("TK-7")
def test_reopening_withdraws_the_question_and_the_next_solution_asks_again() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 10:00").reopened("03-02 11:00")
    assert ticket.row("confirm").state is State.CANCELLED
    ticket.resolved("03-02 11:30").confirmed("03-02 12:00")
    assert ticket.row("confirm", cycle=2).state is State.MET


@pytest.mark.parametrize("kind", [FactKind.CLOSED, FactKind.CANCELLED, FactKind.MERGED])
@pytest.mark.sop("TK-8")
def test_no_clock_outlives_its_ticket(kind: FactKind) -> None:
    ticket = Ticket().opened("03-02 09:00", complexity="super").asked("03-02 09:05")
    ticket.agreed("03-02 09:10", "03-02 15:00").add("03-02 11:00:01", kind, reason="double")
    states = {row.clock: row.state for row in ticket.rows()}
    assert states == {
        "accept": State.MISSED,
        "plan": State.MISSED,
        "resolve": State.CANCELLED,
        "next_reply": State.CANCELLED,
        "agreed": State.CANCELLED,
    }
    assert not any(row.open for row in ticket.rows())
    ticket.told("03-02 12:00")
    assert len(ticket.rows()) == 5


@pytest.mark.sop("TK-8")
@pytest.mark.parametrize(
    ("asked", "reopens"),
    [("03-09 10:00", True), ("03-09 09:59:59", True), ("03-09 10:00:00.000001", False)],
)
def test_a_message_reopens_a_closed_ticket_for_seven_days(asked: str, reopens: bool) -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 09:30").closed("03-02 10:00")
    ticket.asked(asked)
    assert (ticket.keys("resolve") == [(1, 1), (2, 1)]) is reopens
    assert (ticket.keys("next_reply") == [(1, 1)]) is reopens


@pytest.mark.sop("TK-8")
def test_a_reopening_recorded_beside_the_message_changes_nothing() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 09:30").closed("03-02 10:00")
    alone = ticket.asked("03-03 10:00").rows("03-03 10:00")
    assert ticket.reopened("03-03 10:00").rows() == alone


@pytest.mark.sop("TK-8")
def test_thanks_after_closing_reopen_nothing() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 09:30").closed("03-02 10:00")
    assert ticket.asked("03-03 10:00", courtesy=True).keys("resolve") == [(1, 1)]


@pytest.mark.sop("TK-5")
def test_without_a_policy_nothing_is_due_and_facts_are_taken_all_the_same() -> None:
    ticket = Ticket().opened("03-02 09:00", policy=None).accepted("03-02 09:10")
    assert ticket.asked("03-02 10:00").told("03-02 11:00").resolved("03-02 12:00").rows() == []


def test_facts_are_read_in_order_of_their_sequence() -> None:
    ticket = Ticket().opened("03-02 09:00").accepted("03-02 09:10").told("03-02 10:00")
    expected = ticket.rows()
    ticket.facts.reverse()
    assert ticket.rows() == expected


def test_no_facts_are_no_deadlines() -> None:
    assert Ticket().rows() == []
    assert Ticket().opened("03-02 09:00").rows("03-02 08:59:59") == []
