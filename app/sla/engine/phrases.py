"""The words in which a deadline is explained, in Chinese and English.

Only wording lives here; what is said is decided in `explain`. Time on a calendar is told in the words of
`calendars.phrases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.calendars import phrases as time
from app.calendars.phrases import TimePhrases
from app.calendars.target import Target
from app.sla.engine.deadline import Reference, State


@dataclass(frozen=True, slots=True)
class Phrases(TimePhrases):
    """One language; `forms` are format strings by name."""

    states: Mapping[State, str]

    def promise(
        self, title: str, rule: str, policy: Reference | None, target: Target | None
    ) -> str:
        """Say what was promised, by which rule and policy."""
        by = self.forms["policy"].format(*policy) if policy else self.forms["no_policy"]
        promised = self.forms["agreed"] if target is None else self.target(target)
        return self.forms["promise"].format(title=title, rule=rule, target=promised, by=by)

    def reopened(self, length: timedelta) -> str:
        """Say what a reopened cycle was given."""
        return self.forms["reopened"].format(length=self.duration(length))

    def pauses(self, count: int, credited: timedelta) -> str:
        """Say how often the clock stood still, and for how much of its calendar."""
        return self.forms["pauses"].format(count=count, credited=self.duration(credited))

    def retargets(self, count: int, on_retarget: bool) -> str:
        """Say how often target or calendar changed, and whether that alone made it due."""
        return self.forms["on_retarget" if on_retarget else "retargets"].format(count=count)

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


EN = Phrases(
    language="en",
    forms={
        **time.EN.forms,
        "promise": "{title} (SOP {rule}): {target} {by}",
        "policy": "by policy {0} version {1}",
        "no_policy": "without a policy",
        "agreed": "the agreed instant",
        "reopened": "reopened with {length} of the target",
        "pauses": "{count} pause(s) credited with {credited}",
        "retargets": "target or calendar changed {count} time(s)",
        "on_retarget": "the change of target made it due at once",
        "corrected": "corrected by a supervisor ({reason})",
        "skipped": "{count} further interval(s) passed in silence",
        "verdict": "{state}",
        "overdue": "{state} by {late} of working time, {elapsed} elapsed",
    },
    units=time.EN.units,
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
        **time.ZH.forms,
        "promise": "{title}（SOP {rule}）：{by}，时限 {target}",
        "policy": "按策略 {0} 第 {1} 版",
        "no_policy": "无适用策略",
        "agreed": "以约定时间为准",
        "reopened": "重新打开后时限为 {length}",
        "pauses": "暂停 {count} 次，扣除 {credited}",
        "retargets": "时限或日历变更 {count} 次",
        "on_retarget": "因时限变更而立即到期",
        "corrected": "主管已更正（{reason}）",
        "skipped": "其后另有 {count} 个周期无进展",
        "verdict": "状态：{state}",
        "overdue": "状态：{state}，超出工作时间 {late}，自然时间 {elapsed}",
    },
    units=time.ZH.units,
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
