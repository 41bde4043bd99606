"""Roles and permissions: the table says what the conventions say, for every role and permission."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.permissions import (
    API_KEY_SCOPES,
    GRANTS,
    Permission,
    Role,
    RowScope,
    ScopeRefused,
    api_key_permissions,
    parse_api_key_scopes,
    permissions_of,
    row_scope,
)

WIDTH = {None: 0, RowScope.OWN: 1, RowScope.DEPARTMENT: 2, RowScope.ALL: 3}
STAFF = [Role.ADMIN, Role.MANAGER, Role.SALES, Role.SUPPORT, Role.SERVICE]


def roles_with(permission: Permission) -> set[Role]:
    return {role for role in Role if permission in permissions_of(role)}


def test_every_role_has_a_row_in_the_table() -> None:
    assert set(GRANTS) == set(Role)


def test_every_permission_is_a_noun_and_a_verb_held_by_somebody() -> None:
    for permission in Permission:
        assert re.fullmatch(r"[a-z_]+:[a-z]+", permission)
        assert roles_with(permission)


def test_permissions_and_row_scopes_agree_for_every_role() -> None:
    for role in Role:
        for permission in Permission:
            has = permission in permissions_of(role)
            assert has == (row_scope(role, permission) is not None)


@pytest.mark.sop("CU-13", "SE-1")
@pytest.mark.parametrize("role", STAFF)
@pytest.mark.parametrize("permission", [Permission.CUSTOMERS_READ, Permission.TICKETS_READ])
def test_staff_reads_the_one_file_shared_by_every_department(
    role: Role, permission: Permission
) -> None:
    assert row_scope(role, permission) is RowScope.ALL


@pytest.mark.sop("SE-1")
@pytest.mark.parametrize("permission", [Permission.CUSTOMERS_WRITE, Permission.TICKETS_WRITE])
def test_staff_writes_within_the_department_and_the_admin_everywhere(
    permission: Permission,
) -> None:
    assert {role: row_scope(role, permission) for role in Role} == {
        Role.ADMIN: RowScope.ALL,
        Role.MANAGER: RowScope.DEPARTMENT,
        Role.SALES: RowScope.DEPARTMENT,
        Role.SUPPORT: RowScope.DEPARTMENT,
        Role.SERVICE: RowScope.DEPARTMENT,
        Role.ANALYST: None,
        Role.AUDITOR: None,
    }


@pytest.mark.sop("SE-1")
def test_personal_fields_are_revealed_to_those_who_need_to_call() -> None:
    assert {role: row_scope(role, Permission.CUSTOMERS_REVEAL) for role in Role} == {
        Role.ADMIN: RowScope.ALL,
        Role.MANAGER: RowScope.ALL,
        Role.SALES: RowScope.DEPARTMENT,
        Role.SUPPORT: RowScope.ALL,
        Role.SERVICE: RowScope.ALL,
        Role.ANALYST: None,
        Role.AUDITOR: None,
    }


@pytest.mark.sop("SE-2")
def test_the_log_is_read_by_the_auditor_and_the_admin_alone() -> None:
    assert roles_with(Permission.AUDIT_READ) == {Role.AUDITOR, Role.ADMIN}


def test_the_auditor_reads_no_customer_and_no_ticket() -> None:
    nouns = {permission.partition(":")[0] for permission in permissions_of(Role.AUDITOR)}
    assert not nouns & {"customers", "tickets", "deadlines", "escalations"}


def test_the_analyst_reads_exports_and_backtests_and_changes_nothing_but_his_own_operations_and_views() -> (
    None
):
    others = permissions_of(Role.ANALYST) - {Permission.SAVED_VIEWS_WRITE}
    verbs = {permission.partition(":")[2] for permission in others}
    assert verbs == {"read", "export", "backtest", "cancel"}
    assert row_scope(Role.ANALYST, Permission.OPERATIONS_CANCEL) is RowScope.OWN
    assert row_scope(Role.ANALYST, Permission.SAVED_VIEWS_WRITE) is RowScope.OWN


@pytest.mark.parametrize("permission", [Permission.TICKETS_APPROVE, Permission.DEADLINES_CORRECT])
def test_only_a_supervisor_approves_and_corrects_and_only_in_his_department(
    permission: Permission,
) -> None:
    assert roles_with(permission) == {Role.ADMIN, Role.MANAGER}
    assert row_scope(Role.MANAGER, permission) is RowScope.DEPARTMENT


@pytest.mark.parametrize(
    "permission",
    [
        Permission.USERS_WRITE,
        Permission.DEPARTMENTS_WRITE,
        Permission.API_KEYS_READ,
        Permission.API_KEYS_WRITE,
        Permission.REHEARSAL_ADVANCE,
    ],
)
def test_only_the_admin_makes_people_departments_keys_and_time(permission: Permission) -> None:
    assert roles_with(permission) == {Role.ADMIN}


def test_nobody_reads_the_inbox_of_another() -> None:
    assert {row_scope(role, Permission.NOTIFICATIONS_READ) for role in Role} == {RowScope.OWN}


def test_whoever_writes_a_kind_of_row_can_read_it_at_least_as_far() -> None:
    for role in Role:
        for permission in permissions_of(role):
            reading = f"{permission.partition(':')[0]}:read"
            if reading in set(Permission):
                reach = row_scope(role, Permission(reading))
                assert WIDTH[reach] >= WIDTH[row_scope(role, permission)]


def test_a_role_that_is_written_wrong_is_no_role() -> None:
    with pytest.raises(ValueError, match="Manager"):
        Role("Manager")


def test_the_table_cannot_be_changed_at_run_time() -> None:
    with pytest.raises(TypeError):
        GRANTS[Role.SALES] = {}  # type: ignore[index]


def test_api_key_scopes_are_permissions() -> None:
    assert parse_api_key_scopes(["tickets:read", "tickets:write", "tickets:read"]) == {
        Permission.TICKETS_READ,
        Permission.TICKETS_WRITE,
    }


def test_a_wrong_scope_is_refused_with_all_wrong_names() -> None:
    with pytest.raises(ScopeRefused) as refused:
        parse_api_key_scopes(["tickets:read", "users:write", "*", "Tickets:read", ""])
    assert refused.value.names == ("", "*", "Tickets:read", "users:write")


def test_no_api_key_can_make_people_or_keys_or_judge() -> None:
    assert not API_KEY_SCOPES & {
        Permission.USERS_WRITE,
        Permission.DEPARTMENTS_WRITE,
        Permission.API_KEYS_READ,
        Permission.API_KEYS_WRITE,
        Permission.DEADLINES_CORRECT,
        Permission.TICKETS_APPROVE,
        Permission.AUDIT_READ,
        Permission.REHEARSAL_ADVANCE,
    }
    assert Permission.TICKETS_WRITE in API_KEY_SCOPES


def test_a_key_reaches_as_far_as_the_person_behind_it() -> None:
    scopes = [Permission.TICKETS_READ, Permission.TICKETS_WRITE]
    assert api_key_permissions(Role.ADMIN, scopes) == dict.fromkeys(scopes, RowScope.ALL)
    assert api_key_permissions(Role.SUPPORT, scopes) == {
        Permission.TICKETS_READ: RowScope.ALL,
        Permission.TICKETS_WRITE: RowScope.DEPARTMENT,
    }
    assert api_key_permissions(Role.ANALYST, scopes) == {Permission.TICKETS_READ: RowScope.ALL}


@given(st.sampled_from(Role), st.sets(st.sampled_from(Permission)))
def test_a_key_never_has_more_than_its_scopes_or_the_person_behind_it(
    role: Role, scopes: set[Permission]
) -> None:
    held = api_key_permissions(role, scopes)
    assert set(held) <= scopes & permissions_of(role) & API_KEY_SCOPES
    assert all(reach is row_scope(role, permission) for permission, reach in held.items())
