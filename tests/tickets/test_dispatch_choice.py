"""The choice among candidates: least loaded, longest idle, lowest id; fair over many choices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tickets.dispatch import Candidate, Choice, Considered, Standing, choose

pytestmark = pytest.mark.sop("TK-3")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def member(
    user_id: int, *, open_count: int = 0, idle_minutes: int | None = 60, present: bool = True
) -> Candidate:
    since = None if idle_minutes is None else NOON - timedelta(minutes=idle_minutes)
    return Candidate(user_id, present, open_count, since)


candidates = st.lists(
    st.builds(
        member,
        st.integers(1, 1000),
        open_count=st.integers(0, 5),
        idle_minutes=st.none() | st.integers(0, 5),
        present=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda candidate: candidate.user_id,
)


def winner_of(*members: Candidate) -> int | None:
    winner = choose(members).winner
    return None if winner is None else winner.user_id


def test_the_least_loaded_wins() -> None:
    assert winner_of(member(1, open_count=2), member(2, open_count=1), member(3, open_count=2)) == 2


def test_an_absent_member_never_wins_however_idle() -> None:
    assert winner_of(member(1, present=False, idle_minutes=None), member(2, open_count=9)) == 2


def test_among_equally_loaded_the_longest_idle_wins() -> None:
    assert winner_of(member(1, idle_minutes=5), member(2, idle_minutes=6)) == 2


def test_a_microsecond_more_of_idleness_decides() -> None:
    first = member(1)
    second = replace(first, user_id=2, idle_since=NOON - timedelta(hours=1, microseconds=1))
    assert winner_of(first, second) == 2


def test_who_was_never_given_a_ticket_is_the_longest_idle() -> None:
    assert winner_of(member(1, idle_minutes=10**6), member(2, idle_minutes=None)) == 2


def test_among_equally_idle_the_lowest_id_wins() -> None:
    assert winner_of(member(3), member(2), member(5)) == 2
    assert winner_of(member(3, idle_minutes=None), member(2, idle_minutes=None)) == 2


def test_load_weighs_more_than_idleness() -> None:
    assert winner_of(member(1, open_count=1, idle_minutes=None), member(2, idle_minutes=0)) == 2


@pytest.mark.parametrize("members", [[], [member(1, present=False)]])
def test_nobody_present_means_no_winner(members: list[Candidate]) -> None:
    assert choose(members).winner is None


def test_each_candidate_is_told_by_what_he_lost() -> None:
    won, loaded, idle = member(4), member(1, open_count=1), member(2, idle_minutes=59)
    later, absent = member(7), member(3, present=False)
    assert choose([absent, later, loaded, idle, won]) == Choice(
        winner=won,
        considered=(
            Considered(won, Standing.WON),
            Considered(later, Standing.LATER_ID),
            Considered(idle, Standing.LESS_IDLE),
            Considered(loaded, Standing.MORE_LOADED),
            Considered(absent, Standing.ABSENT),
        ),
    )


@given(candidates, st.randoms())
def test_the_order_of_the_candidates_does_not_matter(
    members: list[Candidate], random: Random
) -> None:
    shuffled = list(members)
    random.shuffle(shuffled)
    assert choose(shuffled) == choose(members)


@given(candidates)
def test_the_winner_is_present_and_nobody_present_has_less(members: list[Candidate]) -> None:
    choice = choose(members)
    present = [candidate for candidate in members if candidate.present]
    if choice.winner is None:
        assert not present
        return
    assert choice.winner in present
    assert choice.winner.open_count == min(candidate.open_count for candidate in present)


@given(candidates)
def test_every_candidate_is_considered_once(members: list[Candidate]) -> None:
    considered = [entry.candidate for entry in choose(members).considered]
    assert len(considered) == len(members)
    assert set(considered) == set(members)
    won = [entry for entry in choose(members).considered if entry.standing is Standing.WON]
    assert len(won) == (1 if any(candidate.present for candidate in members) else 0)


def dispatch(members: list[Candidate], count: int) -> dict[int, int]:
    """How many of `count` tickets, opened one after another, each member is given."""
    given_count = dict.fromkeys((candidate.user_id for candidate in members), 0)
    for minute in range(count):
        winner = choose(members).winner
        assert winner is not None
        given_count[winner.user_id] += 1
        served = replace(
            winner, open_count=winner.open_count + 1, idle_since=NOON + timedelta(minutes=minute)
        )
        members = [served if each.user_id == winner.user_id else each for each in members]
    return given_count


@given(st.lists(st.none() | st.integers(0, 500), min_size=1, max_size=12), st.integers(0, 5))
def test_fifty_choices_in_a_row_differ_by_at_most_one_a_member(
    idle: list[int | None], load: int
) -> None:
    members = [
        member(user_id, open_count=load, idle_minutes=minutes)
        for user_id, minutes in enumerate(idle)
    ]
    given_counts = dispatch(members, 50).values()
    assert sum(given_counts) == 50
    assert max(given_counts) - min(given_counts) <= 1


@given(st.lists(st.integers(0, 10), min_size=1, max_size=8))
def test_unequal_loads_are_evened_out_by_and_by(loads: list[int]) -> None:
    members = [member(user_id, open_count=load) for user_id, load in enumerate(loads)]
    given_counts = dispatch(members, 80)
    totals = [load + given_counts[user_id] for user_id, load in enumerate(loads)]
    assert max(totals) - min(totals) <= 1
