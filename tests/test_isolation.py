"""Who reaches what: every route x every role x {own, department, other, missing}, and every id that a body can name.

What should happen is computed from the table of grants alone; the routes are read off the application, and one that
`tests/routes/probes` does not know fails here.
"""

from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app import writing
from app.auth.permissions import GRANTS, Permission, Role, RowScope
from app.database import Database
from app.tickets.models import TaskForceMember
from tests.conftest import AsUser, Caller
from tests.factories import make_customer, make_team_member, make_ticket
from tests.routes.office import (
    EMAIL,
    NOBODY,
    PHONE,
    SECRETS,
    Office,
    Relation,
    fingerprint,
    make_office,
)
from tests.routes.probes import PAGES, PROBES, VISIBLE, Asked, operations, request_of
from tests.routes.targets import Target, make_target

REVEALING = {"customers_reveal", "customers_reveal_contact"}
# What names nothing, where a path does not take an id.
MISSING = {
    "code": "no_such", "key": "no_such", "name": "no_such", "calendar": "no_such", "number": "999", "date": "1999-12-31",
}  # fmt: skip


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


def reaches(scope: RowScope | None, relation: Relation) -> bool:
    """Return whether a scope holds a row of the relation."""
    match scope:
        case RowScope.ALL:
            return True
        case RowScope.DEPARTMENT:
            return relation in (Relation.OWN, Relation.DEPARTMENT)
        case RowScope.OWN:
            return relation is Relation.OWN
        case _:
            return False


def expected(asked: Asked, role: Role, relation: Relation) -> int:
    """Return the status that the grants demand."""
    probe, grants = asked.probe, GRANTS[role]
    assert probe is not None
    if asked.permission is not None and asked.permission not in grants:
        return 403
    if probe.kind is None:
        return probe.status
    if relation is Relation.MISSING or not reaches(grants.get(VISIBLE[probe.kind]), relation):
        return 404
    needed = [asked.permission, Permission.TICKETS_APPROVE if probe.supervisor else None]
    if any(one is not None and not reaches(grants.get(one), relation) for one in needed):
        return 403
    if probe.owner_only and relation is not Relation.OWN:
        return 403
    if probe.never_owner and relation is Relation.OWN:
        return 403
    return probe.status


# --- the table is whole


def test_every_route_is_known_and_every_probe_has_its_route(app: FastAPI) -> None:
    found = list(operations(app))
    unknown = [f"{one.method} {one.path} ({one.operation})" for one in found if one.probe is None]
    assert not unknown, "say in tests/routes/probes what these are about"
    assert PROBES.keys() == {one.operation for one in found}
    others = {getattr(r, "path", "?") for r in app.routes if not isinstance(r, APIRoute)}
    assert others <= PAGES
    for one in found:
        assert (one.probe is not None and one.probe.kind is not None) == ("{" in one.path)


# --- the matrix


@dataclass
class Attack:
    """One role's way through every route; targets that were not touched are used again."""

    office: Office
    client: httpx.AsyncClient
    as_user: AsUser
    role: Role
    caller: Caller
    spare: dict[tuple[str | None, Relation, str], Target]
    faults: list[str]

    async def target(self, asked: Asked, relation: Relation, *, fresh: bool) -> Target:
        """Return a row to attack; a missing one has the form of a department's."""
        assert asked.probe is not None
        kind = asked.probe.kind
        # Who may not at all is refused whatever the row's state.
        held = asked.permission is None or asked.permission in GRANTS[self.role]
        state = asked.probe.state if held else "new"
        if relation is Relation.MISSING:
            whole = await self.target_of(kind, Relation.DEPARTMENT, state, fresh=False)
            last = list(whole.path)[-1]
            missing = MISSING.get(last, NOBODY)
            return Target(whole.office, whole.caller, {**whole.path, last: missing}, whole.ids)
        return await self.target_of(kind, relation, state, fresh=fresh)

    async def target_of(
        self, kind: str | None, relation: Relation, state: str, *, fresh: bool
    ) -> Target:
        """Return a spare row, or a fresh one where it will be changed."""
        key = (kind, relation, state)
        if fresh or key not in self.spare:
            self.spare[key] = await make_target(self.office, self.caller, kind, relation, state)
        return self.spare.pop(key) if fresh else self.spare[key]

    async def ask(self, asked: Asked, relation: Relation) -> None:
        """Send the request, and note whatever is not as it should be."""
        assert asked.probe is not None
        wanted = expected(asked, self.role, relation)
        writes = asked.method != "GET" and wanted < 400
        target = await self.target(asked, relation, fresh=writes)
        before = None if writes else await fingerprint(self.office.database)
        answer = await self.client.request(**request_of(asked, target), headers=self.caller)
        where = f"{asked.operation} {relation}: {answer.status_code} {answer.text[:200]}"
        if answer.status_code != wanted:
            self.faults.append(f"wanted {wanted}: {where}")
        if before is not None and await fingerprint(self.office.database) != before:
            self.faults.append(f"changed something: {where}")
        reveals = GRANTS[self.role].get(Permission.CUSTOMERS_REVEAL)
        if reveals is not RowScope.ALL and asked.operation not in REVEALING:
            self.faults += [f"shows {s}: {where}" for s in SECRETS if s in answer.text]
        if asked.probe.ends_sessions and answer.is_success:
            self.caller = await self.as_user(self.caller.user)


