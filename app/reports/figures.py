"""The scorecard's figures: what is counted, how it adds up, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Working seconds that part "just" from "well": 5, 15 and 30 minutes, 2, 4 and 24 hours. The targets of the SOP are
# among them, so that no class reaches beyond what can be left of one.
EDGES = (300, 900, 1800, 7200, 14_400, 86_400)
BUCKET_COUNT = len(EDGES) + 1
STATES = ("kept", "late", "missed", "running", "paused", "superseded", "cancelled")
COUNTS = (*STATES, "corrected")
SUMS = ("early_seconds", "early_elapsed_seconds", "late_seconds", "late_elapsed_seconds")
BUCKETS = tuple(f"{side}_{n}" for side in ("early", "late") for n in range(BUCKET_COUNT))
FIGURES = (*COUNTS, *SUMS, *BUCKETS)


@dataclass(frozen=True, slots=True)
class Margin:
    """How far from due: of how many, typically (median) and at the far end (p90), in working time; means in both.

    Median and p90 are read off buckets, evenly filled: good to the bucket.
    """

    count: int
    mean_seconds: int
    median_seconds: int
    p90_seconds: int
    mean_elapsed_seconds: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of `FIGURES`, by name."""

    values: Mapping[str, int]

    @classmethod
    def total(cls, rows: Iterable[Mapping[str, Any]]) -> Figures:
        """Return the sums over rows that have every figure."""
        sums = dict.fromkeys(FIGURES, 0)
        for row in rows:
            for name in FIGURES:
                sums[name] += int(row[name])
        return cls(sums)

    def __getitem__(self, name: str) -> int:
        """Return one figure."""
        return self.values[name]

    def __add__(self, other: Figures) -> Figures:
        """Return both together."""
        return Figures({name: self[name] + other[name] for name in FIGURES})

    def __getattr__(self, name: str) -> int:
        """Return one figure by its name."""
        try:
            return self.values[name]
        except KeyError as error:
            raise AttributeError(name) from error

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was counted at all."""
        return not any(self.values.values())

    @property
    def judged(self) -> int:
        """How many have a verdict that counts: kept, late or missed."""
        return self["kept"] + self["late"] + self["missed"]

    @property
    def kept_rate(self) -> float | None:
        """The share of the judged that was kept, 0 to 1; None where nothing was judged."""
        return round(self["kept"] / self.judged, 4) if self.judged else None

    def margin(self, side: str) -> Margin | None:
        """Return how `early` the kept or how `late` the late ones were; None where none was measured."""
        buckets = [self[f"{side}_{n}"] for n in range(BUCKET_COUNT)]
        count = sum(buckets)
        if count <= 0:
            return None
        return Margin(
            count,
            round(self[f"{side}_seconds"] / count),
            quantile(buckets, 0.5),
            quantile(buckets, 0.9),
            round(self[f"{side}_elapsed_seconds"] / count),
        )


def quantile(buckets: list[int], share: float) -> int:
    """Return where `share` of the counted lie below, evenly spread within a bucket; the last one ends at twice its edge."""
    edges = (0, *EDGES, 2 * EDGES[-1])
    wanted, below = share * sum(buckets), 0
    for n, count in enumerate(buckets):
        if count and below + count >= wanted:
            return round(edges[n] + (edges[n + 1] - edges[n]) * (wanted - below) / count)
        below += count
    return edges[-1]
