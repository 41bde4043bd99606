"""Idempotency keys: claimed in the write's own transaction, so that the answer and its effect live or die together."""

from datetime import timedelta
from hashlib import sha256

from sqlalchemy import bindparam, delete, select

from app import writing
from app.database import Database, KeptAnswer, Transaction
from app.errors import Conflict, Invalid
from app.idempotency.models import IdempotentAnswer
from app.statements import Statement
from app.time import real_now

BODY_BYTES_MAX = 65_536
FIND = Statement(
    select(
        IdempotentAnswer.request_hash,
        IdempotentAnswer.status,
        IdempotentAnswer.headers,
        IdempotentAnswer.body,
    ).where(IdempotentAnswer.scope_hash == bindparam("scope_hash"))
)
PURGE = Statement(
    delete(IdempotentAnswer)
    .where(IdempotentAnswer.stored_at < bindparam("before", type_=IdempotentAnswer.stored_at.type))
    .returning(IdempotentAnswer.id)
)


async def claim(tx: Transaction, scope_hash: str, request_hash: str) -> KeptAnswer | None:
    """Claim a key for this transaction and return the answer kept for it, if it was answered before.

    Raises `Conflict` while another request holds it, `Invalid` when it came with another body.
    """
    number = int.from_bytes(sha256(scope_hash.encode()).digest()[:8], "big", signed=True)
    if not await tx.lock_name(number):
        raise Conflict("idempotency_in_progress", headers={"Retry-After": "1"})
    row = await tx.one(FIND, scope_hash=scope_hash)
    if row is None:
        return None
    if row["request_hash"] != request_hash:
        raise Invalid("idempotency_key_reused")
    return KeptAnswer(row["status"], row["headers"], row["body"])


async def keep(tx: Transaction, scope_hash: str, request_hash: str, answer: KeptAnswer) -> None:
    """Keep a 2xx answer: of a secret one nothing but that it was given (no body), of one too long an empty body."""
    body = answer.body
    if body is not None and len(body) > BODY_BYTES_MAX:
        body = b""
    await writing.insert(
        tx,
        IdempotentAnswer,
        scope_hash=scope_hash,
        request_hash=request_hash,
        status=answer.status,
        headers=dict(answer.headers),
        body=body,
        stored_at=real_now(),
    )


async def purge(database: Database, hours: int) -> int:
    """Forget answers older than `hours`; returns how many."""
    async with database.transaction() as tx:
        before = real_now() - timedelta(hours=hours)
        return len(await writing.change_set(tx, IdempotentAnswer, PURGE, before=before))
