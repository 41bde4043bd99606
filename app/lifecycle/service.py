"""The lifecycle in force, and publishing another one. Version 0 ships; what is published follows it."""

from collections.abc import Mapping
from typing import Any

import orjson

from app import writing
from app.database import Database, Reader, Transaction
from app.errors import FieldError, Invalid
from app.lifecycle import queries
from app.lifecycle.models import LifecycleVersion
from app.lifecycle.rules import Lifecycle, faults_of, read_lifecycle
from app.lifecycle.schemas import LifecycleDocument
from app.lifecycle.shipped import shipped_document
from app.outbox.service import publish as publish_event
from app.statements import Row

_LOCK = 7_105_211
_COPY = "lifecycle"


async def read_current(reader: Reader, database: Database) -> Lifecycle:
    """Return the lifecycle in force; what another process published is seen within two seconds."""
    known: Lifecycle | None = database.recall(_COPY)
    if known is None:
        row = await newest(reader)
        known = read_lifecycle(row["document"], row["number"])
        database.remember(_COPY, known, of=(LifecycleVersion,))
    return known


async def newest(reader: Reader) -> Row:
    """Return `number` and `document` of the version in force."""
    row = await reader.one(queries.NEWEST)
    return row or {"number": 0, "document": shipped_document()}


async def lock_newest(tx: Transaction) -> Row:
    """Return the version in force as `newest` does; nobody else publishes before the transaction ends."""
    await tx.lock_name(_LOCK, wait=True)
    row = await newest(tx)
    return {**row, "version": row["number"]}


async def publish(tx: Transaction, before: Row, command: LifecycleDocument) -> int:
    """Publish a document that follows `before`, and return its number; the same document makes no new version.

    Raises `Invalid` with every wrong place. Publishes `lifecycle.published`.
    """
    document: Mapping[str, Any] = command.model_dump(mode="json", by_alias=True)
    faults = faults_of(document, before["document"])
    if faults:
        errors = [FieldError(one.pointer or "", one.code, one.values) for one in faults]
        raise Invalid(errors=errors)
    if document == before["document"]:
        return int(before["number"])
    at, number = await tx.now(), before["number"] + 1
    await writing.insert(
        tx,
        LifecycleVersion,
        number=number,
        document=document,
        published_by=tx.actor.user_id,
        created_at=at,
    )
    payload = {"version": number}
    await publish_event(tx, "lifecycle.published", at=at, payload=payload)
    return int(number)


def shipped_body() -> bytes:
    """Return version 0 as the contract shows it."""
    version = {"number": 0, "document": shipped_document(), "published_by": None}
    return orjson.dumps({**version, "created_at": None})
