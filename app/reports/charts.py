"""Where things stand in the page's drawings: bars with a goal, and a year of columns under a line. Pure geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.reports.figures import Figures

BAR_WIDTH = 240
WIDTH, HEIGHT, TOP, LEFT = 720, 226, 12, 40
# Two bands: above, the line of the kept rate from 50 % to 100 %; below, the columns.
LINE_HEIGHT, RATE_FLOOR = 92, 0.5
COLUMNS_HEIGHT, BASE = 74, 204


@dataclass(frozen=True, slots=True)
class Bar:
    """Shares of kept, late and missed as lengths that add up to the bar's width, and where the goal stands."""

    kept: float
    late: float
    missed: float
    goal: float
    width: int = BAR_WIDTH


@dataclass(frozen=True, slots=True)
class Column:
    """One month: its stacked lengths upwards from the base, and the point of its kept rate (None: nothing judged)."""

    name: str
    x: float
    width: float
    kept: float
    late: float
    missed: float
    point: float | None
    rate: float | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Trend:
    """A year of months; `line` are the points of the kept rate in pieces without a gap."""

    columns: tuple[Column, ...]
    pieces: tuple[str, ...]
    goal: float
    ticks: tuple[tuple[float, str], ...]
    most: int
    width: int = WIDTH
    height: int = HEIGHT
    base: int = BASE


def bar_of(figures: Figures, goal: float) -> Bar:
    """Return the bar of one group; empty where nothing was judged."""
    whole = figures.judged or 1
    kept, late, missed = (
        round(figures[name] / whole * BAR_WIDTH, 1) for name in ("kept", "late", "missed")
    )
    return Bar(kept, late, missed, round(goal * BAR_WIDTH, 1))


def height_of(rate: float) -> float:
    """Return how far down a rate stands in the trend."""
    shown = max(rate, RATE_FLOOR)
    return round(TOP + LINE_HEIGHT * (1 - (shown - RATE_FLOOR) / (1 - RATE_FLOOR)), 1)


def trend_of(months: Sequence[tuple[str, Figures]], goal: float) -> Trend:
    """Return the drawing of the months: columns of what was judged, scaled to the busiest, and the kept rate's line."""
    most = max((figures.judged for _, figures in months), default=0)
    step = (WIDTH - LEFT - 8) / max(len(months), 1)
    columns = []
    for place, (name, figures) in enumerate(months):
        kept, late, missed = (
            round(figures[one] / (most or 1) * COLUMNS_HEIGHT, 1)
            for one in ("kept", "late", "missed")
        )
        rate = figures.kept_rate
        point = None if rate is None else height_of(rate)
        x = round(LEFT + place * step + step * 0.18, 1)
        columns.append(
            Column(name, x, round(step * 0.64, 1), kept, late, missed, point, rate, figures)
        )
    ticks = tuple((height_of(share / 100), f"{share}%") for share in (50, 75, 100))
    return Trend(tuple(columns), _pieces(columns), height_of(goal), ticks, most)


def _pieces(columns: Sequence[Column]) -> tuple[str, ...]:
    pieces: list[list[str]] = [[]]
    for one in columns:
        if one.point is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{one.x + one.width / 2:.1f},{one.point}")
    return tuple(" ".join(points) for points in pieces if points)
