"""What is asked of the audit, and how an entry is made readable: personal fields opened or masked, keys as ids.

Entries name rows by their keys, of tables that live higher up; those tables are found in the metadata when an entry
speaks of them, as no import may point up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
from sqlalchemy import FromClause, Table, bindparam, select
from sqlalchemy.orm import outerjoin

from app.audit.models import HIDDEN, AuditEntry
from app.audit.personal import Personal
from app.auth.models import ApiKey, User
from app.columns import Base, UtcDateTime
from app.database import Database
from app.reading import Listing
from app.statements import Shown, Statement, any_of

CUSTOMERS = "customers"

_entries: FromClause = outerjoin(
    outerjoin(AuditEntry, User, User.id == AuditEntry.actor_user_id),
    ApiKey,
    ApiKey.id == AuditEntry.actor_api_key_id,
)
_FIELDS: tuple[tuple[str, Shown], ...] = (
    ("id", AuditEntry.public_id),
    ("recorded_at", AuditEntry.recorded_at),
    ("action", AuditEntry.action),
    ("entity", AuditEntry.entity),
    ("entity_id", AuditEntry.entity_id),
    ("customer_id", AuditEntry.customer_id),
    ("actor_id", User.public_id),
    ("actor_name", AuditEntry.actor_name),
    ("api_key_id", ApiKey.public_id),
    ("request_id", AuditEntry.request_id),
    ("address", AuditEntry.address),
    ("count", AuditEntry.count),
    ("changes", AuditEntry.changes),
)
LISTING = Listing(
    name="audit",
    source=_entries,
    fields=_FIELDS,
    key=AuditEntry.id,
    sorts={"recorded_at": AuditEntry.recorded_at},
    filters={
        "entity": AuditEntry.entity == bindparam("entity"),
        "entity_id": AuditEntry.entity_id == bindparam("entity_id"),
        "action": AuditEntry.action == bindparam("action"),
        "actor": AuditEntry.actor_user_id
        == select(User.id).where(User.public_id == bindparam("actor")).scalar_subquery(),
        "customer": AuditEntry.customer_id == bindparam("customer"),
        "recorded_from": AuditEntry.recorded_at >= bindparam("recorded_from", type_=UtcDateTime()),
        "recorded_before": AuditEntry.recorded_at
        < bindparam("recorded_before", type_=UtcDateTime()),
    },
)


async def customer_key(database: Database, public_id: str) -> int:
    """Return the key of a customer, 0 where there is none: no entry is his."""
    return int(await database.value(_key_statement(CUSTOMERS), public_id=public_id) or 0)


async def make_readable(database: Database, page: bytes, *, reveal: bool) -> bytes:
    """Return a page of `LISTING` as the API shows it: references as public ids, personal fields opened or masked.

    A key whose row is gone stays a number. What was sealed under a key that erasure has destroyed stays masked.
    """
    document = orjson.loads(page)
    entries = document["items"]
    ciphers = await _ciphers(database, entries) if reveal else {}
    ids = await _public_ids(database, entries)
    for entry in entries:
        cipher = ciphers.get(entry["customer_id"])
        targets = _references(entry["entity"])
        entry["changes"] = {
            name: _opened(name, pair, cipher)
            if _is_sealed(pair)
            else _named(pair, ids.get(targets.get(name, ""), {}))
            for name, pair in entry["changes"].items()
        }
        entry["customer_id"] = ids[CUSTOMERS].get(entry["customer_id"])
    return orjson.dumps(document)


# --- personal fields


def _is_sealed(pair: Any) -> bool:
    return isinstance(pair, dict) and pair.keys() == {"sealed"}


def _opened(name: str, sealed: Mapping[str, str], cipher: Personal | None) -> list[Any]:
    if cipher is None:
        return [HIDDEN, HIDDEN]
    old, new = cipher.open(name, sealed)
    return [old, new]


async def _ciphers(database: Database, entries: Iterable[Mapping[str, Any]]) -> dict[int, Personal]:
    sealed = {
        entry["customer_id"]
        for entry in entries
        if any(_is_sealed(pair) for pair in entry["changes"].values())
    }
    return await Personal.find_many(database, sealed) if sealed else {}


# --- references


@cache
def _references(entity: str) -> Mapping[str, str]:
    """The entity's columns that refer to other tables, with the tables' names."""
    for mapper in Base.registry.mappers:
        if getattr(mapper.class_, "__entity__", None) != entity:
            continue
        table = mapper.local_table
        found = {
            column.name: key.column.table.name
            for column in table.columns
            for key in column.foreign_keys
            if "public_id" in key.column.table.columns
        }
        # The customer of what lives below customers stands there without a foreign key.
        named = {"customer_id": CUSTOMERS} if "customer_id" in table.columns else {}
        return found | named
    return {}


def _named(pair: Any, ids: Mapping[int, str]) -> Any:
    if not ids or not isinstance(pair, list):
        return pair
    return [ids.get(value, value) if isinstance(value, int) else value for value in pair]


async def _public_ids(
    database: Database, entries: Iterable[Mapping[str, Any]]
) -> dict[str, dict[int, str]]:
    """The public ids of every row that the entries refer to, by table and key."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry["customer_id"] is not None:
            wanted[CUSTOMERS].add(entry["customer_id"])
        for name, table in _references(entry["entity"]).items():
            pair = entry["changes"].get(name)
            if isinstance(pair, list):
                wanted[table].update(value for value in pair if isinstance(value, int))
    found: dict[str, dict[int, str]] = {CUSTOMERS: {}}
    for table, keys in wanted.items():
        rows = await database.all(_ids_statement(table), keys=sorted(keys))
        found[table] = {row["id"]: row["public_id"] for row in rows}
    return found


def _table(name: str) -> Table:
    return Base.metadata.tables[name]


@cache
def _ids_statement(name: str) -> Statement:
    table = _table(name)
    return Statement(select(table.c.id, table.c.public_id).where(any_of(table.c.id, "keys")))


@cache
def _key_statement(name: str) -> Statement:
    table = _table(name)
    return Statement(select(table.c.id).where(table.c.public_id == bindparam("public_id")))
