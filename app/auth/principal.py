"""The guard: who is calling, what he may do, and the one way a route opens a transaction and answers.

`permits("tickets:write")` on a route declares its permission. What is known of a token or key is cached for a
short while and dropped when the authorisation version in the database has moved, in every process.
"""

import asyncio
import hashlib
import hmac
import string
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fastapi import Depends, Request
from sqlalchemy import bindparam, select
from starlette.responses import Response

from app.auth.models import Department
from app.auth.permissions import (
    Permission,
    Role,
    RowScope,
    api_key_permissions,
    parse_api_key_scopes,
    permissions_of,
    row_scope,
)
from app.auth.queries import BY_API_KEY, BY_SESSION, VERSION
from app.auth.tokens import TokenInvalid, hashes_equal, parse_api_key, verify_access_token
from app.database import Actor, Database, KeptAnswer, Transaction
from app.errors import (
    BadRequest,
    Conflict,
    NotAuthenticated,
    NotPermitted,
    Refusal,
    StaleVersion,
    VersionRequired,
)
from app.problems import language_of
from app.reading import json_response, one, resource_headers
from app.statements import Row, Statement
from app.time import FAR_END, real_now

CACHE_SECONDS = 60
VERSION_POLL_SECONDS = 2.0
UNPOLLED_CACHE_SECONDS = 5
CACHE_SIZE_MAX = 10_000
AUTHORIZATION_MOVED = "authorization_moved"  # noted on a transaction that moves the version
VISIBLE = frozenset(string.ascii_letters + string.digits + string.punctuation)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. `departments` are the keys of his own department and those below it."""

    user_id: int
    public_id: str
    name: str
    role: Role
    grants: Mapping[Permission, RowScope]
    department_id: int | None = None
    departments: tuple[int, ...] = ()
    session_key: int | None = None
    api_key_id: int | None = None
    language: str = "zh-CN"

    def may(self, permission: Permission) -> bool:
        """Return whether the permission is held at all."""
        return permission in self.grants

    def scope(self, permission: Permission) -> RowScope | None:
        """Return how far the permission reaches."""
        return self.grants.get(permission)

    def reaches(
        self, permission: Permission, *, owners: tuple[int | None, ...], department_id: int | None
    ) -> bool:
        """Return whether a row owned by one of `owners`, in `department_id`, is in the permission's scope."""
        match self.grants.get(permission):
            case RowScope.ALL:
                return True
            case RowScope.DEPARTMENT:
                return self.user_id in owners or (
                    department_id is not None and department_id in self.departments
                )
            case RowScope.OWN:
                return self.user_id in owners
            case _:
                return False

    @property
    def reveals(self) -> bool:
        """Whether personal fields are read in clear: the permission for every row; others reveal one by one."""
        return self.grants.get(Permission.CUSTOMERS_REVEAL) is RowScope.ALL


@dataclass(slots=True)
class _Known:
    principal: Principal
    until: datetime


