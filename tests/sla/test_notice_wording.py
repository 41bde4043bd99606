"""The words of notices: what, whose, since when, how late, what would satisfy it; just before, at and after due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.wording import TITLE_LENGTH_MAX, one_line
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.deadline import State
from app.sla.engine.ladder import Why
from app.sla.engine.register import REGISTER, row_of, unknown_row
from app.sla.notice_wording import DIGEST_LINES_MAX, Matter, Settled, escalated, settled_digest

SHANGHAI = ZoneInfo("Asia/Shanghai")
DUE = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def known(clock: str) -> ClockRow:
    row = row_of(clock)
    assert row is not None
    return row


MATTER = Matter(
    label="T000123 打印机故障",
    clock=known("accept"),
    rule="TK-2",
    level=2,
    owner="韩梅梅",
    started_at=DUE - timedelta(minutes=30),
    due_at=DUE,
    at=DUE + timedelta(minutes=40),
    why=Why.NEXT,
    working_seconds=2400,
)


def at(delta: timedelta, working_seconds: int | None = None) -> Matter:
    return replace(MATTER, at=DUE + delta, working_seconds=working_seconds)


def test_a_notice_says_what_whose_since_when_how_late_and_what_satisfies_it() -> None:
    words = escalated(MATTER, SHANGHAI)
    assert words.zh.title == "已超时 40 分钟:受理(TK-2)· T000123 打印机故障"
    assert words.zh.body == (
        "事项:T000123 打印机故障\n"
        "承诺:受理(SOP TK-2)\n"
        "负责人:韩梅梅\n"
        "起算:2026-03-02 09:00;到期:2026-03-02 09:30\n"
        "已超时:40 分钟(截至 2026-03-02 10:10)\n"
        "怎样才算了结:受理、解决或由创建人自己处理(转派不重新起算)\n"
        "通知您的原因:您是上级(第 2 级)"
    )
    assert words.en.title == "Overdue by 40 min: Acceptance (TK-2) · T000123 打印机故障"
    assert words.en.body == (
        "What: T000123 打印机故障\n"
        "Promise: Acceptance (SOP TK-2)\n"
        "Owner: 韩梅梅\n"
        "Since 2026-03-02 09:00; due 2026-03-02 09:30\n"
        "Overdue by 40 min (as of 2026-03-02 10:10)\n"
        "What satisfies it: accepted, resolved or opened for oneself; assignment does not restart it\n"
        "Why you: you are the next one up the line (level 2)"
    )


def test_local_times_are_the_readers() -> None:
    assert "due 2026-03-01 20:30" in escalated(MATTER, ZoneInfo("America/New_York")).en.body


@pytest.mark.parametrize(
    ("delta", "title"),
    [
        (-450 * SECOND, "Due soon, 7 min left"),
        (-60 * SECOND, "Due soon, 1 min left"),
        (-59 * SECOND, "Due soon, under a minute left"),
        (0 * SECOND, "Due just now"),
        (59 * SECOND, "Due just now"),
        (60 * SECOND, "Overdue by 1 min"),
        (61 * SECOND, "Overdue by 1 min"),
        (3600 * SECOND, "Overdue by 1 h"),
        (timedelta(hours=71, minutes=59), "Overdue by 71 h 59 min"),
        (timedelta(days=3), "Overdue by 3 d"),
        (timedelta(days=3, hours=5, minutes=59), "Overdue by 3 d 5 h"),
    ],
)
def test_how_late_is_told_around_due(delta: timedelta, title: str) -> None:
    assert escalated(at(delta), SHANGHAI).en.title.startswith(title + ":")


def test_working_time_leads_and_elapsed_time_stands_beside_it() -> None:
    text = escalated(at(timedelta(hours=64), 3600), SHANGHAI).en
    assert text.title.startswith("Overdue by 1 h:")
    assert "Overdue by 1 h of working time, 64 h elapsed" in text.body


def test_a_miss_without_a_minute_of_working_time_is_told_in_elapsed_time() -> None:
    text = escalated(at(timedelta(hours=15), 0), SHANGHAI).en
    assert text.title.startswith("Overdue by 15 h:")
    assert "Overdue by under a minute of working time, 15 h elapsed" in text.body


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (Why.OWNER, "you are the owner (level 2)"),
        (Why.HEAD, "you are the department's head (level 2)"),
        (Why.ON_CALL, "you are the person on call (level 2)"),
        (Why.DEDICATED, "you are the customer's dedicated manager (level 2)"),
        (Why.REMINDED, "nobody is left above you to be told, so you are reminded (level 2)"),
        (Why.ADMIN, "nobody else could be told, and you are an admin (level 2)"),
    ],
)
def test_every_reader_is_told_why_it_is_him(why: Why, said: str) -> None:
    assert escalated(replace(MATTER, why=why), SHANGHAI).en.body.endswith(f"Why you: {said}")


def test_nobody_owning_it_is_said_so() -> None:
    words = escalated(replace(MATTER, owner=None), SHANGHAI)
    assert "负责人:暂无" in words.zh.body
    assert "Owner: nobody yet" in words.en.body


def test_a_pause_is_told() -> None:
    words = escalated(replace(at(-450 * SECOND), paused=True), SHANGHAI)
    assert "正在等待客户,计时暂停" in words.zh.body


def test_what_ended_meanwhile_says_so_and_asks_for_nothing() -> None:
    words = escalated(replace(MATTER, ended=State.LATE), SHANGHAI)
    assert "Settled by now: answered late (2026-03-02 10:10)" in words.en.body
    assert "What satisfies it" not in words.en.body


@pytest.mark.parametrize("clock", [row.clock for row in REGISTER])
def test_every_clock_of_the_register_has_its_title_and_its_answer_in_both_languages(
    clock: str,
) -> None:
    words = escalated(replace(MATTER, clock=known(clock)), SHANGHAI)
    assert clock not in words.zh.title
    assert "怎样才算了结:" in words.zh.body
    assert "What satisfies it: " in words.en.body


def test_a_clock_that_a_deployment_brought_along_is_told_by_its_name() -> None:
    words = escalated(replace(MATTER, clock=unknown_row("greeting", "X-1"), rule="X-1"), SHANGHAI)
    assert words.zh.title == "已超时 40 分钟:greeting(X-1)· T000123 打印机故障"
    assert "怎样才算了结:完成" in words.zh.body


def settled(number: int) -> Settled:
    return Settled(f"T{number}", known("accept"), "TK-2", State.LATE, DUE)


def test_a_digest_lists_what_was_settled() -> None:
    words = settled_digest([settled(1), settled(2)], SHANGHAI)
    assert words.zh.title == "静默时段内已了结 2 项,无需处理"
    assert words.zh.body.splitlines()[1:] == [
        "- T1:受理(TK-2),超时完成,2026-03-02 09:30",
        "- T2:受理(TK-2),超时完成,2026-03-02 09:30",
    ]
    assert settled_digest([settled(1)], SHANGHAI).en.title == (
        "1 matter was settled during quiet hours; nothing to do"
    )


@pytest.mark.parametrize(("count", "last"), [(50, "- T49:"), (51, "... and 1 more")])
def test_a_long_digest_counts_what_it_leaves_out(count: int, last: str) -> None:
    lines = settled_digest([settled(n) for n in range(count)], SHANGHAI).en.body.splitlines()
    assert lines[-1].startswith(last)
    assert len(lines) == 1 + min(count, DIGEST_LINES_MAX) + (count > DIGEST_LINES_MAX)


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_label_and_no_name_makes_a_line_or_a_place_of_its_own(label: str, owner: str) -> None:
    words = escalated(replace(MATTER, label=label, owner=owner), SHANGHAI)
    for text in (words.zh, words.en):
        assert len(text.title.splitlines()) == 1
        assert len(text.title) <= TITLE_LENGTH_MAX
        assert len(text.body.splitlines()) == 7


@given(st.text(max_size=400))
def test_one_line_is_one_line_that_every_mail_takes(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.encode().decode() == line
    assert one_line(line) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("打印机\r\nBcc: a@b.cn", "打印机 Bcc: a@b.cn"),
        ("a\u2028b\x85c\x00d", "a b cd"),
        ("发票\u202etxt.exe", "发票txt.exe"),
        ("{label} {0}", "{label} {0}"),
        ("   ", ""),
        ("字" * 201, "字" * 199 + "…"),
        ("字" * 200, "字" * 200),
    ],
)
def test_a_text_of_others_becomes_one_harmless_line(text: str, line: str) -> None:
    assert one_line(text) == line
