"""Encryption of personal fields in audit entries: one AES-256-GCM key a customer, wrapped by the deployment's secret.

Erasing a customer deletes the key; what entries say of his personal fields can then never be read again, while the
entries themselves stay as they are.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, select

from app import writing
from app.audit.models import PersonalKey
from app.database import Database, Transaction
from app.statements import Statement, any_of

FIND_KEY = Statement(
    select(PersonalKey.wrapped_key).where(PersonalKey.customer_id == bindparam("customer_id"))
)
FIND_KEYS = Statement(
    select(PersonalKey.customer_id, PersonalKey.wrapped_key).where(
        any_of(PersonalKey.customer_id, "customer_ids")
    )
)
NONCE_BYTES = 12
_NEW = "personal_new"


class Personal:
    """The cipher of one customer's personal fields."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    async def of(cls, tx: Transaction, customer_id: int) -> "Personal":
        """Return the customer's cipher; his first personal field makes the key."""
        known: dict[int, Personal] = tx.notes.setdefault("personal", {})
        if customer_id not in known:
            is_new = customer_id in tx.notes.get(_NEW, ())
            rows = [] if is_new else await tx.peek(FIND_KEY, customer_id=customer_id)
            if rows:
                known[customer_id] = cls(_unwrap(tx.database, rows[0]["wrapped_key"]))
            else:
                key = secrets.token_bytes(32)
                await writing.insert(
                    tx, PersonalKey, customer_id=customer_id, wrapped_key=_wrap(tx.database, key)
                )
                known[customer_id] = cls(key)
        return known[customer_id]

    @classmethod
    async def find(cls, database: Database, customer_id: int) -> "Personal | None":
        """Return the cipher for reading, or None where the key is gone."""
        wrapped = await database.value(FIND_KEY, customer_id=customer_id)
        return None if wrapped is None else cls(_unwrap(database, wrapped))

    @classmethod
    async def find_many(
        cls, database: Database, customer_ids: Iterable[int]
    ) -> "dict[int, Personal]":
        """Return the ciphers of those customers whose keys are still there."""
        rows = await database.all(FIND_KEYS, customer_ids=sorted(customer_ids))
        return {row["customer_id"]: cls(_unwrap(database, row["wrapped_key"])) for row in rows}

    def seal(self, name: str, value: Any) -> dict[str, str]:
        """Return `{"sealed": text}` for a JSON value; the field's name is bound in, so texts cannot be swapped."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        text = self._cipher.encrypt(nonce, orjson.dumps(value), name.encode())
        return {"sealed": base64.b64encode(nonce + text).decode()}

    def open(self, name: str, sealed: Mapping[str, str]) -> Any:
        """Return the value of `seal`; raises `ValueError` for what was not sealed under this key and name."""
        raw = base64.b64decode(sealed["sealed"])
        try:
            plain = self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            raise ValueError("not sealed under this key") from error
        return orjson.loads(plain)


def begin_file(tx: Transaction, customer_id: int) -> None:
    """Say that this transaction makes the customer, so that nobody looks for a key of his."""
    tx.notes.setdefault(_NEW, set()).add(customer_id)


def _wrapping_key(database: Database) -> AESGCM:
    secret = database.settings.secret_key.get_secret_value().encode()
    return AESGCM(hashlib.sha256(b"huiying personal keys\n" + secret).digest())


def _wrap(database: Database, key: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _wrapping_key(database).encrypt(nonce, key, None)


def _unwrap(database: Database, wrapped: bytes) -> bytes:
    return _wrapping_key(database).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], None)
