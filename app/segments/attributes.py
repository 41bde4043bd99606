"""What a segment's condition can be about: the customer's own attributes and his behaviour figures, with words.

Also how many customers there are to choose from: `SOURCE` has one row a customer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Numeric, case, cast, func, literal, select

from app.auth.models import Department, User
from app.columns import UtcDateTime
from app.customers.models import Customer
from app.customers.schemas import SourceChannel
from app.fields.queries import CustomHolds, CustomNumber, CustomText
from app.fields.service import FieldBook
from app.fields.typed_values import FieldType
from app.segments.condition import Kind, Term
from app.segments.models import CustomerFigures, FigureBands
from app.tiering.scoring import Tier
from app.time import FAR_END

_CUSTOMERS, _FIGURES, _BANDS = (
    Customer.__table__, CustomerFigures.__table__, FigureBands.__table__,
)  # fmt: skip
_customer, _figure = _CUSTOMERS.c, _FIGURES.c
SOURCE = _CUSTOMERS.outerjoin(_FIGURES, _figure.customer_id == _customer.id)
KEY = _customer.id
STANDS = _customer.merged_into_id.is_(None)

BANDS: Final[Mapping[str, Any]] = {
    "frequency_mid": 4,
    "frequency_high": 12,
    "amount_mid": "10000.00",
    "amount_high": "100000.00",
}
FREQUENCY_BANDS = frozenset({"none", "low", "mid", "high"})
AMOUNT_BANDS = frozenset({"none", "small", "mid", "large"})


Holds = Callable[[Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column, what it takes, its words; `refers_to` is the table whose public ids a reference takes.

    `holds` says whether a list holds the text of a parameter, where it is no column of its own. `is_masked`: only who sees personal values in clear may ask for it, since answers would give it away.
    """

    column: ColumnElement[Any]
    term: Term
    zh: str
    en: str
    refers_to: Any = None
    is_masked: bool = False
    holds: Holds | None = None


def _of(column: Any, kind: Kind, zh: str, en: str, **more: Any) -> Attribute:
    choices = more.pop("choices", None)
    term = Term(kind, None if choices is None else frozenset(str(one) for one in choices))
    return Attribute(column, term, zh, en, **more)


def _bound(name: str) -> ColumnElement[Any]:
    stored = select(_BANDS.c[name]).limit(1).scalar_subquery()
    return cast(func.coalesce(stored, literal(BANDS[name], _BANDS.c[name].type)), Numeric(18, 2))


