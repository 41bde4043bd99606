"""What is asked of `customer_search`, and of the file to fill it. Which words are asked for is `search_keys`' matter."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, bindparam, literal, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean

from app.customers.models import Contact, ContactPoint, Customer, CustomerSearch
from app.customers.queries import LISTING
from app.statements import Statement, any_of, json_list, json_row

LIMITS = (50, 100, 200)
CANDIDATE_LIMITS = (100, 100)
CONTACTS_MAX = 500  # of one customer; an index entry has its limit

_CUSTOMERS, _CONTACTS = Customer.__table__, Contact.__table__
_POINTS, _SEARCH = ContactPoint.__table__, CustomerSearch.__table__
_MERGED = _CUSTOMERS.alias("merged")
_customer, _contact, _point, _search = _CUSTOMERS.c, _CONTACTS.c, _POINTS.c, _SEARCH.c


class HoldsTokens(FunctionElement[bool]):
    """Whether a customer's tokens answer a question, written for the engine (`search_keys.*_text`)."""

    type = Boolean()
    inherit_cache = True
    name = "holds_tokens"


@compiles(HoldsTokens, "postgresql")
def _postgresql_holds(element: HoldsTokens, compiler: SQLCompiler, **kw: Any) -> str:
    tokens, _, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"array_to_tsvector(string_to_array({tokens}, ' ')) @@ ({wanted})::tsquery"


@compiles(HoldsTokens, "sqlite")
def _sqlite_holds(element: HoldsTokens, compiler: SQLCompiler, **kw: Any) -> str:
    _, key, wanted = (compiler.process(clause, **kw) for clause in element.clauses)
    return (
        f"{key} IN (SELECT rowid FROM customer_search_fts WHERE customer_search_fts MATCH {wanted})"
    )


def _hits(limits: Sequence[int], *, planned_whole: bool = True) -> Statement:
    """Return rows of `customer_search` by the questions `wanted_0` ...; each gives so many at most, told by `place`.

    Unless nearly every row answers, each question is planned as if all its rows were wanted: for a few, PostgreSQL
    would read the table from its beginning.
    """
    mark = "MATERIALIZED" if planned_whole else "NOT MATERIALIZED"
    parts = []
    for place, limit in enumerate(limits):
        wanted = bindparam(f"wanted_{place}", type_=Text())
        found = (
            select(*_search)
            .where(HoldsTokens(_search.tokens, _search.id, wanted))
            .cte(f"found_{place}")
            .prefix_with(mark, dialect="postgresql")
        )
        few = select(*found.c, literal(place).label("place")).limit(limit).subquery()
        parts.append(select(*few.c))
    return Statement(union_all(*parts))


HITS = _hits(LIMITS)
EVERYWHERE = _hits(LIMITS, planned_whole=False)
CANDIDATES = _hits(CANDIDATE_LIMITS)

SHOWN = Statement(
    select(_customer.id, json_row(LISTING.fields).label("body"))
    .select_from(LISTING.source)
    .where(any_of(_customer.id, "keys"))
)

_PEOPLE = (
    select()
    .select_from(_CONTACTS)
    .where(_contact.customer_id == _customer.id)
    .order_by(_contact.id)
    .limit(CONTACTS_MAX)
)
# His own number first, then those under which he was known before merges.
_EARLIER = (
    select()
    .select_from(_MERGED)
    .where(_MERGED.c.merged_into_id == _customer.id)
    .order_by(_MERGED.c.id)
    .limit(CONTACTS_MAX)
)
_REACHED = (
    select()
    .select_from(_POINTS)
    .where(_point.customer_id == _customer.id)
    .order_by(_point.id)
    .limit(2 * CONTACTS_MAX)
)
_SOURCE = select(
    _customer.id,
    _customer.public_id,
    _customer.name,
    _customer.short_name,
    _customer.number,
    _customer.credit_code,
    _customer.address,
    _customer.tags,
    json_list(_PEOPLE, (("name", _contact.name),), _CUSTOMERS).label("contacts"),
    json_list(_EARLIER, (("number", _MERGED.c.number), ("name", _MERGED.c.name)), _CUSTOMERS).label(
        "earlier"
    ),
    json_list(_REACHED, (("kind", _point.kind), ("value", _point.value)), _CUSTOMERS).label(
        "points"
    ),
)
SOURCES = Statement(_SOURCE.where(any_of(_customer.id, "keys")))
SOURCES_AFTER = Statement(
    _SOURCE.where(_customer.id > bindparam("after"))
    .order_by(_customer.id)
    .limit(bindparam("batch", type_=_customer.id.type))
)
STORED = Statement(select(*_search).where(any_of(_search.id, "keys")))
NAMED = Statement(select(_customer.public_id).where(any_of(_customer.public_id, "public_ids")))