@dataclass(slots=True)
class Guard:
    """A process's memory of callers, and the secret that verifies their tokens."""

    database: Database
    secret: bytes
    known: dict[str, _Known] = field(default_factory=dict)
    number: int = -1
    polled_at: datetime | None = None

    async def identify(self, credential: str) -> Principal:
        """Return who presents this token or API key; raises `NotAuthenticated`."""
        now = real_now()
        fresh = self._fresh(now)
        known = self.known.get(credential)
        if known is not None and now < known.until and fresh:
            return known.principal
        if not fresh:
            await self.poll()
        number = self.number
        principal, until = await self._load(credential, now)
        if number != self.number:
            return (
                principal  # read before a change that is known by now: good for this request alone
            )
        if len(self.known) >= CACHE_SIZE_MAX:
            self.known.clear()
        self.known[credential] = _Known(
            principal, min(until, now + timedelta(seconds=CACHE_SECONDS))
        )
        return principal

    def forget(self) -> None:
        """Forget everybody: what this process has just changed holds from its next request on."""
        self.known.clear()
        self.number = -1

    def _fresh(self, now: datetime) -> bool:
        if self.polled_at is None:
            return False
        # Between zero and the limit: a wall clock set back must not keep the cache alive.
        return timedelta() <= now - self.polled_at < timedelta(seconds=UNPOLLED_CACHE_SECONDS)

    async def _load(self, credential: str, now: datetime) -> tuple[Principal, datetime]:
        if credential.startswith("hy_"):
            return await self._load_key(credential, now)
        try:
            claims = verify_access_token(self.secret, credential, now=now)
        except TokenInvalid as error:
            raise NotAuthenticated("token_invalid") from error
        row = await self.database.one(BY_SESSION, user=claims.subject, session=claims.session)
        if row is None or row["ended_at"] is not None or not row["is_active"]:
            raise NotAuthenticated("token_revoked")
        role = Role(row["role"])
        grants = {
            p: scope for p in permissions_of(role) if (scope := row_scope(role, p)) is not None
        }
        return await self._principal(
            row, role, grants, session_key=row["session_key"]
        ), claims.expires_at

    async def _load_key(self, credential: str, now: datetime) -> tuple[Principal, datetime]:
        try:
            presented = parse_api_key(credential)
        except TokenInvalid as error:
            raise NotAuthenticated("token_invalid") from error
        row = await self.database.one(BY_API_KEY, key_id=presented.key_id)
        if row is None or not hashes_equal(row["secret_hash"], presented.key_hash):
            raise NotAuthenticated("token_invalid")
        expires_at = row["expires_at"] or FAR_END
        if row["revoked_at"] is not None or not row["is_active"] or expires_at <= now:
            raise NotAuthenticated("token_revoked")
        role = Role(row["role"])
        grants = api_key_permissions(role, parse_api_key_scopes(row["scopes"]))
        return await self._principal(row, role, grants, api_key_id=row["api_key_id"]), expires_at

    async def _principal(
        self, row: Row, role: Role, grants: Mapping[Permission, RowScope], **of: Any
    ) -> Principal:
        below: list[Row] = []
        if row["path"] is not None:
            below = await self.database.all(SUBTREE, path=row["path"], path_end=row["path"] + "~")
        return Principal(
            user_id=row["user_id"],
            public_id=row["public_id"],
            name=row["name"],
            role=role,
            grants=grants,
            department_id=row["department_id"],
            departments=tuple(one["id"] for one in below),
            language=row["language"],
            **of,
        )

    async def poll(self) -> None:
        """Read the authorisation version and forget everybody when it has moved."""
        asked_at = real_now()
        number = await self.database.value(VERSION) or 0
        if number != self.number:
            self.known.clear()
            self.number = number
        self.polled_at = asked_at

    async def watch(self) -> None:
        """Poll for ever; a database that does not answer only makes the cache stale, which `identify` sees."""
        while True:
            with suppress(Refusal, OSError):
                await self.poll()
            await asyncio.sleep(VERSION_POLL_SECONDS)


SUBTREE = Statement(
    select(Department.id).where(
        Department.path >= bindparam("path"), Department.path < bindparam("path_end")
    )
)


