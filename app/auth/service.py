"""Sessions: logging in and out, rotating refresh tokens, changing a password; and the version that caches watch.

Passwords are hashed and compared before a transaction begins, since SQLite's may not suspend; what was compared is
looked at again inside. Users, departments and API keys are changed in the modules of their names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import orjson

from app import writing
from app.auth import hashing, passwords, queries, tokens
from app.auth.login_limit import LoginFailed, OldPasswordWrong
from app.auth.models import AuthorizationVersion, RefreshToken, Session, User
from app.auth.passwords import PasswordFault
from app.auth.principal import AUTHORIZATION_MOVED, Principal
from app.auth.values import fold_email
from app.database import Database, Transaction
from app.errors import Conflict, FieldError, Invalid, NotAuthenticated, NotPermitted
from app.settings import Settings
from app.statements import Row
from app.time import real_now


class SessionEnd(StrEnum):
    """Why a session ended before its time."""

    LOGOUT = "logout"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    USER_DEACTIVATED = "user_deactivated"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login or a rotation gives; the access token lives `expires_in` seconds."""

    access_token: str
    expires_in: int
    refresh_token: str

    @property
    def body(self) -> bytes:
        """The answer, in OAuth2's form."""
        return orjson.dumps(
            {
                "access_token": self.access_token,
                "token_type": "bearer",
                "expires_in": self.expires_in,
                "refresh_token": self.refresh_token,
            }
        )


async def move_authorization(tx: Transaction) -> None:
    """Move the version that every process's memory of callers watches; they forget within seconds.

    Called first in every write of users, departments, keys and session ends: its row is also the lock under which
    those writes follow one another, so that what they must hold between rows is checked without a race.
    """
    tx.notes[AUTHORIZATION_MOVED] = True
    await writing.change_set(tx, AuthorizationVersion, queries.MOVE_AUTHORIZATION)


# --- logging in


@dataclass(frozen=True, slots=True)
class Proven:
    """A user whose password was right; `new_hash` is to be stored where the old one's cost is out of date."""

    user: Row
    new_hash: str | None


async def prove_password(database: Database, email: str, password: str) -> Proven:
    """Return whose e-mail address and password these are; raises `LoginFailed`, at equal cost for nobody."""
    user = await database.one(queries.LOGIN, email=fold_email(email))
    stored = user["password_hash"] if user is not None and user["is_active"] else None
    is_right = await hashing.verify_password(stored, password)
    if user is None or not is_right:
        raise LoginFailed(None if user is None else (user["id"], user["public_id"]))
    outdated = passwords.needs_rehash(user["password_hash"])
    return Proven(user, await hashing.hash_password(password) if outdated else None)


async def log_in(tx: Transaction, proven: Proven) -> TokenPair:
    """Open a session of the user; raises `LoginFailed` where he has lost the password or the right meanwhile."""
    known = proven.user
    user = await tx.one(queries.BY_KEY_LOCKED, user_id=known["id"])
    if user is None or not user["is_active"] or user["password_hash"] != known["password_hash"]:
        raise LoginFailed((known["id"], known["public_id"]))
    if proven.new_hash is not None:
        await writing.update(tx, User, user, password_hash=proven.new_hash)
    settings = tx.database.settings
    now = real_now()
    session = await writing.insert(
        tx,
        Session,
        user_id=user["id"],
        created_at=now,
        expires_at=now + timedelta(days=settings.refresh_token_days),
    )
    return await _issue(tx, settings, session=session, user=user["public_id"])


