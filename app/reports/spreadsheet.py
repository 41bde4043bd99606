"""Reports as CSV that spreadsheets open as it is: UTF-8 with a mark, CRLF, and no text that could be a formula."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from app.reports import pauses
from app.reports.figures import STATES
from app.reports.pauses import Report
from app.reports.service import Scorecard, as_json

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads Chinese as something else
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
HEADINGS: Mapping[str, tuple[str, str]] = {
    "rule": ("条款", "Rule"), "clock": ("时钟", "Clock"), "title": ("承诺", "Promise"), "team": ("团队", "Team"),
    "owner": ("负责人", "Owner"), "tier": ("客户等级", "Tier"), "policy": ("策略", "Policy"), "month": ("月份", "Month"),
    "kept_rate": ("按时率", "Kept rate"), "judged": ("已判定", "Judged"), "kept": ("按时", "Kept"),
    "late": ("逾期完成", "Late"), "missed": ("逾期未完成", "Missed"), "running": ("进行中", "Running"),
    "paused": ("暂停", "Paused"), "superseded": ("已被替代", "Superseded"), "cancelled": ("已取消", "Cancelled"),
    "corrected": ("经更正", "Corrected"),
    "early_median_seconds": ("提前(工作秒,中位)", "Early, median working s"),
    "early_mean_elapsed_seconds": ("提前(自然秒,平均)", "Early, mean elapsed s"),
    "late_median_seconds": ("逾期(工作秒,中位)", "Late, median working s"),
    "late_p90_seconds": ("逾期(工作秒,P90)", "Late, p90 working s"),
    "late_mean_elapsed_seconds": ("逾期(自然秒,平均)", "Late, mean elapsed s"),
    **{
        f"adjusted_{state}": (f"关账后变动:{zh}", f"Since closed: {en}")
        for state, zh, en in (
            ("kept", "按时", "kept"), ("late", "逾期完成", "late"), ("missed", "逾期未完成", "missed"),
        )
    },
    "rows": ("明细", "Rows"),
}  # fmt: skip

PAUSE_HEADINGS: Mapping[str, tuple[str, str]] = {
    "team": ("团队", "Team"), "person": ("人员", "Person"), "month": ("月份", "Month"), "reason": ("原因", "Reason"),
    "other_reason_count": ("其他原因数", "Other reasons"), "wait_count": ("等待次数", "Waits"),
    "customer_count": ("客户回复结束", "Ended by the customer"), "resumed_count": ("主动恢复", "Resumed"),
    "limit_count": ("到上限恢复", "Ended at the limit"), "ended_count": ("随工单结束", "Ended with the work"),
    "running_count": ("等待中", "Running"), "approved_count": ("超预算(经批准)", "Beyond the budget, approved"),
    "paused_seconds": ("暂停(工作秒,合计)", "Paused, working s"), "mean_seconds": ("暂停(工作秒,平均)", "Mean, working s"),
    "longest_seconds": ("暂停(工作秒,最长)", "Longest, working s"), "rows": ("明细", "Rows"),
}  # fmt: skip


def scorecard_csv(card: Scorecard, language: str) -> str:
    """Return the groups as CSV with headings in the language; no groups asked for gives the total alone."""
    document = as_json(card)
    dimensions = [one.value for one in card.group_by]
    if {"rule", "clock"} & set(dimensions):
        dimensions.append("title")
    groups = document["groups"] if card.group_by else [document["total"]]
    rows = [_row(one, dimensions, language) for one in groups]
    figures = [
        name
        for name in HEADINGS
        if name not in ("rule", "clock", "title", "team", "owner", "tier", "policy", "month")
    ]
    columns = [*dimensions, *figures]
    return _written(columns, HEADINGS, rows, language)


def pauses_csv(report: Report, language: str) -> str:
    """Return the groups as CSV with headings in the language; no groups asked for gives the total alone."""
    document = pauses.as_json(report)
    groups = document["groups"] if report.group_by else [document["total"]]
    dimensions = [one.value for one in report.group_by]
    if "reason" in dimensions:
        dimensions.append("other_reason_count")
    columns = [name for name in PAUSE_HEADINGS if name in dimensions or name in document["total"]]
    rows = [{name: _name(one[name], language) for name in columns} for one in groups]
    return _written(columns, PAUSE_HEADINGS, rows, language)


def _written(
    columns: Sequence[str],
    headings: Mapping[str, tuple[str, str]],
    rows: Iterable[Mapping[str, Any]],
    language: str,
) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([headings[name][language.startswith("en")] for name in columns])
    writer.writerows([[_cell(row[name]) for name in columns] for row in rows])
    return BYTE_ORDER_MARK + out.getvalue()


def _row(group: Mapping[str, Any], dimensions: list[str], language: str) -> dict[str, Any]:
    early, late = group["early"] or {}, group["late_by"] or {}
    later = group["adjustments"] or {}
    shown = {name: _name(group[name], language) for name in dimensions}
    return {
        **shown,
        **{name: group[name] for name in ("kept_rate", "judged", "corrected", *STATES)},
        "early_median_seconds": early.get("median_seconds"),
        "early_mean_elapsed_seconds": early.get("mean_elapsed_seconds"),
        "late_median_seconds": late.get("median_seconds"),
        "late_p90_seconds": late.get("p90_seconds"),
        "late_mean_elapsed_seconds": late.get("mean_elapsed_seconds"),
        **{f"adjusted_{name}": later.get(name, 0) for name in ("kept", "late", "missed")},
        "rows": group["links"]["rows"],
    }


def _name(value: Any, language: str) -> Any:
    if isinstance(value, Mapping):
        return (
            value["name"] if "name" in value else value["en" if language.startswith("en") else "zh"]
        )
    return value


def _cell(value: Any) -> Any:
    """Return a value as a cell; a text that a spreadsheet would compute is made plain by a leading apostrophe."""
    if not isinstance(value, str):
        return value
    return (
        f"'{value}" if value.lstrip().startswith(_DANGEROUS) or value[:1] in _DANGEROUS else value
    )
