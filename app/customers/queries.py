"""What is asked of the customer file: lists, one file, one contact, and the rows that services change.

Personal columns leave masked unless the parameter `reveal` is true. Every staff role reads every customer (SOP
CU-13), so no row scope stands here; who may write is the service's question.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean

from app.auth.models import Department, User
from app.columns import Base
from app.customers.history_queries import needs_manager
from app.customers.masks import MASKS
from app.customers.merged_ids import key_of_customer
from app.customers.models import AccountTeamMember, Consent, Contact, ContactPoint, Customer
from app.reading import Listing, masked, one_statement
from app.sla.models import DeadlineRow
from app.statements import DomainNow, Statement, any_of, json_list
from app.time import FAR_END

Fields = tuple[tuple[str, ColumnElement[Any]], ...]

_CUSTOMERS, _CONTACTS, _TEAM = Customer.__table__, Contact.__table__, AccountTeamMember.__table__
_POINTS, _CONSENTS = ContactPoint.__table__, Consent.__table__
_consent = _CONSENTS.c
_DEPARTMENTS, _USERS = Department.__table__, User.__table__
_OWNERS, _MANAGERS = _USERS.alias("owner"), _USERS.alias("account_manager")
_CREATORS, _MEMBERS = _USERS.alias("creator"), _USERS.alias("member")
_WINNERS = _CUSTOMERS.alias("winner")
_customer, _contact, _team, _point = _CUSTOMERS.c, _CONTACTS.c, _TEAM.c, _POINTS.c
_refresh = DeadlineRow.__table__.alias("refresh")
# Spelled as the partial index is, so that it serves on both engines.
_AWAITED = and_(
    _refresh.c.customer_id == _customer.id,
    _refresh.c.clock == literal_column("'refresh'"),
    _refresh.c.ended_at == FAR_END,
)
_STALE = exists().where(_AWAITED, _refresh.c.due_at < DomainNow())


class HasTag(FunctionElement[bool]):
    """Whether a JSON list of texts holds a text, exactly."""

    type = Boolean()
    inherit_cache = True
    name = "has_tag"


@compiles(HasTag, "postgresql")
def _postgresql_has_tag(element: HasTag, compiler: SQLCompiler, **kw: Any) -> str:
    tags, tag = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_array_elements_text({tags}) AS t(tag) WHERE t.tag = {tag})"


@compiles(HasTag, "sqlite")
def _sqlite_has_tag(element: HasTag, compiler: SQLCompiler, **kw: Any) -> str:
    tags, tag = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({tags}) AS t WHERE t.value = {tag})"


# --- customers shown

_WITH_PEOPLE = (
    _CUSTOMERS.outerjoin(_OWNERS, _OWNERS.c.id == _customer.owner_id)
    .outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _customer.department_id)
    .outerjoin(_MANAGERS, _MANAGERS.c.id == _customer.account_manager_id)
)

# SOP CU-10: an account manager who has left is none.
_NEEDS_MANAGER = needs_manager(_MANAGERS.c.is_active)

_SUMMARY: Fields = (
    ("id", _customer.public_id),
    ("number", _customer.number),
    ("name", _customer.name),
    ("short_name", _customer.short_name),
    ("industry", _customer.industry),
    ("region", _customer.region),
    ("trade_kind", _customer.trade_kind),
    ("source_channel", _customer.source_channel),
    ("status", _customer.status),
    ("tier", _customer.tier),
    ("owner_id", _OWNERS.c.public_id),
    ("department_id", _DEPARTMENTS.c.public_id),
    ("account_manager_id", _MANAGERS.c.public_id),
    ("needs_account_manager", _NEEDS_MANAGER),
    ("tags", _customer.tags),
    ("version", _customer.version),
    ("created_at", _customer.created_at),
    ("updated_at", _customer.updated_at),
)

_TEAM_SHOWN = json_list(
    select()
    .select_from(_TEAM.join(_MEMBERS, _MEMBERS.c.id == _team.user_id))
    .where(_team.customer_id == _customer.id)
    .order_by(_team.id),
    (("user_id", _MEMBERS.c.public_id), ("role", _team.role)),
    _CUSTOMERS,
)

# Of an amount no digit is shown: its first ones would tell its size.
_REVENUE = masked(cast(_customer.revenue, Text), head=0, tail=0)

ONE = one_statement(
    _WITH_PEOPLE.outerjoin(_CREATORS, _CREATORS.c.id == _customer.created_by).outerjoin(
        _refresh, _AWAITED
    ),
    (
        *_SUMMARY,
        ("credit_code", _customer.credit_code),
        ("website", _customer.website),
        ("address", _customer.address),
        ("purchasing_power", _customer.purchasing_power),
        ("headcount", _customer.headcount),
        ("revenue", _REVENUE),
        ("revenue_currency", _customer.revenue_currency),
        ("main_business", _customer.main_business),
        ("purchasing_habits", _customer.purchasing_habits),
        ("need_keywords", _customer.need_keywords),
        ("pain_points", _customer.pain_points),
        ("goals", _customer.goals),
        ("first_contact_at", _customer.first_contact_at),
        ("expected_cooperation_on", _customer.expected_cooperation_on),
        ("cooperation_started_on", _customer.cooperation_started_on),
        ("contract_ends_on", _customer.contract_ends_on),
        ("tier_reason", _customer.tier_reason),
        ("tier_is_overridden", _customer.tier_is_overridden),
        ("tier_override_ends_at", _customer.tier_override_ends_at),
        ("remarks", _customer.remarks),
        ("custom", _customer.custom),
        ("account_team", _TEAM_SHOWN),
        ("fresh_until", _refresh.c.due_at),
        ("is_stale", func.coalesce(_refresh.c.due_at < DomainNow(), false())),
        ("created_by", _CREATORS.c.public_id),
    ),
    _customer.id == key_of_customer("public_id"),
    version=_customer.version,
)


def _key_of(table: Any, name: str) -> ColumnElement[int]:
    """Return the key that a public id stands for, looked up once, so that the customers' own index serves."""
    return select(table.c.id).where(table.c.public_id == bindparam(name)).scalar_subquery()


