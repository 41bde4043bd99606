"""What identity takes and gives: logins, users, departments, API keys.

Not here: whether an id names anybody, and what must hold between rows (services).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.auth.permissions import Permission, Role, RowScope
from app.auth.values import (
    Email,
    Flag,
    Instant,
    Language,
    Name,
    Title,
    TypedEmail,
    TypedPassword,
    Zone,
)

ON_CALL_MAX = 50
SCOPES_MAX = 50
_SOMEBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
_SOMEWHERE = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8f"


def _refusing(example: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


class _Page(BaseModel):
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class _PageFilter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


# --- logging in


class TokenForm(BaseModel):
    """OAuth2's password form (RFC 6749 section 4.3): `username` is the e-mail address."""

    model_config = _refusing({"username": "li.lei@example.com", "password": "correct-horse-staple"})

    username: TypedEmail
    password: TypedPassword
    grant_type: Literal["password"] = "password"
    scope: str = Field("", max_length=1000, description="Not used: a login may what its role may")
    client_id: str | None = Field(None, max_length=200, description="Not used")
    client_secret: str | None = Field(None, max_length=200, description="Not used")


class RefreshRequest(BaseModel):
    """A refresh token, which this request uses up."""

    model_config = _refusing({"refresh_token": "hyr_" + "x" * 43})

    refresh_token: str = Field(min_length=1, max_length=200)


class PasswordChange(BaseModel):
    """The caller's own password, old and new."""

    model_config = _refusing(
        {"old_password": "correct-horse-staple", "new_password": "battery-and-a-lamp"}
    )

    old_password: TypedPassword
    new_password: TypedPassword


class TokenRead(BaseModel):
    """A pair of tokens; `expires_in` is the access token's life in seconds."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    refresh_token: str


# --- users


class _UserFields(BaseModel):
    department_id: UUID | None = None
    manager_id: UUID | None = Field(None, description="The next one up the escalation line")
    delegate_id: UUID | None = Field(None, description="Told in his place while he is absent")
    absent_from: Instant | None = Field(None, description="Inclusive; with `absent_until` or not")
    absent_until: Instant | None = Field(None, description="Exclusive")


class UserCreate(_UserFields):
    """A new member of staff. Without `password` one is made up and answered once."""

    model_config = _refusing(
        {
            "email": "han.meimei@example.com",
            "name": "韩梅梅",
            "role": "support",
            "title": "高级技术支持",
            "department_id": _SOMEWHERE,
            "manager_id": _SOMEBODY,
        }
    )

    email: Email
    name: Name
    role: Role
    title: Title = ""
    zone: Zone = "Asia/Shanghai"
    language: Language = Language.CHINESE
    password: TypedPassword | None = None


class UserPatch(_UserFields):
    """Changes of a user: what is absent stays, null empties. `is_active: false` ends all his sessions."""

    model_config = _refusing(
        {
            "absent_from": "2026-03-02T00:00:00+08:00",
            "absent_until": "2026-03-07T00:00:00+08:00",
            "delegate_id": _SOMEBODY,
        }
    )

    email: Email = Field(default_factory=str)
    name: Name = Field(default_factory=str)
    role: Role = Field(default_factory=lambda: Role.SUPPORT)
    title: Title = Field(default_factory=str)
    zone: Zone = Field(default_factory=str)
    language: Language = Field(default_factory=lambda: Language.CHINESE)
    is_active: Flag = Field(default_factory=bool)


class UserSort(StrEnum):
    """The orders of the list of users; `-` is descending, the id breaks ties."""

    NAME = "name"
    NAME_DESC = "-name"
    EMAIL = "email"
    EMAIL_DESC = "-email"
    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class UserFilter(_PageFilter):
    """What the list of users can be asked for."""

    role: Role | None = None
    department_id: UUID | None = None
    manager_id: UUID | None = None
    is_active: bool | None = None
    email: Email | None = None
    sort: UserSort = UserSort.NAME


class UserRead(BaseModel):
    """A member of staff. An absence lasts from `absent_from` up to, not including, `absent_until`."""

    id: UUID
    email: str
    name: str
    role: Role
    title: str
    department_id: UUID | None
    manager_id: UUID | None
    delegate_id: UUID | None
    absent_from: AwareDatetime | None
    absent_until: AwareDatetime | None
    zone: str
    language: Language
    is_active: bool
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class UserCreated(UserRead):
    """A new user; `initial_password` is shown this once, and is null where the request gave one."""

    initial_password: str | None


class PasswordReset(BaseModel):
    """A password made up for somebody who forgot his; it is shown this once."""

    user_id: UUID
    initial_password: str


class UserPage(_Page):
    """A page of users."""

    items: list[UserRead]


class MeDepartment(BaseModel):
    """The caller's department."""

    id: UUID
    name: str


