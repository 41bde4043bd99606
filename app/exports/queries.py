"""What an export asks: customers by ascending key, a page at a time, as far as the caller may export; their main contacts.

Personal values leave masked unless the parameter `reveal` is true.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
)

from app.auth.models import Department, User
from app.auth.permissions import Permission, RowScope
from app.auth.principal import Principal
from app.customers.models import AccountTeamMember, Contact, ContactPoint, Customer
from app.customers.queries import LISTING
from app.reading import masked
from app.statements import Statement, any_of

_customers = Customer.__table__
_c, _k, _p = _customers.c, Contact.__table__.c, ContactPoint.__table__.c
_team = AccountTeamMember.__table__.c
_departments = Department.__table__.alias("exported_department")
_owners, _managers = (User.__table__.alias(f"exported_{name}") for name in ("owner", "manager"))
_PEOPLE: Mapping[str, tuple[Any, ColumnElement[Any]]] = {
    "customer.owner": (_owners, _c.owner_id),
    "customer.account_manager": (_managers, _c.account_manager_id),
    "customer.department": (_departments, _c.department_id),
}
_VALUES: Mapping[str, ColumnElement[Any]] = {
    "customer.revenue": masked(cast(_c.revenue, Text), head=0, tail=0),
    "customer.expected_cooperation_on": cast(_c.expected_cooperation_on, Text),
    "customer.cooperation_started_on": cast(_c.cooperation_started_on, Text),
    "customer.contract_ends_on": cast(_c.contract_ends_on, Text),
}
# Whom the permission reaches in a department: as `Principal.reaches` has it.
_SCOPE = or_(
    any_of(_c.department_id, "departments"),
    _c.owner_id == bindparam("user_key", type_=BigInteger()),
    _c.account_manager_id == bindparam("user_key", type_=BigInteger()),
    exists().where(
        _team.customer_id == _c.id, _team.user_id == bindparam("user_key", type_=BigInteger())
    ),
)
CONTACTS = Statement(
    select(
        _k.id,
        _k.customer_id,
        _k.name.label("contact.name"),
        _k.title.label("contact.title"),
        _k.birthday.label("contact.birthday"),
        _k.interests.label("contact.interests"),
        _k.is_decision_maker.label("contact.is_decision_maker"),
        _k.remarks.label("contact.remarks"),
    )
    .where(any_of(_k.customer_id, "keys"))
    .order_by(_k.customer_id, _k.is_primary.desc(), _k.id)
)
POINTS = Statement(
    select(
        _p.contact_id,
        _p.kind,
        masked(_p.value, head=1, tail=4).label("address"),
        masked(_p.value, tail=4).label("number"),
    )
    .where(any_of(_p.customer_id, "keys"))
    .order_by(_p.contact_id, _p.position, _p.id)
)


@lru_cache(maxsize=256)
def page_statement(fields: Sequence[str], filters: Sequence[str], *, scoped: bool) -> Statement:
    """Return the question of a page: `key`, and the customer's fields under their names; behind the key `after`."""
    source: Any = _customers
    columns: list[Any] = [_c.id.label("key")]
    if any(one.startswith("custom.") for one in fields):
        columns.append(_c.custom)
    for one in fields:
        part, _, name = one.partition(".")
        if part != "customer":
            continue
        if one in _PEOPLE:
            table, key = _PEOPLE[one]
            source = source.outerjoin(table, table.c.id == key)
            columns.append(table.c.name.label(one))
        else:
            value = _VALUES[one] if one in _VALUES else _c[name]
            columns.append(value.label(one))
    return Statement(
        select(*columns)
        .select_from(source)
        .where(_c.id > bindparam("after", type_=BigInteger()), *_conditions(filters, scoped=scoped))
        .order_by(_c.id)
        .limit(bindparam("page_size", type_=BigInteger()))
    )


@lru_cache(maxsize=256)
def count_statement(filters: Sequence[str], *, scoped: bool) -> Statement:
    """Return the question how many there are, `count_max` at most."""
    core = select(_c.id).select_from(_customers).where(*_conditions(filters, scoped=scoped))
    counted = core.limit(bindparam("count_max", type_=BigInteger())).subquery()
    return Statement(select(func.count()).select_from(counted))


def _conditions(filters: Sequence[str], *, scoped: bool) -> list[ColumnElement[bool]]:
    found = [*LISTING.always, *(LISTING.filters[name] for name in filters)]
    return [and_(*found, _SCOPE)] if scoped else found


def scope_of(principal: Principal) -> tuple[bool, dict[str, Any]]:
    """Return whether rows are scoped, and the values that masks and scope take."""
    scope = principal.scope(Permission.CUSTOMERS_EXPORT)
    departments = list(principal.departments) if scope is RowScope.DEPARTMENT else []
    values = {
        "departments": departments,
        "user_key": principal.user_id,
        "reveal": principal.reveals,
    }
    return scope is not RowScope.ALL, values
