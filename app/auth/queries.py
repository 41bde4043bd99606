"""What is asked of identity: who is calling, the shown users, departments and keys, the rows that services change.

Statements named `..._LOCKED` hold their rows for writing.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased, join, outerjoin

from app.auth.models import (
    ApiKey,
    AuthorizationVersion,
    Department,
    OnCall,
    RefreshToken,
    Session,
    User,
)
from app.auth.permissions import Role
from app.columns import UtcDateTime, table_columns
from app.reading import Listing, one_statement
from app.statements import Shown, Statement, any_of, json_list

Fields = tuple[tuple[str, Shown], ...]

_manager = aliased(User, name="manager")
_delegate = aliased(User, name="delegate")
_head = aliased(User, name="head")
_parent = aliased(Department, name="parent")
_called = aliased(User, name="called")
_owner = aliased(User, name="owner")


def _now() -> ColumnElement[Any]:
    return bindparam("now", type_=UtcDateTime())


def _asked(name: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """`condition` where the flag `name` is true, its opposite where it is false."""
    return condition == bindparam(name, type_=Boolean())


# --- callers

_PERSON = (
    User.id.label("user_id"), User.public_id, User.name, User.role, User.is_active,
    User.department_id, User.language, Department.path,
)  # fmt: skip
BY_SESSION = Statement(
    select(*_PERSON, Session.id.label("session_key"), Session.ended_at)
    .join_from(User, Session, Session.user_id == User.id)
    .outerjoin(Department, Department.id == User.department_id)
    .where(User.public_id == bindparam("user"), Session.public_id == bindparam("session"))
)
BY_API_KEY = Statement(
    select(
        *_PERSON, ApiKey.id.label("api_key_id"), ApiKey.secret_hash, ApiKey.scopes, ApiKey.expires_at,
        ApiKey.revoked_at,
    )
    .join_from(User, ApiKey, ApiKey.user_id == User.id)
    .outerjoin(Department, Department.id == User.department_id)
    .where(ApiKey.key_id == bindparam("key_id"))
)  # fmt: skip
VERSION = Statement(select(AuthorizationVersion.number).where(AuthorizationVersion.id == 1))

# --- users

_people: FromClause = outerjoin(
    outerjoin(
        outerjoin(User, Department, Department.id == User.department_id),
        _manager,
        _manager.id == User.manager_id,
    ),
    _delegate,
    _delegate.id == User.delegate_id,
)
_USER: Fields = (
    ("id", User.public_id),
    ("email", User.email),
    ("name", User.name),
    ("role", User.role),
    ("title", User.title),
    ("department_id", Department.public_id),
    ("manager_id", _manager.public_id),
    ("delegate_id", _delegate.public_id),
    ("absent_from", User.absent_from),
    ("absent_until", User.absent_until),
    ("zone", User.zone),
    ("language", User.language),
    ("is_active", User.is_active),
    ("version", User.version),
    ("created_at", User.created_at),
    ("updated_at", User.updated_at),
)
USER = one_statement(_people, _USER, User.public_id == bindparam("public_id"), version=User.version)
USERS = Listing(
    name="users",
    source=_people,
    fields=_USER,
    key=User.id,
    sorts={"name": User.name_key, "email": User.email, "created_at": User.created_at},
    filters={
        "role": User.role == bindparam("role"),
        "department_id": Department.public_id == bindparam("department_id"),
        "manager_id": _manager.public_id == bindparam("manager_id"),
        "is_active": User.is_active == bindparam("is_active"),
        "email": User.email == bindparam("email"),
    },
)
USER_LOCKED = Statement(
    select(*table_columns(User))
    .where(User.public_id == bindparam("public_id"))
    .with_for_update(key_share=True)
)
# What a login compares: outside its transaction first, then again under the lock.
LOGIN = Statement(
    select(*table_columns(User)).where(User.email == bindparam("email", type_=User.email.type))
)
BY_KEY = Statement(select(*table_columns(User)).where(User.id == bindparam("user_id")))
BY_KEY_LOCKED = Statement(
    select(*table_columns(User))
    .where(User.id == bindparam("user_id"))
    .with_for_update(key_share=True)
)
USERS_NAMED = Statement(select(*table_columns(User)).where(any_of(User.public_id, "public_ids")))
EMAIL_OF = Statement(select(User.email).where(User.public_id == bindparam("public_id")))
EMAIL_OWNER = Statement(select(User.id).where(User.email == bindparam("email")))
MANAGER_OF = Statement(select(User.manager_id).where(User.id == bindparam("user_id")))
_is_active_admin = (User.role == literal(Role.ADMIN.value)) & User.is_active
OTHER_ADMINS = Statement(
    select(func.count()).select_from(User).where(_is_active_admin, User.id != bindparam("user_id"))
)

# --- sessions

_before = bindparam("before", type_=UtcDateTime())
LIVE_SESSIONS_LOCKED = Statement(
    select(*table_columns(Session))
    .where(
        Session.user_id == bindparam("user_id"),
        Session.ended_at.is_(None),
        Session.expires_at > _now(),
    )
    .order_by(Session.id)
    .with_for_update(key_share=True)
)
SESSION_LOCKED = Statement(
    select(*table_columns(Session))
    .where(Session.id == bindparam("session_id"), Session.ended_at.is_(None))
    .with_for_update(key_share=True)
)
BY_REFRESH_TOKEN = Statement(
    select(
        RefreshToken.id.label("token_id"),
        RefreshToken.used_at,
        Session.id.label("session_id"),
        Session.public_id.label("session_public_id"),
        Session.expires_at,
        Session.ended_at,
        User.id,
        User.public_id,
        User.name,
        User.role,
        User.is_active,
    )
    .join_from(RefreshToken, Session, Session.id == RefreshToken.session_id)
    .join(User, User.id == Session.user_id)
    .where(RefreshToken.token_hash == bindparam("token_hash"))
)
USE_REFRESH_TOKEN = Statement(
    update(RefreshToken)
    .where(RefreshToken.id == bindparam("token_id"), RefreshToken.used_at.is_(None))
    .values(used_at=_now())
    .returning(RefreshToken.id)
)
DROP_REFRESH_TOKENS = Statement(
    delete(RefreshToken)
    .where(
        RefreshToken.session_id.in_(
            select(Session.id).where(or_(Session.expires_at < _before, Session.ended_at < _before))
        )
    )
    .returning(RefreshToken.id)
)
MOVE_AUTHORIZATION = Statement(
    update(AuthorizationVersion)
    .where(AuthorizationVersion.id == 1)
    .values(number=AuthorizationVersion.number + 1)
    .returning(AuthorizationVersion.number)
)

# --- departments

_tree: FromClause = outerjoin(
    outerjoin(Department, _parent, _parent.id == Department.parent_id),
    _head,
    _head.id == Department.head_id,
)
_on_call = (
    select()
    .select_from(join(OnCall, _called, _called.id == OnCall.user_id))
    .where(OnCall.department_id == Department.id)
    .order_by(OnCall.position, OnCall.id)
)
_DEPARTMENT: Fields = (
    ("id", Department.public_id),
    ("name", Department.name),
    ("parent_id", _parent.public_id),
    ("head_id", _head.public_id),
    (
        "on_call",
        json_list(_on_call, [("user_id", _called.public_id), ("name", _called.name)], Department),
    ),
    ("version", Department.version),
    ("created_at", Department.created_at),
    ("updated_at", Department.updated_at),
)
DEPARTMENT = one_statement(
    _tree,
    _DEPARTMENT,
    Department.public_id == bindparam("public_id"),
    version=Department.version,
)
DEPARTMENTS = Listing(
    name="departments",
    source=_tree,
    fields=_DEPARTMENT,
    key=Department.id,
    sorts={"name": Department.name_key, "created_at": Department.created_at},
    filters={
        "parent_id": _parent.public_id == bindparam("parent_id"),
        "is_root": _asked("is_root", Department.parent_id.is_(None)),
        "head_id": _head.public_id == bindparam("head_id"),
    },
)
DEPARTMENT_LOCKED = Statement(
    select(*table_columns(Department))
    .where(Department.public_id == bindparam("public_id"))
    .with_for_update(key_share=True)
)
DEPARTMENT_NAMED = Statement(
    select(*table_columns(Department)).where(Department.public_id == bindparam("public_id"))
)
DEPARTMENT_BY_KEY = Statement(
    select(*table_columns(Department)).where(Department.id == bindparam("department_id"))
)
SIBLINGS = Statement(
    select(Department.id).where(
        Department.name_key == bindparam("name_key", type_=Department.name_key.type),
        func.coalesce(Department.parent_id, 0) == bindparam("parent"),
    )
)
BELOW_LOCKED = Statement(
    select(*table_columns(Department))
    .where(
        Department.path > bindparam("path", type_=Department.path.type),
        Department.path < bindparam("path_end", type_=Department.path.type),
    )
    .order_by(Department.id)
    .with_for_update(key_share=True)
)
ON_CALL = Statement(
    select(*table_columns(OnCall))
    .where(OnCall.department_id == bindparam("department_id"))
    .order_by(OnCall.id)
)

# --- API keys

_keys: FromClause = join(ApiKey, _owner, _owner.id == ApiKey.user_id)
_API_KEY: Fields = (
    ("id", ApiKey.public_id),
    ("name", ApiKey.name),
    ("prefix", literal("hy_") + ApiKey.key_id),
    ("scopes", ApiKey.scopes),
    ("user_id", _owner.public_id),
    ("expires_at", ApiKey.expires_at),
    ("revoked_at", ApiKey.revoked_at),
    ("version", ApiKey.version),
    ("created_at", ApiKey.created_at),
)
API_KEY = one_statement(
    _keys, _API_KEY, ApiKey.public_id == bindparam("public_id"), version=ApiKey.version
)
API_KEYS = Listing(
    name="api_keys",
    source=_keys,
    fields=_API_KEY,
    key=ApiKey.id,
    sorts={"created_at": ApiKey.created_at},
    filters={
        "user_id": _owner.public_id == bindparam("user_id"),
        "is_revoked": _asked("is_revoked", ApiKey.revoked_at.is_not(None)),
    },
)
API_KEY_LOCKED = Statement(
    select(*table_columns(ApiKey))
    .where(ApiKey.public_id == bindparam("public_id"))
    .with_for_update(key_share=True)
)