LISTING = Listing(
    name="customers",
    source=_WITH_PEOPLE,
    fields=_SUMMARY,
    key=_customer.id,
    sorts={
        "created_at": _customer.created_at,
        "name": _customer.name_key,
        "number": _customer.number,
    },
    always=(_customer.merged_into_id.is_(None),),
    filters={
        "stale": _STALE,
        "fresh": ~_STALE,
        "status": any_of(_customer.status, "status"),
        "tier": any_of(_customer.tier, "tier"),
        "needs_account_manager": _NEEDS_MANAGER,
        "has_account_manager": ~_NEEDS_MANAGER,
        "source_channel": any_of(_customer.source_channel, "source_channel"),
        "owner_id": _customer.owner_id == _key_of(_USERS, "owner_id"),
        "department_id": _customer.department_id
        == _key_of(_DEPARTMENTS.alias("asked"), "department_id"),
        "industry": _customer.industry == bindparam("industry"),
        "region": _customer.region == bindparam("region"),
        "trade_kind": any_of(_customer.trade_kind, "trade_kind"),
        "purchasing_power": any_of(_customer.purchasing_power, "purchasing_power"),
        "credit_code": _customer.credit_code == bindparam("credit_code"),
        "headcount_from": _customer.headcount >= bindparam("headcount_from"),
        "headcount_below": _customer.headcount < bindparam("headcount_below"),
        "started_from": _customer.cooperation_started_on >= bindparam("started_from"),
        "started_before": _customer.cooperation_started_on < bindparam("started_before"),
        "ends_from": _customer.contract_ends_on >= bindparam("ends_from"),
        "ends_before": _customer.contract_ends_on < bindparam("ends_before"),
        "tag": HasTag(_customer.tags, bindparam("tag", type_=Text())),
        "created_from": _customer.created_at >= bindparam("created_from"),
        "created_before": _customer.created_at < bindparam("created_before"),
    },
)

EXISTS = Statement(select(_customer.id).where(_customer.public_id == bindparam("public_id")))


# --- contacts shown

_OF_CUSTOMER = _CONTACTS.join(_CUSTOMERS, _customer.id == _contact.customer_id)


