"""What is said about a deadline: data first, one sentence beside it."""

from zoneinfo import ZoneInfo

import pytest

from app.sla.engine.explain import explain
from app.sla.engine.facts import FactKind
from app.sla.engine.terms import Rulebook
from tests.calendars.documents import HOLIDAYS
from tests.sla.histories import STANDARD, Ticket, at


@pytest.mark.sop("AN-4")
def test_the_sentence_says_policy_start_due_calendar_and_state() -> None:
    said = explain(Ticket().opened("03-02 09:00").row("resolve"))
    assert said.en == (
        "Solution (SOP TK-5): 4 hours by policy toolkit version 1; "
        "from 2026-03-02 09:00 to 2026-03-02 13:00 on calendar office version 1; running."
    )
    assert said.zh == (
        "解决（SOP TK-5）：按策略 toolkit 第 1 版，时限 4 小时；"
        "自 2026-03-02 09:00 起，至 2026-03-02 13:00 到期（日历 office 第 1 版）；状态：进行中。"
    )


def test_the_data_lists_the_intervals_counted_up_to_due() -> None:
    data = explain(Ticket().opened("03-02 11:00", calendar="lunch").row("resolve")).data
    assert data["intervals"] == [
        {"from": at("03-02 11:00"), "to": at("03-02 12:00"), "calendar": ["lunch", 1]},
        {"from": at("03-02 13:30"), "to": at("03-02 16:30"), "calendar": ["lunch", 1]},
    ]
    assert data["target"] == {"amount": 4, "unit": "hours"}
    assert data["levels"][1] == {"level": 2, "fire_at": at("03-02 16:30")}


def test_a_late_answer_is_told_in_working_and_elapsed_time() -> None:
    said = explain(Ticket().opened("03-06 17:30").accepted("03-07 18:00").row("accept"))
    assert said.en.endswith("answered late by 0 s of working time, 24 h elapsed.")
    assert said.zh.endswith("状态：超时完成，超出工作时间 0 秒，自然时间 24 小时。")


def test_pauses_before_due_are_credited_and_later_ones_only_listed() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").resumed("03-02 11:30")
    ticket.waits("03-02 15:00").resumed("03-02 16:00")
    said = explain(ticket.row("resolve"))
    assert [(one["credited_seconds"], one["after_due"]) for one in said.data["pauses"]] == [
        (5400, False),
        (0, True),
    ]
    assert "1 pause(s) credited with 1 h 30 min" in said.en


def test_a_pause_that_the_end_cut_short_is_credited_up_to_it() -> None:
    ticket = Ticket().opened("03-02 09:00").waits("03-02 10:00").resolved("03-02 10:30")
    (pause,) = explain(ticket.row("resolve")).data["pauses"]
    assert (pause["to"], pause["credited_seconds"]) == (at("03-02 10:30"), 1800)


def test_retargets_are_told_with_due_before_and_after() -> None:
    said = explain(Ticket().opened("03-06 17:50").tier("03-07 10:00", "A").row("resolve"))
    assert said.data["retargets"] == [
        {
            "at": at("03-07 10:00"),
            "due_before": at("03-09 12:50"),
            "due_after": at("03-07 13:50"),
            "calendar_before": ["office", 1],
            "calendar_after": ["24x7", 1],
        }
    ]
    assert "target or calendar changed 1 time(s)" in said.en


def test_what_a_change_made_due_at_once_says_so() -> None:
    ticket = Ticket().opened("03-06 10:00", complexity="complex").tier("03-08 12:00", "A")
    said = explain(ticket.row("resolve"))
    assert said.data["on_retarget"] is True
    assert "因时限变更而立即到期" in said.zh


def test_holidays_and_make_up_days_are_named_once() -> None:
    book = Rulebook(STANDARD.policies, {**STANDARD.calendars, ("office", 1): HOLIDAYS})
    said = explain(Ticket(book).opened("2025-12-31 17:00").row("resolve"))
    assert said.data["due_at"] == at("01-04 12:00")
    assert [one["name"] for one in said.data["exceptions"]] == [*["元旦"] * 3, "元旦调休"]
    assert "4 个节假日或调休日（元旦、元旦调休）" in said.zh


def test_a_reopened_cycle_says_what_it_was_given() -> None:
    ticket = Ticket().opened("03-02 09:00").resolved("03-02 12:30").reopened("03-03 09:00")
    assert "reopened with 1 h of the target" in explain(ticket.row("resolve", cycle=2)).en


def test_skipped_intervals_and_corrections_are_told() -> None:
    ticket = Ticket().opened("03-02 09:00", accepted=True).told("03-03 12:30")
    assert "2 further interval(s) passed in silence" in explain(ticket.row("progress")).en
    said = explain(ticket.corrected("03-03 14:00", "progress", "03-02 12:00").row("progress"))
    assert "corrected by a supervisor (the call is on tape)" in said.en
    assert said.data["adjustment"]["state_before"] == "late"


def test_a_provisional_due_says_why() -> None:
    ticket = Ticket().opened("12-30 09:00", calendar="loaded").resolved("12-30 10:00")
    assert "provisional" in explain(ticket.row("confirm")).en


def test_an_agreed_instant_without_policy_is_told_as_such_and_in_the_readers_zone() -> None:
    ticket = Ticket().opened("03-02 09:00", policy=None).agreed("03-02 10:00", "03-02 12:00")
    said = explain(ticket.row("agreed"), ZoneInfo("America/New_York"))
    assert said.en.startswith("Agreed instant (SOP TK-1): the agreed instant without a policy; ")
    assert "from 2026-03-01 21:00 to 2026-03-01 23:00" in said.en
    assert said.data["policy"] is None


def test_a_deployments_own_clock_is_named_by_its_key() -> None:
    ticket = Ticket()
    ticket.add(
        "03-02 09:00:30",
        FactKind.OPENED,
        clock="refund",
        rule="X-1",
        target={"minutes": 1},
        calendars={"working": ["office", 1]},
    )
    said = explain(ticket.row("refund"))
    assert said.en.startswith(
        "refund (SOP X-1): 1 minute without a policy; from 2026-03-02 09:00:30"
    )
    assert said.data["title_zh"] == "refund"
