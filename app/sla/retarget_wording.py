"""What is said of deadlines that a new policy or calendar made due: one text for each recipient.

Pure: the matters come as plain values, instants are told in the reader's zone. Titles are the register's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.notifications.wording import Text, Words, one_line
from app.sla.engine.register import row_of


@dataclass(frozen=True, slots=True)
class Retargeted:
    """A deadline whose level fired because its target changed."""

    label: str
    clock: str
    rule: str
    due_at: datetime


_ZH: Mapping[str, str] = {
    "title": "时限规则变更:{count} 条提醒,其中 {late} 条已立即到期",
    "policy": "策略 {name} 已应用于未结事项。",
    "calendar": "日历 {name} 已应用于未结事项。",
    "rules": "时限规则已重新应用于未结事项。",
    "intro": "按新规则,以下时限已到期或即将到期:",
    "line": "- {label}:{title}({rule}),到期 {due}",
    "more": "……另有 {count} 条",
}
_EN: Mapping[str, str] = {
    "title": "Change of rules: {count} reminders, {late} of them due at once",
    "policy": "Policy {name} now applies to open matters.",
    "calendar": "Calendar {name} now applies to open matters.",
    "rules": "The rules were applied anew to open matters.",
    "intro": "By the new rules these are due, or will be soon:",
    "line": "- {label}: {title} ({rule}), due {due}",
    "more": "... and {count} more",
}


def retargeted(
    items: Sequence[Retargeted],
    *,
    count: int,
    late_count: int,
    policy: str | None,
    calendar: str | None,
    zone: ZoneInfo,
) -> Words:
    """Return the text about `count` reminders, of which `items` are the first."""

    def say(forms: Mapping[str, str], *, english: bool) -> Text:
        reason = "policy" if policy else "calendar" if calendar else "rules"
        lines = [
            forms[reason].format(name=policy or calendar),
            forms["intro"],
            *(_line(forms["line"], one, zone, english=english) for one in items),
        ]
        if count > len(items):
            lines.append(forms["more"].format(count=count - len(items)))
        return Text(forms["title"].format(count=count, late=late_count), "\n".join(lines))

    return Words(zh=say(_ZH, english=False), en=say(_EN, english=True))


def _line(form: str, one: Retargeted, zone: ZoneInfo, *, english: bool) -> str:
    row = row_of(one.clock)
    title = one.clock if row is None else row.title_en if english else row.title_zh
    due = one.due_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return form.format(label=one_line(one.label), title=title, rule=one.rule, due=due)
