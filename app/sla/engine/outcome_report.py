"""What a backtest tells: kept shares before and after, whole and by rule, team, tier and month.

Pure: from the counts of `outcomes` to the answer. `kept_share` is the kept among the kept, late and missed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from app.sla.engine.outcomes import KINDS, Figures, most_changed

GROUPS_MAX = 40
_ENDS = ("met", "late", "missed", "cancelled", "superseded", "open")
_BROKEN = frozenset({"late", "missed"})
_SIDES = ("before", "after")
Pairs = Counter[tuple[str, str]]


def report(figures: Figures, teams: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the answer; `teams` names each department by its key. Lists longer than the limit say what is left out."""
    groups: dict[str, dict[str, Pairs]] = {kind: defaultdict(Counter) for kind in KINDS}
    for (kind, key, before, after), count in figures.pairs.items():
        groups[kind][key][before, after] += count
    margins = _margins(figures)
    rules = [
        {
            "rule": key.partition(" ")[0],
            "clock": key.partition(" ")[2],
            **_cell(pairs, margins[key]),
        }
        for key, pairs in _largest(groups["rule"])
    ]
    listed_teams = [
        {"team": teams.get(key), **_cell(pairs)} for key, pairs in _largest(groups["team"])
    ]
    return {
        "subjects": figures.subject_count,
        "changed_subjects": figures.changed_count,
        "faults": figures.fault_count,
        "total": _cell(groups["all"][""]),
        "rules": sorted(rules, key=lambda one: (one["rule"], one["clock"])),
        "rules_omitted": len(groups["rule"]) - len(rules),
        "teams": listed_teams,
        "teams_omitted": len(groups["team"]) - len(listed_teams),
        "tiers": [
            {"tier": key or None, **_cell(pairs)}
            for key, pairs in sorted(groups["tier"].items(), key=lambda one: (not one[0], one[0]))
        ],
        "months": [
            {"month": key, **_cell(pairs)} for key, pairs in sorted(groups["month"].items())
        ],
        "most_changed": [
            {name: value for name, value in one.items() if name not in ("key", "weight")}
            for one in most_changed(figures.matters)
        ],
    }


def _largest(groups: Mapping[str, Pairs]) -> list[tuple[str, Pairs]]:
    ordered = sorted(groups.items(), key=lambda one: (-one[1].total(), one[0]))
    return ordered[:GROUPS_MAX]


def _cell(pairs: Pairs, margins: Mapping[str, Counter[int]] | None = None) -> dict[str, Any]:
    sides = {}
    for index, side in enumerate(_SIDES):
        ends = dict.fromkeys(_ENDS, 0)
        for pair, count in pairs.items():
            if pair[index]:
                ends[pair[index]] += count
        judged = ends["met"] + ends["late"] + ends["missed"]
        share = round(ends["met"] / judged, 4) if judged else None
        sides[side] = {**ends, "kept_share": share}
        if margins is not None:
            sides[side] |= {
                "margin_median_seconds": margin_of(margins[side], 50),
                "margin_p90_seconds": margin_of(margins[side], 90),
            }
    newly_kept = sum(n for (a, b), n in pairs.items() if a in _BROKEN and b == "met")
    newly_broken = sum(n for (a, b), n in pairs.items() if a not in _BROKEN and b in _BROKEN)
    return {**sides, "newly_kept": newly_kept, "newly_broken": newly_broken}


def _margins(figures: Figures) -> Mapping[str, Mapping[str, Counter[int]]]:
    found: dict[str, dict[str, Counter[int]]] = defaultdict(
        lambda: {side: Counter() for side in _SIDES}
    )
    for (rule, side, seconds), count in figures.margins.items():
        found[rule][side][int(seconds)] += count
    return found


def margin_of(margins: Mapping[int, int], percent: int) -> int | None:
    """Return the greatest margin that so many percent of the answers had at least; None without answers."""
    total, seen = sum(margins.values()), 0
    for seconds in sorted(margins, reverse=True):
        seen += margins[seconds]
        if seen * 100 >= total * percent:
            return seconds
    return None
