"""The words in which time on a calendar is told, in Chinese and English: targets, stretches, exceptions, lengths.

What is said about a whole promise is built upon them in `sla.engine.phrases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.calendars.target import Target, Unit


@dataclass(frozen=True, slots=True)
class TimePhrases:
    """One language; `forms` are format strings by name."""

    language: str
    forms: Mapping[str, str]
    units: Mapping[Unit, tuple[str, str]]

    def target(self, target: Target) -> str:
        """Say an amount with its unit."""
        one, many = self.units[target.unit]
        return f"{target.amount} {one if target.amount == 1 else many}"

    def start_and_due(self, start: datetime, due: datetime, calendar: tuple[str, int]) -> str:
        """Say from when to when, in local time, on which calendar."""
        return self.forms["start_and_due"].format(
            start=_minute(start), due=_minute(due), calendar=calendar[0], version=calendar[1]
        )

    def reckoned(self, target: Target, span: str) -> str:
        """Say how long a stretch is, and then the stretch (`start_and_due`)."""
        return self.forms["reckoned"].format(target=self.target(target), span=span)

    @property
    def around_the_clock(self) -> str:
        """Say that opening hours play no part."""
        return self.forms["around_the_clock"]

    def exceptions(self, names: Sequence[str]) -> str:
        """Say which holidays and make-up days lie between."""
        listed = self.forms["and"].join(dict.fromkeys(names))
        return self.forms["exceptions"].format(count=len(names), names=listed)

    @property
    def provisional(self) -> str:
        """Say that due reaches into a year whose holidays are not published."""
        return self.forms["provisional"]

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


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M" if at.second == 0 else "%Y-%m-%d %H:%M:%S")


EN = TimePhrases(
    language="en",
    forms={
        "start_and_due": "from {start} to {due} on calendar {calendar} version {version}",
        "reckoned": "{target} {span}",
        "around_the_clock": "elapsed hours run around the clock",
        "exceptions": "{count} dated exception(s) of the calendar between ({names})",
        "and": ", ",
        "provisional": "provisional, because the holidays of a year it reaches into are not loaded",
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
)

ZH = TimePhrases(
    language="zh",
    forms={
        "start_and_due": "自 {start} 起，至 {due} 到期（日历 {calendar} 第 {version} 版）",
        "reckoned": "{target}：{span}",
        "around_the_clock": "自然小时不分开放与休息",
        "exceptions": "期间有 {count} 个节假日或调休日（{names}）",
        "and": "、",
        "provisional": "暂定：到期年度的节假日安排尚未载入",
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
)
