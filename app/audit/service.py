"""Makes audit entries of what a transaction changed, of refusals, and of reveals; nothing changes them again.

Composition plugs `record_changes` into the database (`Hooks.audit`): it runs before held inserts leave, so entries
leave in the same statement as the rows they speak of.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Required, TypedDict, Unpack

from app import writing
from app.audit.models import HIDDEN, AuditEntry
from app.audit.personal import Personal
from app.database import Actor, Transaction
from app.flushing import Table
from app.time import format_instant, real_now

SILENT = frozenset({"version", "updated_at", "created_at", "id", "public_id", "name_key", "path"})


async def record_changes(tx: Transaction) -> None:
    """Turn the transaction's changes since the last flush into held-back entries."""
    entries = []
    for change in list(tx.changes):
        row = change.new or change.old
        customer_id = _customer_of(change.table, row)
        changes = _differences(change)
        if not changes:
            continue
        personal = _marked(change.table, "personal")
        if customer_id is not None and any(name in personal for name in changes):
            changes = await _encrypted(tx, customer_id, changes, personal)
        verb = "create" if not change.old else "delete" if not change.new else "update"
        entity = change.table.__entity__
        entries.append(
            entry(
                tx,
                f"{entity}.{verb}",
                entity=entity,
                entity_key=row.get("id"),
                entity_id=row.get("public_id"),
                customer_id=customer_id,
                changes=changes,
            )
        )
    await writing.insert_many(tx, AuditEntry, entries)


class About(TypedDict, total=False):
    """What an entry is about: the row by its key and public id, its customer, what changed; who, unless the actor."""

    entity: Required[str]
    entity_key: int | None
    entity_id: str | None
    customer_id: int | None
    changes: Mapping[str, Any] | None
    count: int
    actor: Actor | None


async def write_entry(tx: Transaction, action: str, **about: Unpack[About]) -> None:
    """Hold back one entry; for what is no change of a row: a login, a refusal, a reveal."""
    await writing.insert(tx, AuditEntry, **entry(tx, action, **about))


def entry(tx: Transaction, action: str, **about: Unpack[About]) -> dict[str, Any]:
    """Return one entry's values, for `writing.insert_many`."""
    who = about.get("actor") or tx.actor
    return {
        "recorded_at": real_now(),
        "action": action,
        "entity": about["entity"],
        "entity_key": about.get("entity_key"),
        "entity_id": about.get("entity_id"),
        "customer_id": about.get("customer_id"),
        "actor_user_id": who.user_id,
        "actor_api_key_id": who.api_key_id,
        "actor_name": who.name,
        "request_id": who.request_id,
        "address": who.address,
        "count": about.get("count", 1),
        "changes": dict(about.get("changes") or {}),
    }


def _differences(change: writing.Change) -> dict[str, list[Any]]:
    secret = _marked(change.table, "secret")
    out: dict[str, list[Any]] = {}
    for name in _told(change.table):
        old, new = change.old.get(name), change.new.get(name)
        if old == new or (not change.old and new in (None, [], {})):
            continue
        out[name] = [HIDDEN, HIDDEN] if name in secret else [_plain(old), _plain(new)]
    return out


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return None if value.year == 9999 else format_instant(value)
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value


@cache
def _told(table: Table) -> tuple[str, ...]:
    return tuple(c.name for c in table.__table__.columns if c.name not in SILENT)


@cache
def _marked(table: Table, mark: str) -> frozenset[str]:
    return frozenset(c.name for c in table.__table__.columns if c.info.get(mark))


def _customer_of(table: Table, row: Mapping[str, Any]) -> int | None:
    if table.__tablename__ == "customers":
        return row.get("id")
    return row.get("customer_id")


async def _encrypted(
    tx: Transaction, customer_id: int, changes: dict[str, list[Any]], personal: frozenset[str]
) -> dict[str, Any]:
    cipher = await Personal.of(tx, customer_id)
    return {
        name: cipher.seal(name, pair) if name in personal else pair
        for name, pair in changes.items()
    }