@dataclass(slots=True)
class Call:
    """One request on its way through a route: the caller, the database, and what the headers ask.

    `content` stands in for a body that has been read already (a form), where idempotency compares bodies.
    """

    request: Request
    database: Database
    principal: Principal
    content: bytes | None = None

    @property
    def language(self) -> str:
        """`zh-CN` or `en`, by `Accept-Language`, else by the user's own setting."""
        header = self.request.headers.get("accept-language")
        return language_of(header) if header else self.principal.language

    @property
    def secret(self) -> bytes:
        """The deployment's secret, for cursors."""
        return self.database.settings.secret_key.get_secret_value().encode()

    @property
    def actor(self) -> Actor:
        """Who the audit names."""
        principal = self.principal
        return Actor(
            user_id=principal.user_id,
            name=principal.name,
            api_key_id=principal.api_key_id,
            request_id=self.request.scope.get("huiying.request_id"),
            address=self.request.client.host if self.request.client else None,
        )

    def check_version(self, row: Row, *, required: bool = False) -> None:
        """Compare `If-Match` with the row's `version`: raises `StaleVersion`, or `VersionRequired` if it must be."""
        header = self.request.headers.get("if-match")
        if header is None:
            if required:
                raise VersionRequired
            return
        if header.strip() == "*":
            return
        text = header.strip().removeprefix("W/").strip('"')
        if not text.isdecimal() or len(text) > 18:
            raise BadRequest("etag_invalid")
        if int(text) != row["version"]:
            raise StaleVersion

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open the request's one transaction; with an `Idempotency-Key` it is claimed inside it.

        A repeat of an answered request ends here: `Replayed` carries the first answer.
        """
        key = self.request.headers.get("idempotency-key")
        claim = self.database.hooks.claim if self.request.method == "POST" else None
        # Before the transaction: reading a body may suspend.
        asked = None if key is None or claim is None else await self._idempotency_scope(key)
        async with self.database.transaction(self.actor) as tx:
            if asked is not None and claim is not None:
                kept = await claim(tx, *asked)
                if kept is not None:
                    raise Replayed(kept)
                tx.notes["idempotency"] = asked
            yield tx
            if AUTHORIZATION_MOVED in tx.notes:
                tx.after_commit.append(self.request.app.state.guard.forget)

    async def _idempotency_scope(self, key: str) -> tuple[str, str]:
        if not 1 <= len(key) <= 255 or not VISIBLE.issuperset(key):
            raise BadRequest("idempotency_key_invalid")
        caller = f"{self.principal.user_id}:{self.principal.api_key_id or ''}"
        url = self.request.url
        body = self.content if self.content is not None else await self.request.body()
        scope = hashlib.sha256(f"{caller}\n{self.request.method}\n{url.path}\n{key}".encode())
        # Keyed: a body may hold a password, and a plain hash of it could be guessed from the table.
        asked = hmac.new(
            self.secret, b"idempotency\n" + url.query.encode() + b"\n" + body, "sha256"
        )
        return scope.hexdigest(), asked.hexdigest()

    async def answer(
        self,
        tx: Transaction,
        statement: Statement,
        *,
        status: int = 200,
        location: str | None = None,
        **values: Any,
    ) -> Response:
        """Return the resource as it is at the end of the transaction, kept for repeats of the request."""
        row = await one(tx, statement, **values)
        return await self.answer_json(
            tx, row["body"], status=status, headers=resource_headers(row, location)
        )

    async def answer_json(
        self,
        tx: Transaction,
        body: bytes | str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        secret: bool = False,
    ) -> Response:
        """Return JSON made in this transaction, kept for repeats; with `secret` only the fact is kept, not the body."""
        note = tx.notes.get("idempotency")
        if note is not None and self.database.hooks.keep is not None:
            scope, asked = note
            kept = None if secret else body.encode() if isinstance(body, str) else body
            answer = KeptAnswer(status, dict(headers or {}), kept)
            await self.database.hooks.keep(tx, scope, asked, answer)
        return json_response(body, status=status, headers=headers)

    async def read(self, statement: Statement, **values: Any) -> Response:
        """Return one resource, in autocommit."""
        row = await one(self.database, statement, **values)
        return json_response(row["body"], headers=resource_headers(row))


class Replayed(Refusal):
    """Not a refusal but the end of the way: the request was answered before, here is that answer."""

    status = 200
    default_code = "replayed"

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__()
        self.kept = kept


def replay_response(kept: KeptAnswer) -> Response:
    """Return a kept answer; raises `Conflict` where it held a secret, or was too long to be kept."""
    if kept.body is None:
        raise Conflict("secret_not_replayable")
    if not kept.body and kept.status != 204:
        place = {name: v for name, v in kept.headers.items() if name == "Location"}
        raise Conflict("answer_not_replayable", headers=place)
    headers = {**kept.headers, "Idempotency-Replayed": "true"}
    return json_response(kept.body, status=kept.status, headers=headers)


class Permits:
    """The dependency that a route declares its permission with."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Call:
        """Return the call of an identified and permitted caller."""
        guard: Guard = request.app.state.guard
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential or len(credential) > 8192:
            raise NotAuthenticated
        principal = await guard.identify(credential.strip())
        request.scope["huiying.principal"] = principal
        if self.permission is not None and not principal.may(self.permission):
            raise NotPermitted(permission=self.permission.value)
        return Call(request, guard.database, principal)


def permits(permission: str | None) -> Any:
    """Return `Depends` on a caller who holds `permission` (None: anybody who is logged in)."""
    return Depends(Permits(Permission(permission) if permission else None))


def reader_values(principal: Principal) -> dict[str, Any]:
    """Return the parameters that row scopes and masks take."""
    return {"reveal": principal.reveals}