class MeRead(BaseModel):
    """Who is calling and what he may do; `permissions` says how far each permission reaches."""

    user: UserRead
    role: Role
    permissions: dict[Permission, RowScope]
    department: MeDepartment | None


# --- departments


class DepartmentCreate(BaseModel):
    """A department, under `parent_id` or at the root."""

    model_config = _refusing({"name": "华东技术支持组", "parent_id": _SOMEWHERE})

    name: Name
    parent_id: UUID | None = None
    head_id: UUID | None = None


class DepartmentPatch(BaseModel):
    """Changes of a department: what is absent stays, null empties. Everything below moves along."""

    model_config = _refusing({"parent_id": None, "head_id": _SOMEBODY})

    name: Name = Field(default_factory=str)
    parent_id: UUID | None = None
    head_id: UUID | None = None


class OnCallList(BaseModel):
    """Who answers outside hours, the first first; it takes the place of the list before."""

    model_config = _refusing({"user_ids": [_SOMEBODY]})

    user_ids: Annotated[list[UUID], Field(max_length=ON_CALL_MAX)]


class DepartmentSort(StrEnum):
    """The orders of the list of departments."""

    NAME = "name"
    NAME_DESC = "-name"
    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class DepartmentFilter(_PageFilter):
    """What the list of departments can be asked for; a tree is built from `parent_id`."""

    parent_id: UUID | None = None
    is_root: bool | None = Field(None, description="Whether there is no parent")
    head_id: UUID | None = None
    sort: DepartmentSort = DepartmentSort.NAME


class OnCallRead(BaseModel):
    """Somebody on call."""

    user_id: UUID
    name: str


class DepartmentRead(BaseModel):
    """A department; `on_call` is in order."""

    id: UUID
    name: str
    parent_id: UUID | None
    head_id: UUID | None
    on_call: list[OnCallRead]
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class DepartmentPage(_Page):
    """A page of departments."""

    items: list[DepartmentRead]


# --- API keys


class ApiKeyCreate(BaseModel):
    """A key for an integration; it reaches as far as the person in whose name it is made."""

    model_config = _refusing(
        {
            "name": "官网表单",
            "scopes": ["customers:read", "tickets:write"],
            "expires_at": "2027-03-02T00:00:00+08:00",
        }
    )

    name: Name
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=SCOPES_MAX)]
    expires_at: Instant | None = Field(None, description="Exclusive, in real time; null: never")


class ApiKeySort(StrEnum):
    """The orders of the list of keys."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class ApiKeyFilter(_PageFilter):
    """What the list of keys can be asked for."""

    user_id: UUID | None = None
    is_revoked: bool | None = None
    sort: ApiKeySort = ApiKeySort.CREATED_AT_DESC


class ApiKeyRead(BaseModel):
    """A key without its secret; `prefix` is how the key begins."""

    id: UUID
    name: str
    prefix: str
    scopes: list[Permission]
    user_id: UUID
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    version: int
    created_at: AwareDatetime


class ApiKeyCreated(ApiKeyRead):
    """A new key; `key` is shown this once."""

    key: str


class ApiKeyPage(_Page):
    """A page of keys."""

    items: list[ApiKeyRead]
