"""What notices of deadlines say, in Chinese and English: what, whose, since when, how late, what would satisfy it.

Pure: the matter comes as a plain value, instants are told in the reader's zone. Titles are the register's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.notifications.wording import Text, Words, one_line
from app.sla.engine import phrases
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.deadline import State
from app.sla.engine.ladder import Why
from app.sla.texts import answered_by

DIGEST_LINES_MAX = 50
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Matter:
    """A deadline's level as it is told at `at`, or as it was when it ended at `at` (`ended` says how).

    `working_seconds` lie between due and `at` in the deadline's calendar, in either direction; None where that
    calendar is not known. `represents`: the reader stands in for whoever is absent.
    """

    label: str
    clock: ClockRow
    rule: str
    level: int
    owner: str | None
    started_at: datetime
    due_at: datetime
    at: datetime
    why: Why
    represents: bool = False
    paused: bool = False
    working_seconds: int | None = None
    ended: State | None = None

    @property
    def elapsed_seconds(self) -> int:
        """Whole seconds between due and `at`, in either direction."""
        return abs(int((self.at - self.due_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class Settled:
    """A deadline that ended before its notice could be delivered."""

    label: str
    clock: ClockRow
    rule: str
    state: State
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class _Language:
    forms: Mapping[str, str]
    roles: Mapping[Why, str]
    states: Mapping[State, str]

    def title(self, clock: ClockRow) -> str:
        title: str = getattr(clock, self.forms["register_title"])
        return title

    def length(self, seconds: int, *, in_days: bool) -> str:
        """Return a length to the minute; elapsed ones from three days on in days and hours."""
        if seconds < _MINUTE:
            return self.forms["moment"]
        if in_days and seconds >= 3 * _DAY:
            parts = ((seconds // _DAY, "days"), (seconds % _DAY // _HOUR, "hours"))
        else:
            parts = ((seconds // _HOUR, "hours"), (seconds % _HOUR // _MINUTE, "minutes"))
        return " ".join(self.forms[name].format(number) for number, name in parts if number)

    def lengths(self, matter: Matter) -> str:
        """Return the working and the elapsed length, or the one where they are equal or only one is known."""
        elapsed = self.length(matter.elapsed_seconds, in_days=True)
        if matter.working_seconds in (None, matter.elapsed_seconds):
            return elapsed
        working = self.length(matter.working_seconds or 0, in_days=False)
        return self.forms["lengths"].format(working=working, elapsed=elapsed)


_ZH = _Language(
    forms={
        "language": "zh",
        "register_title": "title_zh",
        "moment": "不到 1 分钟",
        "days": "{} 天",
        "hours": "{} 小时",
        "minutes": "{} 分钟",
        "lengths": "工作时间 {working},自然时间 {elapsed}",
        "title_late": "已超时 {length}:{title}({rule})· {label}",
        "title_due": "刚刚到期:{title}({rule})· {label}",
        "title_left": "即将到期,还剩 {length}:{title}({rule})· {label}",
        "what": "事项:{label}",
        "promise": "承诺:{title}(SOP {rule})",
        "whose": "负责人:{owner}",
        "nobody": "暂无",
        "since": "起算:{started};到期:{due}",
        "late": "已超时:{lengths}(截至 {at})",
        "due": "刚刚到期(截至 {at})",
        "left": "还剩:{lengths}(截至 {at})",
        "paused": "正在等待客户,计时暂停",
        "ended": "现已了结:{ended}({at})",
        "satisfied": "怎样才算了结:{satisfied}",
        "why": "通知您的原因:您是{role}(第 {level} 级)",
        "why_represents": "通知您的原因:您代理缺席的{role}(第 {level} 级)",
        "why_reminded": "通知您的原因:已无上一级可以通知,再次提醒您(第 {level} 级)",
        "why_admin": "通知您的原因:没有其他人可以通知,您是管理员(第 {level} 级)",
        "digest_title": "静默时段内已了结 {count} 项,无需处理",
        "digest_title_one": "静默时段内已了结 1 项,无需处理",
        "digest_intro": "以下事项在静默时段内升级,送达前均已了结:",
        "digest_line": "- {label}:{title}({rule}),{state},{ended}",
        "digest_more": "……另有 {count} 项",
    },
    roles={
        Why.OWNER: "负责人",
        Why.NEXT: "上级",
        Why.HEAD: "部门负责人",
        Why.ON_CALL: "值班人员",
        Why.DEDICATED: "客户的专属经理",
    },
    states=phrases.ZH.states,
)
_EN = _Language(
    forms={
        "language": "en",
        "register_title": "title_en",
        "moment": "under a minute",
        "days": "{} d",
        "hours": "{} h",
        "minutes": "{} min",
        "lengths": "{working} of working time, {elapsed} elapsed",
        "title_late": "Overdue by {length}: {title} ({rule}) · {label}",
        "title_due": "Due just now: {title} ({rule}) · {label}",
        "title_left": "Due soon, {length} left: {title} ({rule}) · {label}",
        "what": "What: {label}",
        "promise": "Promise: {title} (SOP {rule})",
        "whose": "Owner: {owner}",
        "nobody": "nobody yet",
        "since": "Since {started}; due {due}",
        "late": "Overdue by {lengths} (as of {at})",
        "due": "Due just now (as of {at})",
        "left": "Left: {lengths} (as of {at})",
        "paused": "Waiting for the customer; the clock stands still",
        "ended": "Settled by now: {ended} ({at})",
        "satisfied": "What satisfies it: {satisfied}",
        "why": "Why you: you are {role} (level {level})",
        "why_represents": "Why you: you stand in for {role}, who is absent (level {level})",
        "why_reminded": "Why you: nobody is left above you to be told, so you are reminded (level {level})",
        "why_admin": "Why you: nobody else could be told, and you are an admin (level {level})",
        "digest_title": "{count} matters were settled during quiet hours; nothing to do",
        "digest_title_one": "1 matter was settled during quiet hours; nothing to do",
        "digest_intro": "These escalated during quiet hours and were settled before you could be told:",
        "digest_line": "- {label}: {title} ({rule}), {state}, {ended}",
        "digest_more": "... and {count} more",
    },
    roles={
        Why.OWNER: "the owner",
        Why.NEXT: "the next one up the line",
        Why.HEAD: "the department's head",
        Why.ON_CALL: "the person on call",
        Why.DEDICATED: "the customer's dedicated manager",
    },
    states=phrases.EN.states,
)


def escalated(matter: Matter, zone: ZoneInfo) -> Words:
    """Return what a notice of a fired level says to a reader in `zone`."""
    return Words(zh=_escalated(_ZH, matter, zone), en=_escalated(_EN, matter, zone))


def settled_digest(items: Sequence[Settled], zone: ZoneInfo) -> Words:
    """Return what a digest of matters settled during quiet hours says; the list is cut after 50 lines."""
    return Words(zh=_digest(_ZH, items, zone), en=_digest(_EN, items, zone))


def _escalated(say: _Language, matter: Matter, zone: ZoneInfo) -> Text:
    forms = say.forms
    fields = {
        "label": one_line(matter.label),
        "title": say.title(matter.clock),
        "rule": matter.rule,
        "owner": one_line(matter.owner) if matter.owner else forms["nobody"],
        "started": _minute(matter.started_at, zone),
        "due": _minute(matter.due_at, zone),
        "at": _minute(matter.at, zone),
        "level": matter.level,
        "role": say.roles.get(matter.why, ""),
        "length": say.length(_told_seconds(matter), in_days=True),
        "lengths": say.lengths(matter),
        "ended": say.states[matter.ended] if matter.ended is not None else "",
        "satisfied": answered_by(matter.clock)[forms["language"]],
    }
    how = _how(matter)
    body = "\n".join(forms[name].format(**fields) for name in _lines(matter, how, fields))
    return Text(one_line(forms[f"title_{how}"].format(**fields)), body)


def _lines(matter: Matter, how: str, fields: Mapping[str, object]) -> list[str]:
    names = ["what", "promise", "whose", "since", how]
    if matter.ended is not None:
        names.append("ended")
    elif matter.paused:
        names.append("paused")
    if fields["satisfied"] and matter.ended is None:
        names.append("satisfied")
    return [*names, _why(matter)]


def _how(matter: Matter) -> str:
    if matter.at < matter.due_at:
        return "left"
    return "late" if matter.elapsed_seconds >= _MINUTE else "due"


def _told_seconds(matter: Matter) -> int:
    """Return the one length of the title: working time, unless there is none worth telling."""
    working = matter.working_seconds or 0
    return working if working >= _MINUTE else matter.elapsed_seconds


def _why(matter: Matter) -> str:
    if matter.why in (Why.REMINDED, Why.ADMIN):
        return f"why_{matter.why.value}"
    return "why_represents" if matter.represents else "why"


def _minute(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _digest(say: _Language, items: Sequence[Settled], zone: ZoneInfo) -> Text:
    forms = say.forms
    lines = [
        forms["digest_line"].format(
            label=one_line(item.label),
            title=say.title(item.clock),
            rule=item.rule,
            state=say.states[item.state],
            ended=_minute(item.ended_at, zone),
        )
        for item in items[:DIGEST_LINES_MAX]
    ]
    if len(items) > DIGEST_LINES_MAX:
        lines.append(forms["digest_more"].format(count=len(items) - DIGEST_LINES_MAX))
    title = forms["digest_title" if len(items) != 1 else "digest_title_one"]
    return Text(title.format(count=len(items)), "\n".join([forms["digest_intro"], *lines]))
