"""The score: monotone in everything, exact at every edge, and refused where it would be neither."""

import copy
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tiering.scoring import (
    CHOSEN,
    FALLING,
    HUNDREDTHS,
    Band,
    Factor,
    Measure,
    Scale,
    Tier,
    TierPolicy,
    faults_of,
    read_policy,
    score,
    tier_of,
)
from app.tiering.service import shipped_document

SHIPPED = read_policy(shipped_document(), 0)
Document = dict[str, Any]
RANK = {Tier.A: 2, Tier.B: 1, Tier.C: 0}


def known(**values: Any) -> dict[Measure, Any]:
    return {Measure(name): value for name, value in values.items()}


# --- what ships


@pytest.mark.sop("CU-9")
@pytest.mark.parametrize(
    ("given", "hundredths", "tier"),
    [
        ({}, 0, "C"),
        ({"revenue": Decimal("999999.99")}, 0, "C"),
        ({"revenue": Decimal(1_000_000)}, 500, "C"),
        ({"revenue": Decimal("86000000.00"), "headcount": 320}, 3700, "C"),
        ({"revenue": Decimal(100_000_000), "headcount": 500}, 5300, "B"),
        ({"revenue": Decimal(10**9), "headcount": 5000}, 8000, "A"),
        ({"revenue": Decimal(5), "purchase_amount_365d": Decimal(3_000_000), "status": "interested"}, 5600, "B"),
        ({"days_to_cooperation": 7}, 2000, "C"),
        ({"days_to_cooperation": 8, "cooperation_priority": "high"}, 2000, "C"),
        ({"days_to_cooperation": 181}, 0, "C"),
        ({"purchasing_power": "unheard_of"}, 0, "C"),
    ],
)  # fmt: skip
def test_shipped_weights_and_bands(given: dict[str, Any], hundredths: int, tier: str) -> None:
    found = score(SHIPPED, known(**given))
    assert (found.hundredths, found.tier) == (hundredths, tier)


@pytest.mark.sop("CU-9")
def test_a_threshold_is_reached_exactly_at_it_and_not_a_hundredth_before() -> None:
    for tier, least in SHIPPED.thresholds:
        assert tier_of(SHIPPED, least * HUNDREDTHS) is tier
        assert RANK[tier_of(SHIPPED, least * HUNDREDTHS - 1)] == RANK[tier] - 1


def test_an_amount_counts_in_its_currency_by_the_policys_rate_or_not_at_all() -> None:
    policy = read_policy({**shipped_document(), "rates": {"USD": "7.1"}}, 1)
    assert policy.amount(Decimal(10), "CNY") == 10
    assert policy.amount(Decimal(10), "USD") == 71
    assert policy.amount(Decimal(10), "EUR") is None
    assert policy.amount(None, "CNY") is None


# --- whatever is published

points = st.integers(0, 100)
limits = st.lists(st.integers(0, 1000), min_size=1, max_size=5, unique=True).map(sorted)
MEASURED = [one for one in Measure if one not in CHOSEN]


@st.composite
def scales(draw: st.DrawFn, measure: Measure) -> Document:
    edges = draw(limits)
    given = sorted(draw(st.lists(points, min_size=len(edges), max_size=len(edges))))
    falling = measure in FALLING
    limit, other = ("at_most", "at_least") if falling else ("at_least", "at_most")
    bands = [
        {limit: edge, other: None, "points": gives}
        for edge, gives in zip(edges, given[::-1] if falling else given, strict=True)
    ]
    return {"measure": measure.value, "bands": bands, "choices": {}}


@st.composite
def documents(draw: st.DrawFn) -> Document:
    first = draw(points)
    second = draw(st.integers(0, 100 - first))
    weights = dict(zip(Factor, (first, second, 100 - first - second), strict=True))
    factors = {}
    for factor in Factor:
        measures = draw(st.lists(st.sampled_from(MEASURED), max_size=3, unique=True))
        factors[factor.value] = {
            "weight": weights[factor],
            "measures": [draw(scales(measure)) for measure in measures],
        }
    least = draw(st.integers(1, 99))
    tiers = {"A": draw(st.integers(least + 1, 100)), "B": least}
    return {**shipped_document(), "factors": factors, "tiers": tiers}


policies = documents().map(lambda document: read_policy(document, 1))
figures = st.dictionaries(st.sampled_from(MEASURED), st.integers(0, 1100))


@given(documents())
def test_what_is_monotone_and_adds_up_is_taken(document: Document) -> None:
    assert faults_of(document) == []


