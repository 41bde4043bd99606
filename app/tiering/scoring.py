"""What a customer is worth as a score of 0 to 100, and the tier that follows (SOP CU-9).

Pure and exact: points and weights are whole numbers, a score is kept in hundredths. A policy is refused unless each
of its measures is monotone, so no better figure ever lowers a score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any

POINTS_MAX = 100
HUNDREDTHS = 100


class Factor(StrEnum):
    """What a score is made of."""

    VALUE = "value"
    GROWTH = "growth"
    URGENCY = "urgency"


class Measure(StrEnum):
    """What is known of a customer; each may be unknown."""

    PURCHASE_AMOUNT_365D = "purchase_amount_365d"
    LIFETIME_AMOUNT = "lifetime_amount"
    REVENUE = "revenue"
    HEADCOUNT = "headcount"
    PURCHASE_COUNT_365D = "purchase_count_365d"
    DAYS_TO_COOPERATION = "days_to_cooperation"
    PURCHASING_POWER = "purchasing_power"
    COOPERATION_PRIORITY = "cooperation_priority"
    STATUS = "status"


class Tier(StrEnum):
    """VIP, key, normal; the lowest is reached from nothing."""

    A = "A"
    B = "B"
    C = "C"


AMOUNTS = frozenset({Measure.PURCHASE_AMOUNT_365D, Measure.LIFETIME_AMOUNT, Measure.REVENUE})
FALLING = frozenset({Measure.DAYS_TO_COOPERATION})  # the fewer, the more points
CHOSEN = frozenset({Measure.PURCHASING_POWER, Measure.COOPERATION_PRIORITY, Measure.STATUS})


@dataclass(frozen=True, slots=True)
class Band:
    """From `limit` on (of a falling measure: up to it), inclusive, these points."""

    limit: int
    points: int


@dataclass(frozen=True, slots=True)
class Scale:
    """How a measure is turned into points: by bands in the order of their limits, or by what was chosen."""

    measure: Measure
    bands: Sequence[Band] = ()
    choices: Mapping[str, int] = field(default_factory=dict)

    def points(self, value: Any) -> tuple[int, Band | None]:
        """Return the points of a known value, and the band that gave them."""
        if self.measure in CHOSEN:
            return self.choices.get(value, 0), None
        falling = self.measure in FALLING
        fits = [
            one for one in self.bands if (value <= one.limit if falling else value >= one.limit)
        ]
        if not fits:
            return 0, None
        band = fits[0] if falling else fits[-1]
        return band.points, band


@dataclass(frozen=True, slots=True)
class TierPolicy:
    """One version of the rules: `thresholds` are scores from which a tier is reached, best first."""

    number: int
    currency: str
    rates: Mapping[str, Decimal]
    weights: Mapping[Factor, int]
    scales: Mapping[Factor, Sequence[Scale]]
    thresholds: Sequence[tuple[Tier, int]]

    def amount(self, value: Decimal | None, currency: str) -> Decimal | None:
        """Return an amount in the policy's currency, None where it is unknown or cannot be converted."""
        rate = Decimal(1) if currency == self.currency else self.rates.get(currency)
        return None if value is None or rate is None else value * rate


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measure gave; `points` is None where the value is not known."""

    measure: Measure
    value: Any
    points: int | None
    band: Band | None


@dataclass(frozen=True, slots=True)
class FactorScore:
    """What one factor gave: the points of its best known measure, and those times its weight in hundredths."""

    factor: Factor
    weight: int
    points: int
    measured: Sequence[Measured]

    @property
    def hundredths(self) -> int:
        """What the factor adds to the score."""
        return self.weight * self.points


@dataclass(frozen=True, slots=True)
class Score:
    """A score in hundredths (0 to 10,000), the tier that it reaches, and what it is made of."""

    tier: Tier
    hundredths: int
    factors: Sequence[FactorScore]

    @property
    def value(self) -> Decimal:
        """The score of 0 to 100, with two digits."""
        return Decimal(self.hundredths).scaleb(-2)

    @property
    def points(self) -> dict[str, int]:
        """Points by factor."""
        return {one.factor.value: one.points for one in self.factors}


def score(policy: TierPolicy, known: Mapping[Measure, Any]) -> Score:
    """Return the score of what is known; amounts are in the policy's currency, absent or None is unknown."""
    factors = [_factor(policy, factor, known) for factor in Factor]
    hundredths = sum(one.hundredths for one in factors)
    return Score(tier_of(policy, hundredths), hundredths, factors)


