"""The choice lists that ship (SOP CU-8); deployments add to them, and may close or open them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app import writing
from app.database import Transaction
from app.fields import queries
from app.fields.models import ChoiceList

# code -> (zh, en, whether other texts are taken, ((code, zh, en), ...))
_LISTS: tuple[tuple[str, str, str, bool, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "trade_kind", "客户类型", "Kind of trade", False,
        (
            ("hospital", "医院", "Hospital"),
            ("pharmacy", "药店", "Pharmacy"),
            ("wholesaler", "批发商", "Wholesaler"),
            ("distributor", "经销商", "Distributor"),
            ("retailer", "零售商", "Retailer"),
            ("manufacturer", "生产企业", "Manufacturer"),
            ("institution", "机关与事业单位", "Public institution"),
            ("end_user", "终端用户", "End user"),
            ("other", "其他", "Other"),
        ),
    ),
    (
        "purchasing_power", "购买力", "Purchasing power", False,
        (("high", "高", "High"), ("middle", "中", "Middle"), ("low", "低", "Low")),
    ),
    ("industry", "行业", "Industry", True, ()),
    ("region", "地区", "Region", True, ()),
)  # fmt: skip

SHIPPED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        code: {
            "code": code,
            "title": {"zh": zh, "en": en},
            "is_open": is_open,
            "choices": [
                {"code": one, "title": {"zh": one_zh, "en": one_en}, "is_active": True}
                for one, one_zh, one_en in choices
            ],
        }
        for code, zh, en, is_open, choices in _LISTS
    }
)


async def ensure_choice_lists(tx: Transaction) -> None:
    """Store the shipped lists where they are missing."""
    rows = await tx.all(queries.LISTS_OF, codes=list(SHIPPED))
    known = {row["code"] for row in rows}
    for code, given in SHIPPED.items():
        if code not in known:
            await writing.insert(tx, ChoiceList, **given)
