"""Laws that hold for every history of a ticket, tried on random ones.

A history is a list of (minutes since the one before, move); moves that make no sense where they
stand are part of it, since the engine must take any order of facts.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.sla.engine.clock import evaluate
from app.sla.engine.deadline import Deadline, State
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.policy import Policy
from app.sla.engine.segments import used_micros
from tests.sla.histories import at, changed_toolkit, rulebook

START = at("03-06 15:00")
SHORT = changed_toolkit(
    "short", resolve={"target": {"hours": 1}}, progress={"target": {"hours": 2}}
)
LONG = changed_toolkit("long", resolve={"target": {"days": 2}}, next_reply=None)
BOOK = rulebook(SHORT, LONG)
POLICIES = ("toolkit", "tiered-cases", "none", "short", "long")

_STAFF = {"by": "staff", "public": True, "automatic": False}
_CUSTOMER = {"by": "customer", "public": True, "automatic": False}

Move = tuple[FactKind, dict[str, Any]]
plain: st.SearchStrategy[Move] = st.sampled_from(
    [
        (FactKind.ACCEPTED, {}),
        (FactKind.ASSIGNED, {"owner": 3, "department": "support"}),
        (FactKind.MESSAGE, {**_STAFF, "vague": False}),
        (FactKind.MESSAGE, {**_STAFF, "vague": True}),
        (FactKind.MESSAGE, {**_CUSTOMER, "courtesy": False}),
        (FactKind.MESSAGE, {**_CUSTOMER, "courtesy": True}),
        (FactKind.NO_REPLY_NEEDED, {"reason": "told"}),
        (FactKind.PLAN_STATED, {}),
        (FactKind.RESOLVED, {}),
        (FactKind.CONFIRMED, {"answer": "solved"}),
        (FactKind.REOPENED, {}),
    ]
)
waiting: st.SearchStrategy[Move] = st.sampled_from(
    [(FactKind.WAITING, {"reason": "log"}), (FactKind.RESUMED, {})]
)
changing: st.SearchStrategy[Move] = st.one_of(
    st.sampled_from(["normal", "complex", "super"]).map(
        lambda value: (FactKind.RECLASSIFIED, {"complexity": value})
    ),
    st.sampled_from("ABC").map(lambda value: (FactKind.TIER_CHANGED, {"tier": value})),
    st.sampled_from(POLICIES).map(lambda name: (FactKind.POLICY_ASSIGNED, {"policy": [name, 1]})),
    st.sampled_from(["office", "lunch"]).map(
        lambda name: (FactKind.CALENDAR_ASSIGNED, {"calendars": {"working": [name, 1]}})
    ),
)
agreeing: st.SearchStrategy[Move] = st.one_of(
    st.integers(1, 6000).map(
        lambda minutes: (
            FactKind.AGREED,
            {"due_at": START + timedelta(minutes=minutes), "wish_recorded": True},
        )
    ),
    st.just((FactKind.AGREEMENT_APPROVED, {})),
)
ending: st.SearchStrategy[Move] = st.sampled_from(
    [(FactKind.CLOSED, {}), (FactKind.CANCELLED, {}), (FactKind.MERGED, {"into": "T2"})]
)
minutes = st.one_of(st.integers(0, 300), st.integers(0, 6000), st.just(60), st.just(240))


def told(steps: list[tuple[int, Move]], policy: str = "toolkit", tier: str = "B") -> list[Fact]:
    opened = {
        "inputs": {"type": "technical", "complexity": "normal", "tier": tier},
        "policy": [policy, 1],
        "calendars": {"working": ["office", 1], "24x7": ["24x7", 1]},
    }
    facts = [Fact(1, FactKind.OPENED, START, opened)]
    for delay, (kind, data) in steps:
        instant = facts[-1].at + timedelta(minutes=delay)
        facts.append(Fact(len(facts) + 1, kind, instant, data))
    return facts


def histories(*moves: st.SearchStrategy[Move]) -> st.SearchStrategy[list[Fact]]:
    steps = st.lists(st.tuples(minutes, st.one_of(*moves)), max_size=14)
    return st.builds(told, steps, st.sampled_from(POLICIES), st.sampled_from("AB"))


any_history = histories(plain, waiting, changing, agreeing, ending)


@given(any_history, st.integers(-10, 20_000))
def test_an_instant_shows_what_the_facts_up_to_it_show(facts: list[Fact], minute: int) -> None:
    now = START + timedelta(minutes=minute)
    known = [fact for fact in facts if fact.at <= now]
    assert evaluate(facts, BOOK, now) == evaluate(known, BOOK, now)


@given(any_history, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_is_no_matter(facts: list[Fact], random: Any) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)
    assert evaluate(shuffled, BOOK) == evaluate(facts, BOOK)


@given(any_history, st.integers(0, 20_000))
def test_a_stored_row_reads_later_as_if_evaluated_then(facts: list[Fact], later: int) -> None:
    now = facts[-1].at + timedelta(minutes=later)
    stored, then = evaluate(facts, BOOK), evaluate(facts, BOOK, now)
    assert [row.state_at(now) for row in stored] == [row.state for row in then]
    assert [row.as_at(now).missed_at for row in stored] == [row.missed_at for row in then]
    assert [(row.due_at, row.levels) for row in stored] == [(r.due_at, r.levels) for r in then]


@given(any_history)
def test_what_has_ended_never_changes(facts: list[Fact]) -> None:
    for count in range(1, len(facts)):
        after = {row.key: row for row in evaluate(facts[: count + 1], BOOK)}
        for row in evaluate(facts[:count], BOOK):
            assert row.open or after[row.key] == row


@given(any_history)
def test_a_miss_latches(facts: list[Fact]) -> None:
    final = {row.key: row for row in evaluate(facts, BOOK)}
    for fact in facts[1:]:
        before = [other for other in facts if other.sequence < fact.sequence]
        for row in evaluate(before, BOOK, fact.at):
            if row.state is State.MISSED:
                assert final[row.key].state in (State.MISSED, State.LATE)
                assert final[row.key].due_at == row.due_at


@given(any_history)
def test_one_row_of_a_clock_is_open_at_most_and_keys_are_unique(facts: list[Fact]) -> None:
    rows = evaluate(facts, BOOK)
    still = [row.clock for row in rows if row.open]
    assert len(still) == len(set(still))
    assert len({row.key for row in rows}) == len(rows)


@given(histories(plain, waiting, changing, agreeing), ending)
def test_nothing_is_open_after_the_end(facts: list[Fact], last: Move) -> None:
    end = Fact(len(facts) + 1, last[0], facts[-1].at, last[1])
    assert not [row for row in evaluate([*facts, end], BOOK) if row.open]


@given(any_history)
def test_due_never_lies_before_the_change_that_moved_it(facts: list[Fact]) -> None:
    for row in evaluate(facts, BOOK):
        assert row.due_at >= row.started_at
        assert all(one.due_after >= one.at for one in row.retargets)
        if row.on_retarget and row.retargets:
            assert row.due_at == row.retargets[-1].at


@given(any_history)
def test_verdicts_follow_from_instants(facts: list[Fact]) -> None:
    for row in evaluate(facts, BOOK):
        if row.state is State.MET:
            assert row.answered_at is not None
            assert row.answered_at <= row.due_at
        if row.state is State.LATE:
            assert row.answered_at is not None
            assert row.answered_at > row.due_at
        if row.state in (State.SUPERSEDED, State.CANCELLED):
            assert row.ended_at is not None
            assert row.ended_at <= row.due_at
        assert (row.missed_at is None) == (row.late_seconds is None)


@given(any_history)
def test_levels_go_up_in_time_and_end_with_the_row(facts: list[Fact]) -> None:
    for row in evaluate(facts, BOOK):
        fires = [instant for _, instant in row.levels]
        assert fires == sorted(fires)
        assert all(row.ended_at is None or instant <= row.ended_at for instant in fires)
        assert row.state is not State.MET or all(instant < row.due_at for instant in fires)
        if row.open:
            assert dict(row.levels)[2] == row.due_at


@given(histories(plain, waiting, changing))
def test_due_is_where_the_target_is_used_up(facts: list[Fact]) -> None:
    for row in evaluate(facts, BOOK):
        summed = row.target is not None and row.target.summed
        if not summed or row.on_retarget or row.due_at > facts[-1].at + timedelta(days=30):
            continue
        assert used_micros(row.segments, row.due_at) // 1_000_000 == row.length_seconds


def course(facts: list[Fact], book: Any = BOOK) -> list[Deadline]:
    return [row for row in evaluate(facts, book) if row.clock == "resolve"]


@given(histories(changing, waiting))
def test_a_pause_never_makes_due_earlier(facts: list[Fact]) -> None:
    waits = (FactKind.WAITING, FactKind.RESUMED)
    through = [fact for fact in facts if fact.kind not in waits]
    unpaused = {row.key: row for row in evaluate(through, BOOK)}
    for row in evaluate(facts, BOOK):
        other = unpaused.get(row.key)
        assert other is None or row.due_at >= other.due_at


def _hours(count: int) -> Policy:
    return changed_toolkit(f"hours-{count}", resolve={"target": {"hours": count}})


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.lists(st.tuples(minutes, st.one_of(waiting, st.just((FactKind.REOPENED, {})))), max_size=8),
    st.booleans(),
)
def test_a_longer_target_is_never_due_earlier(
    one: int, other: int, steps: list[tuple[int, Move]], upgraded: bool
) -> None:
    shorter, longer = sorted((one, other))
    if upgraded:
        steps = [*steps, (30, (FactKind.TIER_CHANGED, {"tier": "A"}))]
    book = rulebook(_hours(shorter), _hours(longer))
    early, late = (course(told(steps, f"hours-{hours}"), book) for hours in (shorter, longer))
    assert all(a.due_at <= b.due_at for a, b in zip(early, late, strict=True))


@given(any_history)
def test_segments_of_a_row_follow_one_another(facts: list[Fact]) -> None:
    for row in evaluate(facts, BOOK):
        assert row.segments[0].start == row.started_at
        assert all(first.end == second.start for first, second in pairwise(row.segments))
        assert row.segments[-1].end is None