def tier_of(policy: TierPolicy, hundredths: int) -> Tier:
    """Return the tier of a score in hundredths; exactly at a threshold it is reached."""
    reached = (tier for tier, least in policy.thresholds if hundredths >= least * HUNDREDTHS)
    return next(reached, Tier.C)


def _factor(policy: TierPolicy, factor: Factor, known: Mapping[Measure, Any]) -> FactorScore:
    measured = []
    for scale in policy.scales[factor]:
        value = known.get(scale.measure)
        points, band = (None, None) if value is None else scale.points(value)
        measured.append(Measured(scale.measure, value, points, band))
    best = max((one.points or 0 for one in measured), default=0)
    return FactorScore(factor, policy.weights[factor], best, measured)


# --- documents


def read_policy(document: Mapping[str, Any], number: int) -> TierPolicy:
    """Return the policy of a document in the contract's form."""
    factors = {Factor(name): one for name, one in document["factors"].items()}
    return TierPolicy(
        number=number,
        currency=document["currency"],
        rates={code: Decimal(rate) for code, rate in document["rates"].items()},
        weights={factor: one["weight"] for factor, one in factors.items()},
        scales={
            factor: [_scale(scale) for scale in one["measures"]] for factor, one in factors.items()
        },
        thresholds=[(Tier.A, document["tiers"]["A"]), (Tier.B, document["tiers"]["B"])],
    )


def _scale(document: Mapping[str, Any]) -> Scale:
    measure = Measure(document["measure"])
    limit = "at_most" if measure in FALLING else "at_least"
    bands = [Band(one[limit], one["points"]) for one in document["bands"]]
    return Scale(measure, bands, document["choices"])


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a document: a JSON Pointer, a code, its values."""

    pointer: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def faults_of(document: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a document that has the contract's form."""
    faults = []
    weights = sum(one["weight"] for one in document["factors"].values())
    if weights != POINTS_MAX:
        faults.append(Fault("/factors", "tier_weights", {"sum": weights}))
    if document["tiers"]["A"] <= document["tiers"]["B"]:
        faults.append(Fault("/tiers/A", "tier_thresholds"))
    for name, factor in document["factors"].items():
        for place, scale in enumerate(factor["measures"]):
            faults += _scale_faults(scale, f"/factors/{name}/measures/{place}")
    return faults


def _scale_faults(scale: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    measure, bands = Measure(scale["measure"]), scale["bands"]
    if measure in CHOSEN:
        if bands or not scale["choices"]:
            yield Fault(pointer, "tier_choices_wanted")
        return
    falling = measure in FALLING
    wanted, other = ("at_most", "at_least") if falling else ("at_least", "at_most")
    if scale["choices"] or not bands:
        yield Fault(pointer, "tier_bands_wanted")
    elif any(one[wanted] is None or one[other] is not None for one in bands):
        yield Fault(f"{pointer}/bands", "tier_bands_limit", {"limit": wanted})
    elif any(not _rises(*pair, wanted, falling=falling) for pair in pairwise(bands)):
        yield Fault(f"{pointer}/bands", "tier_bands_order")


def _rises(
    before: Mapping[str, Any], after: Mapping[str, Any], limit: str, *, falling: bool
) -> bool:
    """Say whether limits rise from band to band, and points with them (of a falling measure: against them)."""
    worse, better = (after, before) if falling else (before, after)
    return bool(before[limit] < after[limit] and worse["points"] <= better["points"])
