"""The one way out: projections become JSON bytes in the database, lists are keyset pages, answers carry ETags.

A read is one statement, made once per shape, run in autocommit. The declared response model of the route is the
contract; tests validate every answer against it, production validates none.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    func,
    select,
    tuple_,
)
from starlette.responses import Response

from app.columns import UtcDateTime
from app.database import Reader
from app.documents import YAML, write_yaml
from app.errors import BadRequest, NotFound
from app.statements import Fields, Row, Shown, Statement, json_row
from app.time import from_micros, to_micros

PAGE_LIMIT_MAX = 200
PAGE_LIMIT_DEFAULT = 50
_SIGNATURE_BYTES = 12


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What every list takes: how many, from where, in which order, and whether to count."""

    sort: str
    limit: int = PAGE_LIMIT_DEFAULT
    cursor: str | None = None
    total: bool = False


@dataclass(frozen=True, eq=False)
class Listing:
    """A list of the API: where rows come from, what is shown of them, how they can be ordered and filtered.

    `sorts` maps names to NOT NULL columns; a leading `-` in the request means descending; `key` breaks ties.
    `filters` maps names to conditions over a `bindparam` (mostly of the same name); a filter not asked for is
    not in the statement. `always` are conditions of every statement (row scope), with their own parameters.
    """

    name: str
    source: FromClause
    fields: tuple[tuple[str, Shown], ...]
    key: Shown
    sorts: Mapping[str, Shown]
    filters: Mapping[str, ColumnElement[bool]] = field(default_factory=dict)
    always: tuple[ColumnElement[bool], ...] = ()


async def page(
    reader: Reader,
    listing: Listing,
    request: PageRequest,
    *,
    secret: bytes,
    filters: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
) -> bytes:
    """Return `{items, next_cursor, has_more[, total]}` as JSON bytes.

    `filters` are the asked ones by name (None = not asked), `values` the parameters of `always` and `fields`.
    Raises `BadRequest` for a cursor that is forged or belongs to another filter or order.
    """
    asked = {name: value for name, value in (filters or {}).items() if value is not None}
    given = {**(values or {}), **{name: _bound(value) for name, value in asked.items()}}
    digest = _digest(listing.name, request.sort, asked)
    names = tuple(sorted(asked))
    after = _read_cursor(request.cursor, digest, secret) if request.cursor else None
    statement = _page_statement(listing, request.sort, names, after is not None)
    if after is not None:
        column = listing.sorts[request.sort.lstrip("-")]
        is_instant = isinstance(column.type, UtcDateTime)
        given["after_sort"] = from_micros(after[0]) if is_instant else after[0]
        given["after_key"] = after[1]
    rows = await reader.all(statement, page_limit=request.limit + 1, **given)
    has_more = len(rows) > request.limit
    rows = rows[: request.limit]
    cursor = _write_cursor(rows[-1], digest, secret) if has_more else None
    parts = [
        b'{"items":[',
        ",".join([row["body"] for row in rows]).encode(),
        b'],"next_cursor":',
        orjson.dumps(cursor),
        b',"has_more":',
        b"true" if has_more else b"false",
    ]
    if request.total:
        total = await reader.value(_count_statement(listing, names), **given)
        parts += [b',"total":', str(total).encode()]
    return b"".join([*parts, b"}"])


def _bound(value: Any) -> Any:
    return value.value if hasattr(value, "value") else value


@lru_cache(maxsize=4096)
def _page_statement(
    listing: Listing, sort: str, filters: tuple[str, ...], after: bool
) -> Statement:
    descending, column = sort.startswith("-"), listing.sorts[sort.lstrip("-")]
    core: Any = select(
        json_row(listing.fields).label("body"), column.label("sort_value"), listing.key.label("key")
    ).select_from(listing.source)
    conditions = [*listing.always, *(listing.filters[name] for name in filters)]
    if after:
        here = tuple_(column, listing.key)
        there = tuple_(
            bindparam("after_sort", type_=column.type),
            bindparam("after_key", type_=listing.key.type),
        )
        conditions.append(here < there if descending else here > there)
    if conditions:
        core = core.where(and_(*conditions))
    order = (column.desc(), listing.key.desc()) if descending else (column, listing.key)
    return Statement(core.order_by(*order).limit(bindparam("page_limit", type_=listing.key.type)))


