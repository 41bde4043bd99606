"""Who turns to a need first (SOP CU-5): a sales consultant or technical support, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class NeedKind(StrEnum):
    """What the customer needs."""

    PRODUCT_PURCHASE = "product_purchase"
    TECHNICAL_CONSULTING = "technical_consulting"
    CUSTOM_SERVICE = "custom_service"


class FirstRole(StrEnum):
    """Who turns to a need first: a sales consultant, or technical support."""

    SALES = "sales"
    SUPPORT = "support"


class Reason(StrEnum):
    """Why that role."""

    PURCHASE_IS_SOLD = "purchase_is_sold"
    QUESTION_IS_TECHNICAL = "question_is_technical"
    TERMS_COME_FIRST = "terms_come_first"
    FEASIBILITY_DECIDES = "feasibility_decides"


REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.PURCHASE_IS_SOLD: (
        "产品采购由销售顾问首先对接",
        "A purchase is first a sales consultant's matter",
    ),
    Reason.QUESTION_IS_TECHNICAL: (
        "技术咨询由技术支持首先解答",
        "A technical question is first answered by technical support",
    ),
    Reason.TERMS_COME_FIRST: (
        "定制服务先由销售顾问确认范围和条件",
        "For a custom service a sales consultant first settles scope and terms",
    ),
    Reason.FEASIBILITY_DECIDES: (
        "复杂的定制服务先由技术支持判断可行性",
        "For a complex custom service technical support first says what is feasible",
    ),
}
_FITTING: Mapping[FirstRole, frozenset[str]] = {
    FirstRole.SALES: frozenset({"sales"}),
    FirstRole.SUPPORT: frozenset({"support", "service"}),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who knows the customer, with his role as a user."""

    key: int
    public_id: str
    role: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The role, why, and who of the candidates; None where none of them fits."""

    role: FirstRole
    reason: Reason
    candidate: Candidate | None


def suggest(kind: NeedKind, candidates: Sequence[Candidate], *, is_complex: bool) -> Suggestion:
    """Return who should turn to a need first; `candidates` in the order in which they are asked."""
    if kind is NeedKind.PRODUCT_PURCHASE:
        role, reason = FirstRole.SALES, Reason.PURCHASE_IS_SOLD
    elif kind is NeedKind.TECHNICAL_CONSULTING:
        role, reason = FirstRole.SUPPORT, Reason.QUESTION_IS_TECHNICAL
    elif is_complex:
        role, reason = FirstRole.SUPPORT, Reason.FEASIBILITY_DECIDES
    else:
        role, reason = FirstRole.SALES, Reason.TERMS_COME_FIRST
    found = next((one for one in candidates if one.role in _FITTING[role]), None)
    return Suggestion(role, reason, found)
