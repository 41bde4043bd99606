"""Counting outcomes before and after: sums, shares, quantiles, and which matters change most."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operations.runner import RESULT_BYTES_MAX
from app.sla.engine.deadline import State
from app.sla.engine.outcome_report import GROUPS_MAX, margin_of, report
from app.sla.engine.outcomes import (
    MATTERS_MAX,
    Figures,
    Matter,
    Outcome,
    Promise,
    most_changed,
    rounded,
)

DUE = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
KEPT = Outcome("resolve", "TK-5", State.MET, DUE, 600)
LATE = Outcome("resolve", "TK-5", State.LATE, DUE, -300)
MISSED = Outcome("resolve", "TK-5", State.MISSED, DUE)
ENDS = [None, KEPT, LATE, MISSED, *(replace(MISSED, state=state) for state in State)]
OUTCOMES = st.sampled_from(ENDS)


def matter(key: int = 1, **values: object) -> Matter:
    given = Matter(key, "ticket", f"id-{key}", f"T{key:06d}", 5, "B", "2026-03")
    return replace(given, **values)  # type: ignore[arg-type]


def counted(*pairs: tuple[Outcome | None, Outcome | None], first: int = 1) -> Figures:
    """Return the count of matters with one promise each."""
    figures = Figures()
    for key, (before, after) in enumerate(pairs, first):
        promise: Promise = ("resolve", 1)
        one = {} if before is None else {promise: before}
        other = {} if after is None else {promise: after}
        figures.add(matter(key), one, other, {})
    return figures


def test_newly_broken_is_what_was_not_broken_before() -> None:
    told = report(
        counted((KEPT, LATE), (KEPT, MISSED), (None, LATE), (LATE, MISSED), (LATE, KEPT)), {}
    )["total"]
    assert (told["newly_kept"], told["newly_broken"]) == (1, 3)
    assert told["before"]["kept_share"] == 0.5
    assert told["after"]["kept_share"] == 0.2


def test_what_was_cancelled_is_neither_kept_nor_broken() -> None:
    cancelled = replace(MISSED, state=State.CANCELLED)
    told = report(counted((cancelled, cancelled), (KEPT, cancelled)), {})["total"]
    assert (told["before"]["cancelled"], told["after"]["cancelled"]) == (1, 2)
    assert (told["before"]["kept_share"], told["after"]["kept_share"]) == (1.0, None)
    assert (told["newly_kept"], told["newly_broken"]) == (0, 0)


def test_a_promise_is_charged_to_whom_it_was_charged_and_a_new_one_to_the_matter() -> None:
    figures = Figures()
    figures.add(
        matter(),
        {("resolve", 1): KEPT},
        {("resolve", 1): LATE, ("accept", 1): KEPT},
        {("resolve", 1): (9, "A")},
    )
    teams = {"5": {"id": "five", "name": "五"}, "9": {"id": "nine", "name": "九"}}
    told = report(figures, teams)
    assert {one["team"]["id"]: one["newly_broken"] for one in told["teams"]} == {
        "five": 0,
        "nine": 1,
    }
    assert [(one["tier"], one["newly_broken"]) for one in told["tiers"]] == [("A", 1), ("B", 0)]


def test_nobodys_team_and_tier_are_null_and_tiers_come_last_without_one() -> None:
    figures = counted((KEPT, KEPT))
    figures.add(matter(2, team=None, tier=None), {("resolve", 1): KEPT}, {}, {})
    told = report(figures, {})
    assert [one["tier"] for one in told["tiers"]] == ["B", None]
    assert [one["team"] for one in told["teams"]] == [None, None]


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES), max_size=12), st.integers(0, 12))
def test_pages_add_up_to_the_whole(
    pairs: list[tuple[Outcome | None, Outcome | None]], cut: int
) -> None:
    pairs = [pair for pair in pairs if pair != (None, None)]
    whole = report(counted(*pairs), {})
    parts = counted(*pairs[:cut])
    parts = Figures.of(orjson.loads(orjson.dumps(parts.plain)))
    parts.merge(counted(*pairs[cut:], first=1 + len(pairs[:cut])))
    assert report(parts, {}) == whole


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES), max_size=12))
def test_every_group_sums_to_the_total(
    pairs: list[tuple[Outcome | None, Outcome | None]],
) -> None:
    told = report(counted(*(pair for pair in pairs if pair != (None, None))), {})
    for group in ("rules", "teams", "tiers", "months"):
        for side in ("before", "after"):
            for end in ("met", "late", "missed", "cancelled", "superseded", "open"):
                total = sum(one[side][end] for one in told[group])
                assert total == told["total"][side][end], (group, side, end)


# --- margins


@given(st.integers(-(10**9), 10**9))
def test_a_margin_is_kept_to_within_one_percent(seconds: int) -> None:
    kept = rounded(seconds)
    assert abs(kept) <= abs(seconds)
    assert abs(seconds - kept) * 100 < max(abs(seconds), 1)
    assert rounded(kept) == kept


@pytest.mark.parametrize("seconds", [0, 1, -1, 255, 300, 900, -1800, 3600, 14_400])
def test_small_and_usual_margins_are_exact(seconds: int) -> None:
    assert rounded(seconds) == seconds


@pytest.mark.parametrize(
    ("margins", "percent", "margin"),
    [
        ({}, 50, None),
        ({10: 1}, 90, 10),
        ({30: 1, 20: 1, 10: 1}, 50, 20),
        ({40: 1, 30: 1, 20: 1, 10: 1}, 50, 30),
        ({60: 9, -60: 1}, 90, 60),
        ({60: 8, -60: 1, 0: 1}, 90, 0),
    ],
)
def test_so_many_percent_had_at_least_the_margin(
    margins: dict[int, int], percent: int, margin: int | None
) -> None:
    assert margin_of(margins, percent) == margin


def test_who_never_answered_has_no_margin() -> None:
    rule = report(counted((MISSED, MISSED)), {})["rules"][0]
    assert rule["before"]["margin_median_seconds"] is None


# --- what changes most


def test_verdicts_come_before_margins_and_the_older_before_the_younger() -> None:
    small, large = replace(KEPT, margin_seconds=500), replace(KEPT, margin_seconds=100_000)
    figures = counted((KEPT, small), (KEPT, large), (LATE, MISSED), (KEPT, LATE), (KEPT, large))
    told = report(figures, {})["most_changed"]
    assert [one["subject_id"] for one in told] == ["id-4", "id-2", "id-5", "id-1", "id-3"]
    assert [one["verdicts_changed"] for one in told] == [1, 0, 0, 0, 0]
    assert figures.changed_count == 5


def test_of_a_matter_the_promise_is_told_that_changes_most() -> None:
    figures = Figures()
    before = {("progress", cycle): KEPT for cycle in (1, 2, 3)}
    after = {("progress", 1): replace(KEPT, margin_seconds=700), ("progress", 2): LATE}
    figures.add(matter(), before, {**before, **after}, {})
    (told,) = report(figures, {})["most_changed"]
    assert (told["changed"], told["verdicts_changed"], told["after"]["state"]) == (2, 1, "late")


def test_an_equal_outcome_is_no_change() -> None:
    figures = counted((KEPT, replace(KEPT)), (None, KEPT))
    assert (figures.subject_count, figures.changed_count) == (2, 1)
    moved = replace(KEPT, due_at=DUE + timedelta(microseconds=1))
    assert counted((KEPT, moved)).changed_count == 1


def test_no_more_matters_are_kept_than_told() -> None:
    figures = counted(*[(KEPT, LATE)] * (2 * MATTERS_MAX))
    figures.merge(Figures())
    assert len(figures.matters) == MATTERS_MAX
    assert most_changed(figures.matters) == figures.matters
    assert figures.matters[0]["key"] == 1


def test_groups_beyond_the_limit_are_counted() -> None:
    figures = Figures()
    for team in range(GROUPS_MAX + 3):
        figures.add(matter(team + 1, team=team), {("resolve", 1): KEPT}, {}, {})
    told = report(figures, {})
    assert (len(told["teams"]), told["teams_omitted"]) == (GROUPS_MAX, 3)


def test_the_fullest_report_without_its_list_fits_an_operation() -> None:
    figures = Figures()
    for number in range(200):
        rule = f"XX-{number % 45}"
        outcome = replace(KEPT, clock=f"clock_of_some_length_{number % 45}", rule=rule)
        month = f"{2021 + number % 61 // 12}-{1 + number % 61 % 12:02}"
        one = matter(number, team=number, tier="ABCD"[number % 4], month=month)
        figures.add(one, {("x", 1): outcome}, {("x", 1): replace(LATE, clock=outcome.clock)}, {})
    teams = {str(n): {"id": "0" * 36, "name": "客" * 60} for n in range(200)}
    told = report(figures, teams)
    del told["most_changed"]
    assert len(orjson.dumps(told)) < RESULT_BYTES_MAX
