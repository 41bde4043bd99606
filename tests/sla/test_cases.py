"""The case table through the pure engine: each case's facts evaluated at the instant it names.

Here lives the comparison of rows with what a case expects. Not here: the cases (`cases/*.yaml`), their
form (`case_files`), their facts (`case_facts`), and the runners through the API and `rebuild`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from app.calendars.document import parse_calendar
from app.calendars.working_time import compile_calendar
from app.interactions.vagueness import judge
from app.sla.engine.clock import evaluate
from app.sla.engine.deadline import Deadline
from app.sla.engine.policy_document import parse_policy
from app.sla.engine.terms import Rulebook
from app.sla.shipped import load_pack
from app.tickets.courtesy import is_courtesy
from tests.sla.case_facts import facts_of
from tests.sla.case_files import Case, ExpectedDeadline, load_calendars, load_cases, load_policies
from tests.sla.case_form import DEFAULT_TEXTS, MOVES, PACKS

CASES = [
    pytest.param(case, id=case.case_id, marks=pytest.mark.sop(*case.rules)) for case in load_cases()
]


@cache
def rulebook() -> Rulebook:
    """All packs, and all policies and calendars of the cases, each as version 1."""
    own = {name: parse_policy(document) for name, document in load_policies().items()}
    packs = {name: load_pack(name) for name in PACKS}
    return Rulebook(
        policies={(name, 1): policy for name, policy in {**packs, **own}.items()},
        calendars={
            (name, 1): compile_calendar(parse_calendar(document))
            for name, document in load_calendars().items()
        },
    )


def find_row(rows: Sequence[Deadline], expected: ExpectedDeadline) -> Deadline:
    """The row that the case means; the last cycle or revision where it says `last`."""
    found = [
        row
        for row in rows
        if row.clock == expected.clock
        and expected.cycle in {None, row.cycle}
        and expected.revision in {None, row.revision}
    ]
    keys = [(row.clock, row.cycle, row.revision) for row in rows]
    assert found, f"no row {expected.clock} {expected.cycle}/{expected.revision} among {keys}"
    return max(found, key=lambda row: (row.cycle, row.revision))


def told(row: Deadline, expected: ExpectedDeadline) -> dict[str, Any]:
    """What the row says of everything that the case names."""
    answer = {name: getattr(row, name) for name in expected.attributes}
    levels = dict(row.levels)
    answer["levels"] = {number: levels.get(number) for number in expected.levels}
    if expected.state is not None:
        answer["state"] = row.state.value
    if expected.corrected is not None:
        answer["corrected"] = None if row.adjustment is None else row.adjustment.claimed_at
    return answer


def wanted(expected: ExpectedDeadline) -> dict[str, Any]:
    """What the case says of the row, in the same form."""
    answer = {**expected.attributes, "levels": dict(expected.levels)}
    if expected.state is not None:
        answer["state"] = expected.state
    if expected.corrected is not None:
        answer["corrected"] = expected.corrected
    return answer


def check_rows(case: Case, rows: Sequence[Deadline]) -> None:
    """Which clocks have rows, and how many."""
    counts = {clock: sum(row.clock == clock for row in rows) for clock in case.expect.counts}
    assert counts == case.expect.counts
    clocks = {row.clock for row in rows}
    assert not clocks & set(case.expect.none)
    if case.expect.only:
        assert clocks == {expected.clock for expected in case.expect.deadlines}
        assert len(rows) == len(case.expect.deadlines)


@pytest.mark.parametrize("case", CASES)
def test_the_engine_answers_what_the_case_expects(case: Case) -> None:
    rows = evaluate(facts_of(case), rulebook(), now=case.expect.at)
    check_rows(case, rows)
    for expected in case.expect.deadlines:
        assert told(find_row(rows, expected), expected) == wanted(expected)


@pytest.mark.parametrize("case", CASES)
def test_a_row_stored_after_the_last_fact_reads_the_same_later(case: Case) -> None:
    stored = evaluate(facts_of(case), rulebook())
    check_rows(case, stored)
    for expected in case.expect.deadlines:
        row = find_row(stored, expected)
        assert expected.state in {None, row.state_at(case.expect.at).value}
        assert expected.attributes.get("due_at") in {None, row.due_at}
        levels = dict(row.levels)
        assert {number: levels.get(number) for number in expected.levels} == expected.levels


def test_the_judges_agree_with_what_the_cases_say_of_their_texts() -> None:
    told_apart = [
        (move.arguments["text"], flag)
        for case in load_cases()
        for move in case.history
        for flag in ("vague", "courtesy")
        if flag in move.arguments
        and move.arguments[flag]
        != {"vague": lambda text: judge(text).vague, "courtesy": is_courtesy}[flag](
            move.arguments["text"]
        )
    ]
    assert told_apart == []


def test_the_texts_of_moves_without_one_are_concrete() -> None:
    texts = [DEFAULT_TEXTS["staff"], MOVES["wait"]["question"], MOVES["resolve"]["text"]]
    assert [text for text in texts if judge(text).vague] == []
    assert not is_courtesy(DEFAULT_TEXTS["customer"])


def test_the_table_holds_enough_cases_with_catalogue_rules() -> None:
    assert len(load_cases()) >= 170
    assert {rule for case in load_cases() for rule in case.rules} >= {
        "TK-1",
        "TK-2",
        "TK-4",
        "TK-5",
        "TK-6",
        "TK-6b",
        "TK-7",
        "TK-9",
    }
