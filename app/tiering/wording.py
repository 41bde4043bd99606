"""A score in words, in both languages: what each measure and factor gave, and what follows."""

from decimal import Decimal
from typing import Any

from app.tiering.scoring import (
    AMOUNTS,
    CHOSEN,
    FALLING,
    Factor,
    FactorScore,
    Measure,
    Measured,
    Score,
    TierPolicy,
)

Texts = dict[str, str]
HIDDEN = "****"

FACTORS: dict[Factor, Texts] = {
    Factor.VALUE: {"zh": "价值", "en": "Value"},
    Factor.GROWTH: {"zh": "成长潜力", "en": "Growth potential"},
    Factor.URGENCY: {"zh": "紧迫程度", "en": "Urgency"},
}
MEASURES: dict[Measure, Texts] = {
    Measure.PURCHASE_AMOUNT_365D: {"zh": "近一年采购额", "en": "Purchases of a year"},
    Measure.LIFETIME_AMOUNT: {"zh": "累计采购额", "en": "Purchases in all"},
    Measure.REVENUE: {"zh": "年营业额", "en": "Yearly turnover"},
    Measure.HEADCOUNT: {"zh": "员工人数", "en": "Headcount"},
    Measure.PURCHASE_COUNT_365D: {"zh": "近一年采购次数", "en": "Number of purchases of a year"},
    Measure.DAYS_TO_COOPERATION: {"zh": "距预计合作天数", "en": "Days to the expected cooperation"},
    Measure.PURCHASING_POWER: {"zh": "购买力", "en": "Purchasing power"},
    Measure.COOPERATION_PRIORITY: {"zh": "合作优先级", "en": "Cooperation priority"},
    Measure.STATUS: {"zh": "阶段", "en": "Stage"},
}


def shown(one: Measured, *, reveals: bool) -> str | None:
    """Return a measure's value as text; amounts only for those who may read them."""
    if one.value is None:
        return None
    if one.measure in AMOUNTS and not reveals:
        return HIDDEN
    return f"{one.value:.2f}" if isinstance(one.value, Decimal) else str(one.value)


def measure_texts(one: Measured, policy: TierPolicy, *, reveals: bool) -> Texts:
    """Return what a measure gave, as one line each."""
    title, value = MEASURES[one.measure], shown(one, reveals=reveals)
    if value is None:
        return {"zh": f"{title['zh']}:未知,不计分", "en": f"{title['en']}: not known, no points"}
    unit = f" {policy.currency}" if one.measure in AMOUNTS and reveals else ""
    said = {name: f"{title[name]} {value}{unit}" for name in title}
    limit = _limit(one, reveals=reveals)
    return {
        "zh": f"{said['zh']}{limit['zh']}:{one.points} 分",
        "en": f"{said['en']}{limit['en']}: {one.points} points",
    }


def _limit(one: Measured, *, reveals: bool) -> Texts:
    if one.measure in CHOSEN or (one.measure in AMOUNTS and not reveals):
        return {"zh": "", "en": ""}
    if one.band is None:
        return {"zh": ",未达任何一档", "en": " reaches no band"}
    if one.measure in FALLING:
        return {"zh": f",不超过 {one.band.limit}", "en": f", at most {one.band.limit}"}
    return {"zh": f",达到 {one.band.limit} 档", "en": f" reaches {one.band.limit}"}


def factor_texts(one: FactorScore) -> Texts:
    """Return what a factor adds, as one line each."""
    title, added = FACTORS[one.factor], Decimal(one.hundredths).scaleb(-2)
    return {
        "zh": f"{title['zh']}:{one.points} 分 × {one.weight}% = {added}",
        "en": f"{title['en']}: {one.points} points × {one.weight} % = {added}",
    }


def score_texts(score: Score, policy: TierPolicy) -> Texts:
    """Return the sentence that says how the tier came about."""
    steps = "、".join(f"{tier} ≥ {least}" for tier, least in policy.thresholds)
    steps_en = ", ".join(f"{tier} from {least}" for tier, least in policy.thresholds)
    number = policy.number
    return {
        "zh": f"按分级规则第 {number} 版得 {score.value} 分,对应 {score.tier} 级({steps},其余 C)",
        "en": f"Version {number} of the tier policy gives {score.value} points, tier {score.tier} ({steps_en}, else C)",
    }


def explanation(score: Score, policy: TierPolicy, *, reveals: bool) -> dict[str, Any]:
    """Return a score in the contract's form: every factor with its points, measures and words."""
    return {
        "tier": score.tier.value,
        "score": str(score.value),
        "policy_version": policy.number,
        "thresholds": {tier.value: least for tier, least in policy.thresholds},
        "text": score_texts(score, policy),
        "factors": [
            {
                "factor": one.factor.value,
                "title": FACTORS[one.factor],
                "weight": one.weight,
                "points": one.points,
                "score": str(Decimal(one.hundredths).scaleb(-2)),
                "text": factor_texts(one),
                "measures": [
                    {
                        "measure": each.measure.value,
                        "title": MEASURES[each.measure],
                        "value": shown(each, reveals=reveals),
                        "points": each.points,
                        "text": measure_texts(each, policy, reveals=reveals),
                    }
                    for each in one.measured
                ],
            }
            for one in score.factors
        ],
    }