@pytest.mark.sop("CU-9")
@given(policies, figures, st.sampled_from(MEASURED), st.integers(0, 200))
def test_a_better_figure_never_lowers_score_or_tier(
    policy: TierPolicy, given: Mapping[Measure, int], measure: Measure, step: int
) -> None:
    worse = {measure: 500, **given}
    better = {**worse, measure: worse[measure] + (-step if measure in FALLING else step)}
    low, high = score(policy, worse), score(policy, better)
    assert low.hundredths <= high.hundredths
    assert RANK[low.tier] <= RANK[high.tier]
    for one, other in zip(low.factors, high.factors, strict=True):
        assert one.points <= other.points


@given(policies, figures)
def test_knowing_more_never_lowers_a_score(
    policy: TierPolicy, given: Mapping[Measure, int]
) -> None:
    whole = score(policy, given).hundredths
    for measure in given:
        less = {name: value for name, value in given.items() if name != measure}
        assert score(policy, less).hundredths <= whole


@given(policies, figures)
def test_a_score_is_the_sum_of_its_factors_within_its_bounds(
    policy: TierPolicy, given: Mapping[Measure, int]
) -> None:
    found = score(policy, given)
    assert found.hundredths == sum(one.weight * one.points for one in found.factors)
    assert 0 <= found.hundredths <= 100 * HUNDREDTHS
    assert sum(one.weight for one in found.factors) == 100
    assert found.value * HUNDREDTHS == found.hundredths
    for one in found.factors:
        assert one.points == max((each.points or 0 for each in one.measured), default=0)


@given(policies, st.integers(0, 10_000))
def test_a_tier_is_the_best_whose_threshold_the_score_reaches(
    policy: TierPolicy, hundredths: int
) -> None:
    least = dict(policy.thresholds)
    expected = Tier.C
    if hundredths >= least[Tier.B] * 100:
        expected = Tier.B
    if hundredths >= least[Tier.A] * 100:
        expected = Tier.A
    assert tier_of(policy, hundredths) is expected


@given(limits)
def test_a_band_begins_exactly_at_its_limit(edges: list[int]) -> None:
    bands = [Band(edge, place + 1) for place, edge in enumerate(edges)]
    rising = Scale(Measure.HEADCOUNT, bands)
    falling = Scale(Measure.DAYS_TO_COOPERATION, [Band(e, 99 - n) for n, e in enumerate(edges)])
    for place, edge in enumerate(edges):
        assert rising.points(edge)[0] == place + 1
        assert rising.points(edge - 1)[0] <= place
        assert falling.points(edge)[0] == 99 - place
        assert falling.points(edge + 1)[0] < 99 - place


# --- what is refused


def change(place: str, value: Any) -> Callable[[Document], None]:
    def apply(document: Document) -> None:
        *path, last = place.split("/")
        inner: Any = document
        for part in path:
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]
        inner[last] = value

    return apply


BAND = {"at_least": 10, "at_most": None, "points": 5}


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (change("factors/value/weight", 49), [("/factors", "tier_weights")]),
        (change("factors/value/weight", 51), [("/factors", "tier_weights")]),
        (change("tiers/B", 70), [("/tiers/A", "tier_thresholds")]),
        (change("tiers/B", 71), [("/tiers/A", "tier_thresholds")]),
        (change("factors/growth/measures/0/bands", []), [("/factors/growth/measures/0", "tier_bands_wanted")]),
        (change("factors/growth/measures/0/choices", {"a": 1}), [("/factors/growth/measures/0", "tier_bands_wanted")]),
        (change("factors/growth/measures/1/bands", [BAND]), [("/factors/growth/measures/1", "tier_choices_wanted")]),
        (change("factors/growth/measures/1/choices", {}), [("/factors/growth/measures/1", "tier_choices_wanted")]),
        (change("factors/growth/measures/0/bands", [BAND, BAND]), [("/factors/growth/measures/0/bands", "tier_bands_order")]),
        (
            change("factors/growth/measures/0/bands", [BAND, {**BAND, "at_least": 11, "points": 4}]),
            [("/factors/growth/measures/0/bands", "tier_bands_order")],
        ),
        (change("factors/urgency/measures/0/bands", [BAND]), [("/factors/urgency/measures/0/bands", "tier_bands_limit")]),
        (
            change("factors/urgency/measures/0/bands", [
                {"at_least": None, "at_most": 7, "points": 5}, {"at_least": None, "at_most": 8, "points": 6},
            ]),
            [("/factors/urgency/measures/0/bands", "tier_bands_order")],
        ),
    ],
)  # fmt: skip
def test_what_would_not_be_monotone_or_not_add_up_is_refused(
    spoil: Callable[[Document], None], wrong: list[tuple[str, str]]
) -> None:
    document = copy.deepcopy(dict(shipped_document()))
    spoil(document)
    assert [(one.pointer, one.code) for one in faults_of(document)] == wrong
