"""Roles, permissions and how far each reaches: one table (conventions section 2).

A permission `noun:verb` is declared on the route; its row scope goes into the select. Not here: who the
caller is (`principal`), and what "own" or "department" means for a kind of row (that feature's queries).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What a member of staff is hired for; everybody has one."""

    ADMIN = "admin"
    MANAGER = "manager"
    SALES = "sales"
    SUPPORT = "support"
    SERVICE = "service"
    ANALYST = "analyst"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route may ask of its caller."""

    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    DEPARTMENTS_READ = "departments:read"
    DEPARTMENTS_WRITE = "departments:write"
    API_KEYS_READ = "api_keys:read"
    API_KEYS_WRITE = "api_keys:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    CUSTOMERS_REVEAL = "customers:reveal"
    CUSTOMERS_MERGE = "customers:merge"
    SAVED_VIEWS_READ = "saved_views:read"
    SAVED_VIEWS_WRITE = "saved_views:write"
    SEGMENTS_READ = "segments:read"
    SEGMENTS_WRITE = "segments:write"
    CUSTOMERS_IMPORT = "customers:import"
    CUSTOMERS_EXPORT = "customers:export"
    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    TICKETS_APPROVE = "tickets:approve"
    DEADLINES_READ = "deadlines:read"
    DEADLINES_CORRECT = "deadlines:correct"
    ESCALATIONS_READ = "escalations:read"
    NOTIFICATIONS_READ = "notifications:read"
    AUDIT_READ = "audit:read"
    SLA_READ = "sla:read"
    SLA_WRITE = "sla:write"
    SLA_BACKTEST = "sla:backtest"
    TIER_POLICIES_READ = "tier_policies:read"
    TIER_POLICIES_WRITE = "tier_policies:write"
    LIFECYCLE_READ = "lifecycle:read"
    LIFECYCLE_WRITE = "lifecycle:write"
    FIELDS_WRITE = "fields:write"
    CALENDARS_READ = "calendars:read"
    CALENDARS_WRITE = "calendars:write"
    SOP_READ = "sop:read"
    SCORECARD_READ = "scorecard:read"
    SOP_WRITE = "sop:write"
    OBLIGATIONS_READ = "obligations:read"
    OBLIGATIONS_WRITE = "obligations:write"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_CANCEL = "operations:cancel"
    REHEARSAL_ADVANCE = "rehearsal:advance"


class RowScope(StrEnum):
    """How far a permission reaches; each scope holds the ones before it.

    `own`: the caller's own rows. A ticket is its owner's, its creator's, its task force's and its
    customer's owner's; a customer is its owner's and its account team's. `department`: also the rows of
    the caller's department and those below it. `all`: every row; also where there are no rows to scope.
    """

    OWN = "own"
    DEPARTMENT = "department"
    ALL = "all"


_P, _S = Permission, RowScope

# What everybody needs to find his way: colleagues, departments, the rules, his own inbox and operations.
_EVERYBODY: Final = {
    _P.USERS_READ: _S.ALL,
    _P.DEPARTMENTS_READ: _S.ALL,
    _P.SLA_READ: _S.ALL,
    _P.LIFECYCLE_READ: _S.ALL,
    _P.TIER_POLICIES_READ: _S.ALL,
    _P.CALENDARS_READ: _S.ALL,
    _P.SOP_READ: _S.ALL,
    _P.NOTIFICATIONS_READ: _S.OWN,
    _P.OPERATIONS_READ: _S.OWN,
    _P.OPERATIONS_CANCEL: _S.OWN,
}
# One file shared by every department (SOP CU-13): all of it is read, masked.
_READER: Final = _EVERYBODY | {
    _P.CUSTOMERS_READ: _S.ALL,
    _P.SEGMENTS_READ: _S.ALL,
    # One's own; what others share is seen besides.
    _P.SAVED_VIEWS_READ: _S.OWN,
    _P.SAVED_VIEWS_WRITE: _S.OWN,
    _P.TICKETS_READ: _S.ALL,
    _P.DEADLINES_READ: _S.ALL,
    _P.ESCALATIONS_READ: _S.ALL,
    _P.OBLIGATIONS_READ: _S.ALL,
}
_STAFF: Final = _READER | {
    _P.CUSTOMERS_WRITE: _S.DEPARTMENT,
    _P.TICKETS_WRITE: _S.DEPARTMENT,
    # How well one works is between oneself, one's manager and whoever reads reports.
    _P.SCORECARD_READ: _S.OWN,
    _P.OBLIGATIONS_WRITE: _S.DEPARTMENT,
}

GRANTS: Final[Mapping[Role, Mapping[Permission, RowScope]]] = MappingProxyType(
    {
        # The admin runs the deployment: everything, but the inbox and the views of others are not read.
        Role.ADMIN: dict.fromkeys(Permission, _S.ALL)
        | dict.fromkeys((_P.NOTIFICATIONS_READ, _P.SAVED_VIEWS_READ, _P.SAVED_VIEWS_WRITE), _S.OWN),
        Role.MANAGER: _STAFF
        | {
            # Whoever takes many files along is answerable for it: of his own department only.
            _P.CUSTOMERS_IMPORT: _S.OWN,
            _P.CUSTOMERS_EXPORT: _S.DEPARTMENT,
            _P.CUSTOMERS_REVEAL: _S.ALL,
            _P.SEGMENTS_WRITE: _S.ALL,
            _P.TICKETS_APPROVE: _S.DEPARTMENT,
            _P.DEADLINES_CORRECT: _S.DEPARTMENT,
            _P.SCORECARD_READ: _S.DEPARTMENT,
            _P.SLA_BACKTEST: _S.DEPARTMENT,
        },
        # A seller need not know the phone numbers of another department's customers (SOP SE-1) ...
        Role.SALES: _STAFF | {_P.CUSTOMERS_REVEAL: _S.DEPARTMENT, _P.CUSTOMERS_IMPORT: _S.OWN},
        # ... but who answers tickets must be able to call back whoever opened one.
        Role.SUPPORT: _STAFF | {_P.CUSTOMERS_REVEAL: _S.ALL},
        Role.SERVICE: _STAFF | {_P.CUSTOMERS_REVEAL: _S.ALL},
        Role.ANALYST: _READER
        | {
            _P.CUSTOMERS_EXPORT: _S.ALL,
            _P.SCORECARD_READ: _S.ALL,
            _P.SLA_BACKTEST: _S.ALL,
        },
        Role.AUDITOR: _EVERYBODY | {_P.AUDIT_READ: _S.ALL},
    }
)

# What no API key may hold: to make people or keys would be to outlive the key's own revocation, a
# supervisor's judgement needs a supervisor, and a key has no inbox.
_PEOPLE_ONLY: Final = frozenset(
    {
        _P.USERS_WRITE,
        _P.DEPARTMENTS_WRITE,
        _P.API_KEYS_READ,
        _P.API_KEYS_WRITE,
        _P.CUSTOMERS_MERGE,
        _P.TICKETS_APPROVE,
        _P.DEADLINES_CORRECT,
        _P.NOTIFICATIONS_READ,
        _P.AUDIT_READ,
        _P.SOP_WRITE,
        _P.REHEARSAL_ADVANCE,
    }
)
API_KEY_SCOPES: Final = frozenset(Permission) - _PEOPLE_ONLY


class ScopeRefused(ValueError):
    """Names that are no permission, or none that an API key may hold: `names`, sorted."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(f"not a scope of an API key: {', '.join(self.names)}")


def permissions_of(role: Role) -> frozenset[Permission]:
    """Return what the role may do at all."""
    return frozenset(GRANTS[role])


def row_scope(role: Role, permission: Permission) -> RowScope | None:
    """Return how far the role's permission reaches; None when it has not got it."""
    return GRANTS[role].get(permission)


def parse_api_key_scopes(names: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions named; raises ScopeRefused with every name that an API key cannot hold."""
    wanted = frozenset(names)
    if refused := wanted - API_KEY_SCOPES:
        raise ScopeRefused(refused)
    return frozenset(Permission(name) for name in wanted)


def api_key_permissions(owner: Role, scopes: Iterable[Permission]) -> Mapping[Permission, RowScope]:
    """Return what a key may do: its scopes, as far as the person reaches in whose name it was made.

    A demoted owner's key shrinks with him: a scope that he lost is gone from the key too.
    """
    granted = GRANTS[owner]
    return {
        scope: granted[scope] for scope in scopes if scope in granted and scope in API_KEY_SCOPES
    }
