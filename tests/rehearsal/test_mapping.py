"""What a mapping document may say, what a row becomes by it, and what the log can then be measured by."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app.rehearsal.events import Event, RowInvalid, events_of
from app.rehearsal.mapping import MappingInvalid, measurable_policy, parse_mapping
from app.rehearsal.replay import SHIPPED, load_mapping
from app.sla.engine.policy_document import parse_policy
from app.sla.shipped import PACK_NAMES, pack_document
from app.tickets.lifecycle import Move

EVENTS: Mapping[str, Any] = {
    "name": "small",
    "rows": "events",
    "columns": {"case": "case", "at": "at", "activity": "what", "by": "who"},
    "opens": ["new"],
    "activities": {"new": [], "take": ["accept", "assign"], "done": ["resolve"], "end": ["close"]},
    "ticket": {"tier": {"column": "rank", "values": {"gold": "A"}, "otherwise": "C"}},
}
CASES: Mapping[str, Any] = {
    "name": "city",
    "rows": "cases",
    "columns": {"case": "id", "at": "opened"},
    "timezone": "America/New_York",
    "stopped_by": ["closed"],
    "moves_at": {"closed": ["close"]},
    "agreed": "target",
    "verdict": {"column": "word", "kept": "ONTIME", "missed": "OVERDUE"},
}


def event(**cells: str) -> Event:
    row = {"case": "7", "at": "2024-03-01 10:00:00+02:00", "what": "take", "who": "Ann", "rank": ""}
    (found,) = events_of(parse_mapping(EVENTS), 5, row | cells)
    return found


def case(**cells: str) -> list[Event]:
    row = {"id": "7", "opened": "2024-03-01 10:00:00", "closed": "", "target": "", "word": ""}
    return events_of(parse_mapping(CASES), 5, row | cells)


def test_a_row_of_an_event_log_is_one_event_at_its_instant_in_utc() -> None:
    found = event()
    assert found.at == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert (found.line, found.case, found.activity, found.by) == (5, "7", "take", "Ann")
    assert found.moves == (Move.ACCEPT, Move.ASSIGN)


def test_two_spellings_of_one_instant_are_one_instant() -> None:
    assert event(at="2024-03-31 02:30:00+01:00").at == event(at="2024-03-31 04:30:00+03:00").at


def test_a_cell_is_translated_where_the_mapping_knows_it() -> None:
    assert event(rank="gold").ticket["tier"] == "A"
    assert event(rank="tin").ticket["tier"] == "C"


def test_nobody_in_the_column_is_nobody() -> None:
    assert event(who=" ").by is None


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"case": "  "}, "no case in case"),
        ({"case": "a\nb"}, "a character in case that cannot be printed"),
        ({"case": "x" * 101}, "a case of more than 100 characters"),
        ({"at": ""}, "no instant in at"),
        ({"at": "yesterday"}, "at is no instant: 'yesterday'"),
        ({"at": "2024-03-01"}, "at is no instant: '2024-03-01'"),
        ({"at": "2024-02-30 10:00:00+02:00"}, "at is no instant: '2024-02-30 10:00:00+02:00'"),
        ({"at": "2024-03-01 10:00:00"}, "at has no offset, and the mapping no timezone"),
        ({"at": "0001-01-01 00:00:00+05:00"}, "at lies outside 1900-2199"),
        ({"what": "dance"}, "unknown activity 'dance'"),
    ],
)
def test_a_bad_row_says_why(cells: Mapping[str, str], reason: str) -> None:
    with pytest.raises(RowInvalid) as refused:
        event(**cells)
    assert str(refused.value).startswith(reason)


def test_a_case_of_100_characters_is_taken() -> None:
    assert event(case="x" * 100).case == "x" * 100


def test_a_row_of_a_case_log_opens_and_ends_with_the_promise_and_the_verdict() -> None:
    opened, closed = case(
        closed="2024-03-04 09:00:00", target="2024-03-02 10:00:00", word="OVERDUE"
    )
    assert opened.agreed_at == datetime(2024, 3, 2, 15, tzinfo=UTC)
    assert opened.kept is False
    assert opened.moves == ()
    assert closed.at == datetime(2024, 3, 4, 14, tzinfo=UTC)
    assert closed.moves == (Move.CLOSE,)
    assert opened.order < closed.order


def test_a_case_without_target_verdict_or_end_just_opens() -> None:
    (opened,) = case()
    assert opened.agreed_at is None
    assert opened.kept is None


def test_a_case_closed_before_it_was_opened_is_a_bad_row() -> None:
    with pytest.raises(RowInvalid, match="closed lies before opened"):
        case(closed="2024-03-01 09:59:59")


def test_a_case_closed_as_it_was_opened_is_opened_first() -> None:
    opened, closed = sorted(case(closed="2024-03-01 10:00:00"), key=lambda event: event.order)
    assert (opened.moves, closed.moves) == ((), (Move.CLOSE,))


def test_of_a_local_time_that_exists_twice_the_first_is_meant() -> None:
    (opened,) = case(opened="2023-11-05 01:56:00")
    assert opened.at == datetime(2023, 11, 5, 5, 56, tzinfo=UTC)  # still summer time, UTC-4


def test_a_local_time_that_does_not_exist_lies_as_far_after_the_gap() -> None:
    (opened,) = case(opened="2024-03-10 02:30:00")
    assert opened.at == datetime(2024, 3, 10, 7, 30, tzinfo=UTC)  # 03:30 summer time


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "lines"}, "rows: either events or cases"),
        ({"colour": "red"}, "colour: unknown"),
        ({"agreed": "target"}, "agreed: unknown"),
        ({"columns": {"case": "case", "at": "at"}}, "columns.activity: a text is wanted"),
        ({"activities": {"take": ["dance"]}}, "take: 'dance' is none of"),
        ({"activities": {"take": "accept"}}, "take: a list is wanted"),
        ({"activities": {"take": ["message"]}}, "take: 'message' is none of"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not an IANA time zone"),
        ({"timezone": "../etc/passwd"}, "timezone: '../etc/passwd' is not an IANA time zone"),
        ({"stopped_by": ["accepted"]}, "stopped_by: one or more of closed, resolved"),
        ({"ticket": {"colour": "red"}}, "ticket.colour: unknown"),
        ({"ticket": {"tier": {"values": {}}}}, "ticket.tier.column: a text is wanted"),
        ({"calendar": 7}, "calendar: a mapping is wanted"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(
    change: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(MappingInvalid) as refused:
        parse_mapping({**EVENTS, **change})
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("document", [None, [], "rows", {7: "seven"}])
def test_what_is_no_mapping_is_refused(document: Any) -> None:
    with pytest.raises(MappingInvalid, match="the document: a mapping is wanted"):
        parse_mapping(document)


def test_every_column_that_a_mapping_names_must_be_there() -> None:
    assert parse_mapping(EVENTS).columns == {"case", "at", "what", "who", "rank"}
    assert parse_mapping(CASES).columns == {"id", "opened", "closed", "target", "word"}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("pack", PACK_NAMES)
def test_a_shipped_mapping_leaves_a_valid_policy_of_every_pack(name: str, pack: str) -> None:
    document, _ = measurable_policy(load_mapping(name), pack_document(pack))
    assert parse_policy(document).name == pack


@pytest.mark.sop("TK-2", "TK-4", "TK-5", "TK-6", "TK-7")
def test_what_the_log_cannot_answer_is_not_measurable() -> None:
    document, unmeasurable = measurable_policy(load_mapping("helpdesk"), pack_document("toolkit"))
    assert unmeasurable == ("plan", "progress", "next_reply", "confirm")
    assert set(document["clocks"]) == {"accept", "resolve"}
    assert document["waiting"]["pauses"] == ["resolve"]
    assert parse_policy(document).close_unconfirmed is None


def test_a_question_that_only_the_service_asks_answers_no_clock() -> None:
    given = {**EVENTS, "activities": {"hold": ["wait"]}}
    _, unmeasurable = measurable_policy(parse_mapping(given), pack_document("tiered-cases"))
    assert unmeasurable == ("first_answer", "resolve")


def test_a_pause_of_nothing_is_no_pause() -> None:
    given = {**EVENTS, "activities": {"take": ["accept"]}}
    document, _ = measurable_policy(parse_mapping(given), pack_document("toolkit"))
    assert set(document["clocks"]) == {"accept"}
    assert "waiting" not in document


@pytest.mark.sop("TK-1")
def test_the_mapping_says_what_stops_a_promise() -> None:
    document, unmeasurable = measurable_policy(load_mapping("boston311"), pack_document("none"))
    assert document["clocks"] == {"agreed": {"answered_by": ["closed"]}}
    assert unmeasurable == ()
    toolkit, _ = measurable_policy(load_mapping("boston311"), pack_document("toolkit"))
    assert toolkit["clocks"]["resolve"]["answered_by"] == ["closed"]


def test_the_packs_themselves_stay_as_they_are() -> None:
    before = repr(pack_document("toolkit"))
    measurable_policy(load_mapping("boston311"), pack_document("toolkit"))
    assert repr(pack_document("toolkit")) == before