@pytest.mark.sop("SE-1")
@pytest.mark.parametrize("role", list(Role))
async def test_every_route_serves_a_role_as_far_as_its_grants_reach(
    app: FastAPI, client: httpx.AsyncClient, office: Office, as_user: AsUser, role: Role
) -> None:
    attack = Attack(office, client, as_user, role, office.callers[role], {}, [])
    for asked in operations(app):
        assert asked.probe is not None
        relations = list(Relation) if asked.probe.kind is not None else [Relation.DEPARTMENT]
        for relation in relations:
            await attack.ask(asked, relation)
    assert not attack.faults, "\n".join(attack.faults)


# --- what makes a row one's own


@pytest.mark.sop("SE-1", "CU-13")
@pytest.mark.parametrize(
    "tie",
    ["owner", "creator", "task force", "customer's owner", "account manager", "account team", None],
)
async def test_a_ticket_of_elsewhere_is_written_by_who_is_tied_to_it_and_read_by_all(
    client: httpx.AsyncClient, office: Office, tie: str | None
) -> None:
    caller, stranger = office.callers[Role.SERVICE], office.people["stranger"]
    me = caller.user
    async with office.database.transaction() as tx:
        customer = await make_customer(
            tx,
            owner=me if tie == "customer's owner" else stranger,
            department=office.south,
            account_manager_id=me["id"] if tie == "account manager" else None,
        )
        if tie == "account team":
            await make_team_member(tx, customer, me)
        ticket = await make_ticket(
            tx,
            me if tie == "creator" else stranger,
            customer,
            owner_id=(me if tie == "owner" else stranger)["public_id"],
            department_id=office.south["public_id"],
        )
        if tie == "task force":
            await writing.insert(tx, TaskForceMember, ticket_id=ticket["id"], user_id=me["id"])
    url = f"/api/v1/tickets/{ticket['public_id']}"
    assert (await client.get(url, headers=caller)).status_code == 200
    answer = await client.patch(url, json={"priority": "urgent"}, headers=caller)
    assert answer.status_code == (200 if tie else 403), answer.text


# --- masks


@pytest.mark.sop("SE-1")
@pytest.mark.parametrize("role", [r for r in Role if Permission.CUSTOMERS_READ in GRANTS[r]])
async def test_personal_figures_are_clear_only_for_who_reveals_everybodys(
    client: httpx.AsyncClient, office: Office, role: Role
) -> None:
    caller = office.callers[role]
    customer, contact = await office.customer(caller, Relation.OWN)
    url = f"/api/v1/customers/{customer['public_id']}"
    contact_url = f"{url}/contacts/{contact['public_id']}"
    file = (await client.get(url, headers=caller)).json()
    person = (await client.get(contact_url, headers=caller)).json()
    listed = (await client.get(f"{url}/contacts", headers=caller)).json()["items"][0]
    assert listed == person
    shown = (person["phones"][0]["number"], person["emails"][0]["address"], file["revenue"])
    if GRANTS[role].get(Permission.CUSTOMERS_REVEAL) is RowScope.ALL:
        assert shown == SECRETS
    else:
        assert shown[0].endswith("****5678")
        assert shown[1:] == ("h****.com", "****")
    revealed = await client.post(
        f"{contact_url}/reveal", json={"reason": "客户来电要求回拨"}, headers=caller
    )
    if Permission.CUSTOMERS_REVEAL in GRANTS[role]:
        shown = revealed.json()
        assert shown["phones"] == [{"number": PHONE, "label": None}]
        assert shown["emails"] == [{"address": EMAIL, "label": None}]
    else:
        assert revealed.status_code == 403
