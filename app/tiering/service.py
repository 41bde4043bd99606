"""The tier policy in force: previewing and publishing another one. Version 0 ships; what is published follows it.

What a policy makes of customers is computed in `customers`; here its work is only asked for, by the kind of operation.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from app import writing
from app.database import Database, Reader, Transaction
from app.errors import Conflict, FieldError, Invalid, invalid_field
from app.operations import service as operations
from app.outbox.service import publish as publish_event
from app.statements import Row
from app.tiering import queries
from app.tiering.models import TierPolicyVersion
from app.tiering.schemas import TierPolicyDocument, shipped_form
from app.tiering.scoring import TierPolicy, faults_of, read_policy

PREVIEW, RECOMPUTE = "tiers.preview", "tiers.recompute"
_LOCK = 7_105_212
_COPY = "tier_policy"


@cache
def shipped_document() -> Mapping[str, Any]:
    """Return the shipped document, with every default filled in."""
    return shipped_form().model_dump(mode="json")


async def read_current(reader: Reader, database: Database) -> TierPolicy:
    """Return the policy in force; what another process published is seen within two seconds."""
    known: TierPolicy | None = database.recall(_COPY)
    if known is None:
        row = await newest(reader)
        known = read_policy(row["document"], row["number"])
        database.remember(_COPY, known, of=(TierPolicyVersion,))
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


async def preview(tx: Transaction, command: TierPolicyDocument) -> dict[str, Any]:
    """Ask how many customers would change their tier, and return the operation; raises `Invalid`."""
    before = await newest(tx)
    return await operations.start(tx, PREVIEW, _plan(command, before))


async def recompute(tx: Transaction) -> dict[str, Any]:
    """Ask that every customer's tier be computed anew, and return the operation."""
    return await operations.start(tx, RECOMPUTE, {})


async def publish(
    tx: Transaction, before: Row, command: TierPolicyDocument, preview_id: UUID | None
) -> tuple[int, dict[str, Any] | None]:
    """Publish a document that follows `before`; return its number and the operation that computes every tier anew.

    The document in force makes no new version. Raises `Invalid` for a wrong one, `Conflict` without the finished
    preview of this very document against `before`. Publishes `tier_policy.published`.
    """
    plan = _plan(command, before)
    if plan["document"] == before["document"]:
        return int(before["number"]), None
    await _check_previewed(tx, plan, preview_id)
    at, number = await tx.now(), int(before["number"]) + 1
    await writing.insert(
        tx,
        TierPolicyVersion,
        number=number,
        document=plan["document"],
        published_by=tx.actor.user_id,
        created_at=at,
    )
    await publish_event(tx, "tier_policy.published", at=at, payload={"version": number})
    return number, await recompute(tx)


def _plan(command: TierPolicyDocument, before: Row) -> dict[str, Any]:
    document = command.model_dump(mode="json")
    faults = faults_of(document)
    if faults:
        raise Invalid(errors=[FieldError(one.pointer, one.code, one.values) for one in faults])
    return {"document": document, "after": before["number"]}


async def _check_previewed(
    tx: Transaction, plan: Mapping[str, Any], preview_id: UUID | None
) -> None:
    if preview_id is None:
        raise Conflict("tier_preview_required")
    found = await operations.find(tx, str(preview_id))
    if found is None or found["kind"] != PREVIEW:
        raise invalid_field("/preview_id", "unknown_reference")
    if found["state"] != "done" or found["parameters"] != plan:
        raise Conflict("tier_preview_outdated")


def shipped_body() -> bytes:
    """Return version 0 as the contract shows it."""
    version = {"number": 0, "document": shipped_document(), "published_by": None}
    return orjson.dumps({**version, "created_at": None})