async def _issue(tx: Transaction, settings: Settings, *, session: Row, user: str) -> TokenPair:
    """Give a session its next pair of tokens; neither outlives it."""
    now = real_now()
    refresh = tokens.new_refresh_token()
    lifetime = min(timedelta(seconds=settings.access_token_seconds), session["expires_at"] - now)
    access, _ = tokens.issue_access_token(
        settings.secret_key.get_secret_value().encode(),
        subject=user,
        session=session["public_id"],
        now=now,
        lifetime=lifetime,
    )
    await writing.insert(
        tx, RefreshToken, session_id=session["id"], token_hash=refresh.token_hash, issued_at=now
    )
    return TokenPair(access, lifetime // timedelta(seconds=1), refresh.plain)


# --- refreshing


async def find_refresh_token(database: Database, plain: str) -> Row:
    """Return a refresh token with its session and user, used or not; raises `NotAuthenticated` for none of ours."""
    try:
        token_hash = tokens.hash_refresh_token(plain)
    except tokens.TokenInvalid as error:
        raise NotAuthenticated("refresh_token_invalid") from error
    row = await database.one(queries.BY_REFRESH_TOKEN, token_hash=token_hash)
    if row is None:
        raise NotAuthenticated("refresh_token_invalid")
    return row


async def rotate(tx: Transaction, found: Row) -> TokenPair | None:
    """Use the token up and return the next pair; None where somebody has used it before.

    Of two rotations of one token at once exactly one gets a pair. Raises `NotAuthenticated` where the session has
    ended or its user may not log in.
    """
    is_over = found["ended_at"] is not None or not found["is_active"]
    if is_over or found["expires_at"] - real_now() < timedelta(seconds=1):
        raise NotAuthenticated("refresh_token_invalid")
    used = await writing.change_set(
        tx,
        RefreshToken,
        queries.USE_REFRESH_TOKEN,
        token_id=found["token_id"],
        now=real_now(),
    )
    if not used:
        return None
    session = {
        "id": found["session_id"],
        "public_id": found["session_public_id"],
        "expires_at": found["expires_at"],
    }
    return await _issue(tx, tx.database.settings, session=session, user=found["public_id"])


# --- ending sessions


async def end_session(tx: Transaction, session_id: int, reason: SessionEnd) -> None:
    """End one session, now; one that has ended stays as it is."""
    await move_authorization(tx)
    await _end(tx, await tx.all(queries.SESSION_LOCKED, session_id=session_id), reason)


async def end_sessions(tx: Transaction, user_id: int, reason: SessionEnd) -> None:
    """End every session of a user, now; the caller has moved the authorisation version."""
    rows = await tx.all(queries.LIVE_SESSIONS_LOCKED, user_id=user_id, now=real_now())
    await _end(tx, rows, reason)


async def _end(tx: Transaction, sessions: Iterable[Row], reason: SessionEnd) -> None:
    for session in sessions:
        await writing.update(tx, Session, session, ended_at=real_now(), end_reason=reason.value)


async def purge_refresh_tokens(database: Database) -> int:
    """Forget the refresh tokens of sessions that are over for a day; returns how many. Sessions stay as a record."""
    before = real_now() - timedelta(days=1)
    async with database.transaction() as tx:
        rows = await writing.change_set(
            tx, RefreshToken, queries.DROP_REFRESH_TOKENS, before=before
        )
    return len(rows)


def require_session(principal: Principal) -> int:
    """Return the key of the caller's session; raises `NotPermitted` for an API key, which has none."""
    if principal.session_key is None:
        raise NotPermitted("people_only")
    return principal.session_key


# --- passwords


def check_new_password(password: str, *, email: str, pointer: str) -> None:
    """Refuse a password that breaks a rule, with one field error for each."""
    if faults := passwords.check_password(password, email=email):
        raise Invalid(errors=[_field_error(fault, pointer) for fault in faults])


def _field_error(fault: PasswordFault, pointer: str) -> FieldError:
    return FieldError(pointer, fault.value)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password ready to be stored, and the hash that it takes the place of."""

    user_id: int
    old_hash: str | None
    new_hash: str


async def prove_old_password(database: Database, user: Row, old: str, new: str) -> NewPassword:
    """Return the new password made ready; raises `OldPasswordWrong`, or `Invalid` for a new one that will not do."""
    if not await hashing.verify_password(user["password_hash"], old):
        raise OldPasswordWrong((user["id"], user["public_id"]))
    if old == new:
        raise Invalid(errors=[FieldError("/new_password", "password_unchanged")])
    check_new_password(new, email=user["email"], pointer="/new_password")
    return NewPassword(user["id"], user["password_hash"], await hashing.hash_password(new))


async def change_password(tx: Transaction, new: NewPassword) -> None:
    """Store the new password and end every session of the user, the caller's too."""
    await move_authorization(tx)
    user = await tx.one(queries.BY_KEY_LOCKED, user_id=new.user_id)
    if user is None or user["password_hash"] != new.old_hash:
        raise Conflict("password_changed_meanwhile")
    await writing.update(tx, User, user, password_hash=new.new_hash)
    await end_sessions(tx, new.user_id, SessionEnd.PASSWORD_CHANGED)
