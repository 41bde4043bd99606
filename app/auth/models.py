"""Tables of identity: departments, users, sessions, API keys, the authorisation version."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, UtcDateTime, key_column, public_id_column


class Department(Base):
    """A department in the tree. `path` is `/1/4/`: the keys from the root to itself, for subtree questions."""

    __tablename__ = "departments"
    __entity__ = "department"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(SortKey)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    path: Mapped[str] = mapped_column(SortKey)
    head_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", use_alter=True, name="fk_departments_head_id")
    )
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OnCall(Base):
    """Who answers for a department outside hours, in order of `position`."""

    __tablename__ = "department_on_call"
    __entity__ = "on_call"
    __table_args__ = (UniqueConstraint("department_id", "user_id"),)

    id: Mapped[int] = key_column()
    department_id: Mapped[int] = mapped_column(ForeignKey("departments.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    position: Mapped[int]


class User(Base):
    """A member of staff. `manager_id` is the escalation line; an absence lasts [absent_from, absent_until)."""

    __tablename__ = "users"
    __entity__ = "user"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    email: Mapped[str] = mapped_column(SortKey, unique=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(SortKey)
    role: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(100), default="")
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"), index=True)
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    delegate_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    absent_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    absent_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    zone: Mapped[str] = mapped_column(String(64), default="Asia/Shanghai")
    language: Mapped[str] = mapped_column(String(8), default="zh-CN")
    is_active: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str | None] = mapped_column(String(200), info={"secret": True})
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Session(Base):
    """A login, from password to logout: one family of rotating refresh tokens that ends as a whole.

    `expires_at` is fixed at login, no rotation moves it. `end_reason` is a `SessionEnd`.
    """

    __tablename__ = "sessions"
    __entity__ = "session"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str | None] = mapped_column(String(40))


class RefreshToken(Base):
    """One link of a session's chain: it is used once, and one that comes back after `used_at` ends the session."""

    __tablename__ = "refresh_tokens"
    __audited__ = False

    id: Mapped[int] = key_column()
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, info={"secret": True})
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiKey(Base):
    """An integration's key: shown once, stored hashed; its scopes are permissions."""

    __tablename__ = "api_keys"
    __entity__ = "api_key"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(String(100))
    key_id: Mapped[str] = mapped_column(String(40), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64), info={"secret": True})
    scopes: Mapped[list[str]] = mapped_column(Json)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuthorizationVersion(Base):
    """One row whose number moves whenever a role, a session, a key or a user changes; caches watch it."""

    __tablename__ = "authorization_version"
    __audited__ = False

    id: Mapped[int] = key_column()
    number: Mapped[int] = mapped_column(default=0)


Index("ix_users_manager_id", User.manager_id)