def _points(kind: str, *fields: tuple[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """Return a contact's numbers or addresses as a list, in their order."""
    rows = (
        select()
        .select_from(_POINTS)
        .where((_point.contact_id == _contact.id) & (_point.kind == literal(kind)))
        .order_by(_point.position, _point.id)
    )
    return json_list(rows, (*fields, ("label", _point.label)), _CONTACTS)


_newer = _CONSENTS.alias("newer")
_IS_NEWEST = not_(
    exists().where(
        _newer.c.contact_id == _consent.contact_id,
        _newer.c.channel == _consent.channel,
        tuple_(_newer.c.given_at, _newer.c.id) > tuple_(_consent.given_at, _consent.id),
    )
)
_CONSENTS_SHOWN = json_list(
    select()
    .select_from(_CONSENTS)
    .where((_consent.contact_id == _contact.id) & _IS_NEWEST)
    .order_by(_consent.channel),
    (
        ("channel", _consent.channel),
        ("is_given", _consent.is_given),
        ("text_version", _consent.text_version),
        ("given_at", _consent.given_at),
    ),
    _CONTACTS,
)

# 尾号: how people here tell two numbers apart.
_NUMBER, _ADDRESS = (
    masked(_point.value, head=head, tail=tail) for head, tail in (MASKS["phone"], MASKS["email"])
)

_CONTACT_SHOWN: Fields = (
    ("id", _contact.public_id),
    ("customer_id", _customer.public_id),
    ("name", _contact.name),
    ("title", _contact.title),
    ("phones", _points("phone", ("number", _NUMBER))),
    ("emails", _points("email", ("address", _ADDRESS))),
    ("birthday", _contact.birthday),
    ("interests", _contact.interests),
    ("preferences", _contact.preferences),
    ("consents", _CONSENTS_SHOWN),
    ("is_decision_maker", _contact.is_decision_maker),
    ("is_primary", _contact.is_primary),
    ("remarks", _contact.remarks),
    ("version", _contact.version),
    ("created_at", _contact.created_at),
    ("updated_at", _contact.updated_at),
)

CONTACT_ONE = one_statement(
    _OF_CUSTOMER,
    _CONTACT_SHOWN,
    _contact.public_id == bindparam("contact_id"),
    _customer.id == key_of_customer("customer_id"),
    version=_contact.version,
)

CONTACTS = Listing(
    name="contacts",
    source=_OF_CUSTOMER,
    fields=_CONTACT_SHOWN,
    key=_contact.id,
    sorts={"created_at": _contact.created_at},
    filters={"customer_id": _customer.id == key_of_customer("customer_id")},
)


# --- rows for services

_CUSTOMER_ROW = (
    select(
        *_customer,
        json_list(
            select().select_from(_TEAM).where(_team.customer_id == _customer.id).order_by(_team.id),
            (("user_id", _team.user_id),),
            _CUSTOMERS,
        ).label("team"),
        _WINNERS.c.public_id.label("merged_into"),
    )
    .select_from(_CUSTOMERS.outerjoin(_WINNERS, _WINNERS.c.id == _customer.merged_into_id))
    .where(_customer.public_id == bindparam("public_id"))
)
CUSTOMER = Statement(_CUSTOMER_ROW)
# Writers of one file wait for each other, but not for rows that only refer to it.
CUSTOMER_LOCKED = Statement(_CUSTOMER_ROW.with_for_update(key_share=True, of=_CUSTOMERS))

_CONTACTS_OF = select(*_contact).where(_contact.customer_id == bindparam("customer_key"))
_POINTS_OF = (
    select()
    .select_from(_POINTS)
    .where(_point.contact_id == _contact.id)
    .order_by(_point.position, _point.id)
)
_CONTACT_ROW = _CONTACTS_OF.add_columns(
    json_list(_POINTS_OF, [(column.name, column) for column in _point], _CONTACTS).label("points")
).where(_contact.public_id == bindparam("contact_id"))
CONTACT = Statement(_CONTACT_ROW)
CONTACT_LOCKED = Statement(_CONTACT_ROW.with_for_update(of=_CONTACTS))
PRIMARY_CONTACTS = Statement(_CONTACTS_OF.where(_contact.is_primary).order_by(_contact.id))

TEAM = Statement(
    select(*_team).where(_team.customer_id == bindparam("customer_key")).order_by(_team.id)
)

USERS = Statement(
    select(_USERS.c.id, _USERS.c.public_id, _USERS.c.is_active, _USERS.c.department_id).where(
        any_of(_USERS.c.public_id, "public_ids")
    )
)
DEPARTMENT = Statement(
    select(_DEPARTMENTS.c.id).where(_DEPARTMENTS.c.public_id == bindparam("public_id"))
)

# The lock is shared: whoever opens a ticket sees the tier that a change about to commit leaves, and that
# change sees his ticket.
FOR_TICKET = Statement(
    select(
        _customer.id.label("customer_id"),
        _contact.id.label("contact_id"),
        _customer.name,
        _customer.tier,
        _customer.owner_id,
        _customer.department_id,
        _customer.account_manager_id,
    )
    .select_from(
        _CUSTOMERS.outerjoin(
            _CONTACTS,
            (_contact.customer_id == _customer.id) & (_contact.public_id == bindparam("contact")),
        )
    )
    .where(_customer.id == key_of_customer("customer"))
    .with_for_update(read=True, of=_CUSTOMERS)
)


@cache
def contact_references() -> Statement:
    """Return the question whether a row of any table but his own numbers refers to a contact, by the metadata."""
    found = [
        select(literal(1)).where(reference.parent == bindparam("contact_key")).exists()
        for table in Base.metadata.sorted_tables
        for reference in table.foreign_keys
        if reference.column is _contact.id and table is not _POINTS
    ]
    return Statement(select(or_(false(), *found).label("referred_to")))