_count = func.coalesce(_figure.purchase_count_365d, 0)
_amount = cast(func.coalesce(_figure.purchase_amount_365d, literal("0.00", _figure.purchase_amount_365d.type)), Numeric(18, 2))  # fmt: skip
FREQUENCY_BAND: ColumnElement[str] = case(
    (_count >= _bound("frequency_high"), "high"),
    (_count >= _bound("frequency_mid"), "mid"),
    (_count > 0, "low"),
    else_="none",
)
AMOUNT_BAND: ColumnElement[str] = case(
    (_amount >= _bound("amount_high"), "large"),
    (_amount >= _bound("amount_mid"), "mid"),
    (_amount > 0, "small"),
    else_="none",
)
_last_seen = func.coalesce(_figure.last_seen_at, literal(FAR_END, UtcDateTime()), type_=UtcDateTime())  # fmt: skip

ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    "name": _of(_customer.name, Kind.TEXT, "名称", "Name"),
    "number": _of(_customer.number, Kind.TEXT, "编号", "Number"),
    "industry": _of(_customer.industry, Kind.TEXT, "行业", "Industry"),
    "region": _of(_customer.region, Kind.TEXT, "地区", "Region"),
    "headcount": _of(_customer.headcount, Kind.NUMBER, "人数", "Headcount"),
    "revenue": _of(
        cast(_customer.revenue, Numeric(18, 2)), Kind.AMOUNT, "营业额", "Revenue", is_masked=True
    ),
    "source_channel": _of(
        _customer.source_channel, Kind.CODE, "来源渠道", "Source channel", choices=SourceChannel
    ),
    "status": _of(_customer.status, Kind.CODE, "阶段", "Stage"),
    "tier": _of(_customer.tier, Kind.CODE, "等级", "Tier", choices=Tier),
    "tags": _of(_customer.tags, Kind.TAGS, "标签", "Tags"),
    "trade_kind": _of(_customer.trade_kind, Kind.CODE, "客户性质", "Trade kind"),
    "purchasing_power": _of(_customer.purchasing_power, Kind.CODE, "购买力", "Purchasing power"),
    "need_keywords": _of(_customer.need_keywords, Kind.TAGS, "需求关键词", "Keywords of the need"),
    "owner_id": _of(_customer.owner_id, Kind.REFERENCE, "负责人", "Owner", refers_to=User),
    "account_manager_id": _of(
        _customer.account_manager_id, Kind.REFERENCE, "客户经理", "Account manager", refers_to=User
    ),
    "department_id": _of(
        _customer.department_id, Kind.REFERENCE, "部门", "Department", refers_to=Department
    ),
    "first_contact_at": _of(_customer.first_contact_at, Kind.INSTANT, "首次接触", "First contact"),
    "expected_cooperation_on": _of(
        _customer.expected_cooperation_on, Kind.DATE, "预计合作日期", "Expected cooperation"
    ),
    "cooperation_started_on": _of(
        _customer.cooperation_started_on, Kind.DATE, "合作开始日期", "Cooperation began"
    ),
    "contract_ends_on": _of(_customer.contract_ends_on, Kind.DATE, "合同到期日期", "Contract ends"),
    "created_at": _of(_customer.created_at, Kind.INSTANT, "建档时间", "File created"),
    "interaction_count": _of(
        func.coalesce(_figure.interaction_count, 0), Kind.NUMBER, "互动次数", "Interactions"
    ),
    "last_seen_at": _of(_last_seen, Kind.INSTANT, "最近互动", "Last seen"),
    "ticket_count": _of(func.coalesce(_figure.ticket_count, 0), Kind.NUMBER, "工单数", "Tickets"),
    "purchase_count_365d": _of(_count, Kind.NUMBER, "近一年购买次数", "Purchases in a year"),
    "purchase_amount_365d": _of(_amount, Kind.AMOUNT, "近一年购买金额", "Bought in a year"),
    "frequency_band": _of(
        FREQUENCY_BAND, Kind.CODE, "购买频率", "Purchase frequency", choices=FREQUENCY_BANDS
    ),
    "amount_band": _of(
        AMOUNT_BAND, Kind.CODE, "购买金额档", "Purchase amount", choices=AMOUNT_BANDS
    ),
}


CUSTOM = "custom."
_CUSTOM_KINDS: Final[Mapping[FieldType, Kind]] = {
    FieldType.TEXT: Kind.TEXT,
    FieldType.NUMBER: Kind.FIGURE,
    FieldType.DATE: Kind.DATE,
    FieldType.CHOICE: Kind.CODE,
    FieldType.MULTI_CHOICE: Kind.TAGS,
    FieldType.BOOLEAN: Kind.BOOLEAN,
}


def custom_attribute(
    key: str, kind: FieldType, title: Mapping[str, str], choices: frozenset[str] | None = None
) -> Attribute:
    """Return the attribute of a custom field, asked for as `custom.key`; dates and flags are kept as text."""
    values = _customer.custom
    make = CustomNumber if kind is FieldType.NUMBER else CustomText
    term = Term(_CUSTOM_KINDS[kind], choices)
    holds = partial(CustomHolds, values, key) if kind is FieldType.MULTI_CHOICE else None
    return Attribute(make(values, key), term, title["zh"], title["en"], holds=holds)


def attributes_of(book: FieldBook) -> dict[str, Attribute]:
    """Return every attribute that a new condition can be about: the file's own, and the custom fields in use."""
    custom = {
        f"{CUSTOM}{key}": custom_attribute(
            key,
            FieldType(field["type"]),
            field["title"],
            book.choices.get(field["choice_list"]) if field["choice_list"] else None,
        )
        for key, field in book.fields.items()
        if field["is_active"]
    }
    return {**ATTRIBUTES, **custom}
