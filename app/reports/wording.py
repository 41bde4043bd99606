"""The page's words in Chinese and English, and how shares and durations are said. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_ZH = {
    "language": "zh", "title": "服务承诺记分卡", "slogan": "事事有回应，件件有着落", "to": "至", "as_of": "数据截至",
    "zone": "时区", "rate": "按时率", "goal": "目标", "against": "较上期", "points": "个百分点", "no_comparison": "上期无可比数据",
    "judged": "已有结论", "judged_note": "按时、逾期完成与逾期未完成之和", "overdue": "逾期", "overdue_note": "逾期完成 {late} · 逾期未完成 {missed}",
    "open": "进行中", "open_note": "其中暂停 {paused} · 全部在办中 4 小时内到期 {soon}", "kept": "按时", "late": "逾期完成", "missed": "逾期未完成",
    "running": "进行中", "paused": "暂停", "superseded": "已被替代", "cancelled": "已取消", "met": "按时",
    "trend": "近十二个月", "trend_note": "柱：每月已有结论的承诺数；线：按时率", "month": "月份", "table": "数据表",
    "promises": "各项承诺", "promises_note": "竖线为目标 {goal}", "promise": "承诺", "early": "典型提前", "late_by": "典型逾期",
    "late_p90": "逾期 P90", "working": "工作时间", "teams": "团队", "teams_note": "按时率由低到高", "people": "负责人",
    "people_note": "按时率由低到高，最多 12 人；结论归到到期或完成当时的负责人", "team": "团队", "owner": "负责人", "nobody": "无人负责",
    "worst": "拖得最久", "worst_note": "本期到期、逾期最久的 10 项", "coming": "即将到期", "coming_note": "此刻在办、最先到期的 10 项",
    "matter": "事项", "due": "到期", "by": "逾期（自然时间）", "left": "剩余（自然时间）", "state": "状态", "explain": "说明",
    "nothing_late": "没有逾期的事项。", "nothing_coming": "没有在办的承诺。", "nothing": "本期没有任何承诺到期。",
    "adjusted": "关账后变动", "closed": "已关账月份", "closed_note": "数字已冻结，此后的更正只列在“关账后变动”中。",
    "notes": "口径", "note_rate": "按时率 = 按时 ÷（按时 + 逾期完成 + 逾期未完成）；进行中、暂停、已被替代和已取消的不计。",
    "note_month": "月份按到期时间的当地日期划分；次月第三个工作日结束时关账。",
    "note_margin": "典型值为中位数，按工作时间分档估算；经更正的不计入提前量。",
    "d": "天", "h": "小时", "m": "分", "s": "秒", "space": " ",
}  # fmt: skip
_EN = {
    "language": "en", "title": "Promise scorecard", "slogan": "Every matter answered, every case settled", "to": "to",
    "as_of": "As of", "zone": "Time zone", "rate": "Kept on time", "goal": "Goal", "against": "against the period before",
    "points": "points", "no_comparison": "nothing to compare with", "judged": "Judged",
    "judged_note": "kept, late and missed together", "overdue": "Not kept", "overdue_note": "late {late} · missed {missed}",
    "open": "Running", "open_note": "paused {paused} · of all open ones due within 4 h: {soon}", "kept": "Kept", "late": "Late", "missed": "Missed",
    "running": "Running", "paused": "Paused", "superseded": "Superseded", "cancelled": "Cancelled", "met": "Kept",
    "trend": "Twelve months", "trend_note": "Columns: promises judged a month; line: share kept on time", "month": "Month",
    "table": "As a table", "promises": "By promise", "promises_note": "The upright line is the goal of {goal}",
    "promise": "Promise", "early": "Typically early by", "late_by": "Typically late by", "late_p90": "Late, p90",
    "working": "working time", "teams": "Teams", "teams_note": "Lowest share first", "people": "People",
    "people_note": "Lowest share first, at most 12; charged to whoever had it when it was kept or came due",
    "team": "Team", "owner": "Owner", "nobody": "Nobody", "worst": "Longest delays",
    "worst_note": "The ten longest of those due in this period", "coming": "Due next",
    "coming_note": "The ten open promises that fall due first", "matter": "Matter", "due": "Due", "by": "Late by (elapsed)",
    "left": "Left (elapsed)", "state": "State", "explain": "Explain", "nothing_late": "Nothing is late.",
    "nothing_coming": "No promise is open.", "nothing": "No promise fell due in this period.",
    "adjusted": "Since closed", "closed": "Closed months",
    "closed_note": "Their figures are frozen; later corrections stand under “Since closed” alone.", "notes": "How it is counted",
    "note_rate": "Share kept = kept ÷ (kept + late + missed); running, paused, superseded and cancelled ones do not count.",
    "note_month": "A month is that of the due instant's local date; it closes at the end of the third working day after it.",
    "note_margin": "Typical is the median, read off classes of working time; corrected verdicts have no margin.",
    "d": "d", "h": "h", "m": "min", "s": "s", "space": " ",
}  # fmt: skip
PAGE: Mapping[str, Mapping[str, str]] = {"zh": _ZH, "en": _EN}


def percent(share: float | None) -> str:
    """Return a share in percent with one digit, a dash for none."""
    return "—" if share is None else f"{share * 100:.1f}%"


def duration(seconds: float, words: Mapping[str, str]) -> str:
    """Return a length of time in its two greatest units, such as `2 天 3 小时`."""
    left, parts = max(0, int(seconds)), []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {words[unit]}")
        if len(parts) == 2 or (parts and unit == "m"):
            break
    return " ".join(parts) or f"0 {words['s']}"
