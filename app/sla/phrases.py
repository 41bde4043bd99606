"""The words in which a deadline is explained, in Chinese and English.

Only wording lives here; what is said is decided in `explain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.sla.deadline import Reference, State
from app.sla.target import Target, Unit


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language; `forms` are format strings by name."""

    language: str
    forms: Mapping[str, str]
    units: Mapping[Unit, tuple[str, str]]
    states: Mapping[State, str]

    def promise(
        self, title: str, rule: str, policy: Reference | None, target: Target | None
    ) -> str:
        """Say what was promised, by which rule and policy."""
        by = self.forms["policy"].format(*policy) if policy else self.forms["no_policy"]
        return self.forms["promise"].format(
            title=title, rule=rule, target=self._target(target), by=by
        )

    def start_and_due(self, start: datetime, due: datetime, calendar: Reference) -> str:
        """Say from when to when, in local time, on which calendar."""
        return self.forms["start_and_due"].format(
            start=_minute(start), due=_minute(due), calendar=calendar[0], version=calendar[1]
        )

    def reopened(self, length: timedelta) -> str:
        """Say what a reopened cycle was given."""
        return self.forms["reopened"].format(length=self.duration(length))

    def exceptions(self, names: Sequence[str]) -> str:
        """Say which holidays and make-up days lie between."""
        listed = self.forms["and"].join(dict.fromkeys(names))
        return self.forms["exceptions"].format(count=len(names), names=listed)

    def pauses(self, count: int, credited: timedelta) -> str:
        """Say how often the clock stood still, and for how much of its calendar."""
        return self.forms["pauses"].format(count=count, credited=self.duration(credited))

    def retargets(self, count: int, on_retarget: bool) -> str:
        """Say how often target or calendar changed, and whether that alone made it due."""
        return self.forms["on_retarget" if on_retarget else "retargets"].format(count=count)

    @property
    def provisional(self) -> str:
        """Say that due reaches into a year whose holidays are not published."""
        return self.forms["provisional"]

    def corrected(self, reason: str) -> str:
        """Say that a supervisor corrected the verdict, and why."""
        return self.forms["corrected"].format(reason=reason)

    def skipped(self, count: int) -> str:
        """Say how many further intervals passed in silence."""
        return self.forms["skipped"].format(count=count)

    def verdict(self, state: State, late: int | None, late_elapsed: int | None) -> str:
        """Say the state; a late or missed one with working and elapsed time."""
        name = self.states[state]
        if late is None or late_elapsed is None:
            return self.forms["verdict"].format(state=name)
        return self.forms["overdue"].format(
            state=name,
            late=self.duration(timedelta(seconds=late)),
            elapsed=self.duration(timedelta(seconds=late_elapsed)),
        )

    def joined(self, parts: Sequence[str]) -> str:
        """Return the parts as one sentence."""
        return self.forms["comma"].join(parts) + self.forms["stop"]

    def duration(self, length: timedelta) -> str:
        """Return a length in hours, minutes and seconds, the empty ones left out."""
        minutes, seconds = divmod(int(length.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        counted = ((hours, "hours"), (minutes, "minutes"), (seconds, "seconds"))
        said = [self.forms[name].format(number) for number, name in counted if number]
        return " ".join(said) if said else self.forms["seconds"].format(0)

    def _target(self, target: Target | None) -> str:
        if target is None:
            return self.forms["agreed"]
        one, many = self.units[target.unit]
        return f"{target.amount} {one if target.amount == 1 else many}"


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M" if at.second == 0 else "%Y-%m-%d %H:%M:%S")


EN = Phrases(
    language="en",
    forms={
        "promise": "{title} (SOP {rule}): {target} {by}",
        "policy": "by policy {0} version {1}",
        "no_policy": "without a policy",
        "agreed": "the agreed instant",
        "start_and_due": "from {start} to {due} on calendar {calendar} version {version}",
        "reopened": "reopened with {length} of the target",
        "exceptions": "{count} dated exception(s) of the calendar between ({names})",
        "and": ", ",
        "pauses": "{count} pause(s) credited with {credited}",
        "retargets": "target or calendar changed {count} time(s)",
        "on_retarget": "the change of target made it due at once",
        "provisional": "provisional, because the holidays of a year it reaches into are not loaded",
        "corrected": "corrected by a supervisor ({reason})",
        "skipped": "{count} further interval(s) passed in silence",
        "verdict": "{state}",
        "overdue": "{state} by {late} of working time, {elapsed} elapsed",
        "hours": "{0} h",
        "minutes": "{0} min",
        "seconds": "{0} s",
        "comma": "; ",
        "stop": ".",
    },
    units={
        Unit.MINUTES: ("minute", "minutes"),
        Unit.HOURS: ("hour", "hours"),
        Unit.ELAPSED_HOURS: ("elapsed hour", "elapsed hours"),
        Unit.DAYS: ("day", "days"),
        Unit.WORKING_DAYS: ("working day", "working days"),
        Unit.CALENDAR_DAYS: ("calendar day", "calendar days"),
        Unit.MONTHS: ("month", "months"),
    },
    states={
        State.RUNNING: "running",
        State.PAUSED: "paused, waiting for the customer",
        State.MET: "kept",
        State.MISSED: "missed",
        State.LATE: "answered late",
        State.SUPERSEDED: "superseded",
        State.CANCELLED: "cancelled without a verdict",
    },
)

ZH = Phrases(
    language="zh",
    forms={
        "promise": "{title}（SOP {rule}）：{by}，时限 {target}",
        "policy": "按策略 {0} 第 {1} 版",
        "no_policy": "无适用策略",
        "agreed": "以约定时间为准",
        "start_and_due": "自 {start} 起，至 {due} 到期（日历 {calendar} 第 {version} 版）",
        "reopened": "重新打开后时限为 {length}",
        "exceptions": "期间有 {count} 个节假日或调休日（{names}）",
        "and": "、",
        "pauses": "暂停 {count} 次，扣除 {credited}",
        "retargets": "时限或日历变更 {count} 次",
        "on_retarget": "因时限变更而立即到期",
        "provisional": "暂定：到期年度的节假日安排尚未载入",
        "corrected": "主管已更正（{reason}）",
        "skipped": "其后另有 {count} 个周期无进展",
        "verdict": "状态：{state}",
        "overdue": "状态：{state}，超出工作时间 {late}，自然时间 {elapsed}",
        "hours": "{0} 小时",
        "minutes": "{0} 分钟",
        "seconds": "{0} 秒",
        "comma": "；",
        "stop": "。",
    },
    units={
        Unit.MINUTES: ("分钟", "分钟"),
        Unit.HOURS: ("小时", "小时"),
        Unit.ELAPSED_HOURS: ("自然小时", "自然小时"),
        Unit.DAYS: ("天", "天"),
        Unit.WORKING_DAYS: ("个工作日", "个工作日"),
        Unit.CALENDAR_DAYS: ("个自然日", "个自然日"),
        Unit.MONTHS: ("个月", "个月"),
    },
    states={
        State.RUNNING: "进行中",
        State.PAUSED: "暂停，等待客户",
        State.MET: "按时完成",
        State.MISSED: "已超时未完成",
        State.LATE: "超时完成",
        State.SUPERSEDED: "已被取代",
        State.CANCELLED: "已取消，不计结果",
    },
)