@lru_cache(maxsize=1024)
def _count_statement(listing: Listing, filters: tuple[str, ...]) -> Statement:
    core = select(func.count()).select_from(listing.source)
    conditions = [*listing.always, *(listing.filters[name] for name in filters)]
    return Statement(core.where(and_(*conditions)) if conditions else core)


def _digest(name: str, sort: str, filters: Mapping[str, Any]) -> str:
    text = orjson.dumps([name, sort, sorted(filters.items())], default=str)
    return hashlib.blake2b(text, digest_size=9).hexdigest()


def _write_cursor(row: Row, digest: str, secret: bytes) -> str:
    value = row["sort_value"]
    content = orjson.dumps(
        [digest, to_micros(value) if isinstance(value, datetime) else value, row["key"]]
    )
    return base64.urlsafe_b64encode(_sign(content, secret) + content).decode().rstrip("=")


def _read_cursor(cursor: str, digest: str, secret: bytes) -> tuple[Any, int]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadRequest("cursor_invalid") from error
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(content, secret)):
        raise BadRequest("cursor_invalid")
    known, value, key = orjson.loads(content)
    if known != digest:
        raise BadRequest("cursor_of_another_list")
    return value, key


def _sign(content: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, b"cursor:" + content, "sha256").digest()[:_SIGNATURE_BYTES]


def one_statement(
    source: FromClause, fields: Fields, *conditions: ColumnElement[bool], version: Any = None
) -> Statement:
    """Return the statement of one resource: `body` as JSON text, and `version` for its ETag where it has one."""
    columns: list[Any] = [json_row(fields).label("body")]
    if version is not None:
        columns.append(version.label("version"))
    return Statement(select(*columns).select_from(source).where(and_(*conditions)))


async def one(reader: Reader, statement: Statement, **values: Any) -> Row:
    """Return the row of a `one_statement`; raises `NotFound` where there is none."""
    row = await reader.one(statement, **values)
    if row is None:
        raise NotFound
    return row


def json_response(
    body: bytes | str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON bytes as an answer that no cache keeps."""
    return Response(
        body,
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "private, no-store", **(headers or {})},
    )


def yaml_response(value: Any, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value of JSON as YAML, as an answer that no cache keeps."""
    named = {"Cache-Control": "private, no-store", "Vary": "Accept", **(headers or {})}
    return Response(write_yaml(value), media_type=YAML, headers=named)


def resource_response(row: Row, *, status: int = 200, location: str | None = None) -> Response:
    """Return a `one_statement` row as an answer with its ETag (and `Location`)."""
    return json_response(row["body"], status=status, headers=resource_headers(row, location))


def resource_headers(row: Row, location: str | None = None) -> dict[str, str]:
    """Return the ETag (from the row's `version`) and `Location` headers of a resource."""
    headers = {} if location is None else {"Location": location}
    version = row.get("version")
    return headers if version is None else {**headers, "ETag": f'"{version}"'}


def masked(column: Shown, *, head: int = 3, tail: int = 2) -> ColumnElement[Any]:
    """Return `column` in clear where the parameter `reveal` is true, else only its first and last characters.

    A value too short to hide anything between them shows as `****`.
    """
    hidden = case(
        (column.is_(None), None),
        (func.length(column) <= head + tail + 2, "****"),
        else_=func.substr(column, 1, head)
        + "****"
        + func.substr(column, func.length(column) - tail + 1, tail),
    )
    return case((bindparam("reveal", type_=Boolean()), column), else_=hidden)
