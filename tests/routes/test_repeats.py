"""Every POST sent again under its Idempotency-Key: the first answer once more, and nothing done twice."""

from collections.abc import Iterator, Mapping

import httpx
import pytest
from fastapi import FastAPI

from app.auth.permissions import Role
from app.database import Database
from tests.conftest import AsUser, Caller
from tests.routes.office import Office, Relation, fingerprint, make_office
from tests.routes.probes import Asked, Probe, operations, request_of
from tests.routes.targets import make_target, nearest

# Answers that hold a secret are not kept: a repeat is told so.
SECRET = {
    "users_reset_password", "api_keys_create", "customers_reveal", "customers_reveal_contact",
    "exports_customers",
}  # fmt: skip
# The old password is proven before anything else, and is the old one no more.
PROVEN_FIRST = {"auth_change_password"}


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


def posts(app: FastAPI) -> Iterator[tuple[Asked, Probe]]:
    for asked in operations(app):
        if asked.method == "POST" and asked.guarded:
            assert asked.probe is not None
            yield asked, asked.probe


def kept_headers(answer: httpx.Response) -> Mapping[str, str | None]:
    return {name: answer.headers.get(name) for name in ("location", "etag", "content-type")}


async def caller_for(office: Office, as_user: AsUser, probe: Probe) -> tuple[Caller, Relation]:
    """Return an admin, and whose row he can change: his own where only its owner may, or only he sees it."""
    caller = await as_user(office.callers[Role.ADMIN].user)
    return caller, Relation.OWN if probe.owner_only else nearest(probe.kind)


async def test_a_repeat_gets_the_first_answer_and_does_nothing(
    app: FastAPI, client: httpx.AsyncClient, office: Office, as_user: AsUser
) -> None:
    faults, tried = [], 0
    for asked, probe in posts(app):
        caller, relation = await caller_for(office, as_user, probe)
        target = await make_target(office, caller, probe.kind, relation, probe.state)
        request = request_of(asked, target)
        key = {"Idempotency-Key": f"repeat-{asked.operation}"}
        first = await client.request(**request, headers={**caller, **key})
        if first.status_code != probe.status:
            faults.append(f"{asked.operation}: {first.status_code} {first.text[:200]}")
            continue
        if probe.ends_sessions:
            caller = await as_user(caller.user)
        before = await fingerprint(office.database)
        again = await client.request(**request, headers={**caller, **key})
        tried += 1
        if await fingerprint(office.database) != before:
            faults.append(f"{asked.operation} did something again: {again.text[:200]}")
        if asked.operation in PROVEN_FIRST:
            continue
        if asked.operation in SECRET:
            if (again.status_code, again.json()["code"]) != (409, "secret_not_replayable"):
                faults.append(f"{asked.operation} gave a secret again: {again.text[:200]}")
            continue
        same = (again.status_code, again.content) == (first.status_code, first.content)
        if not same or kept_headers(again) != kept_headers(first):
            faults.append(
                f"{asked.operation} answers otherwise: {again.status_code} {again.text[:200]}"
            )
        if again.headers.get("idempotency-replayed") != "true":
            faults.append(f"{asked.operation} does not say that it is a repeat")
    assert not faults, "\n".join(faults)
    assert tried > 30


async def test_a_key_belongs_to_its_body_and_to_its_caller(
    app: FastAPI, client: httpx.AsyncClient, office: Office, as_user: AsUser
) -> None:
    faults, tried = [], 0
    for asked, probe in posts(app):
        if probe.body is None or probe.ends_sessions:
            continue
        caller, relation = await caller_for(office, as_user, probe)
        target = await make_target(office, caller, probe.kind, relation, probe.state)
        request = request_of(asked, target)
        key = {"Idempotency-Key": f"other-{asked.operation}"}
        first = await client.request(**request, headers={**caller, **key})
        assert first.is_success, f"{asked.operation} {first.text}"
        before = await fingerprint(office.database)
        request["json"] = {**request["json"], "no_such_field": 1}
        unknown = await client.request(**request, headers={**caller, **key})
        if unknown.status_code != 422:
            faults.append(f"{asked.operation} took an unknown field: {unknown.text[:200]}")
        spaced = (
            b" " + httpx.Request("POST", "http://t", json=request_of(asked, target)["json"]).content
        )
        headers = {**caller, **key, "Content-Type": "application/json"}
        other = await client.post(request["url"], content=spaced, headers=headers)
        if (other.status_code, other.json().get("code")) != (422, "idempotency_key_reused"):
            faults.append(f"{asked.operation}: {other.status_code} {other.text[:200]}")
        foreign = await client.request(
            **request_of(asked, target), headers={**office.callers[Role.AUDITOR], **key}
        )
        own = {"notifications_read_all"}
        if foreign.headers.get("idempotency-replayed") or (
            foreign.is_success and asked.operation not in own
        ):
            faults.append(f"{asked.operation} answered another caller: {foreign.text[:200]}")
        if await fingerprint(office.database) != before and asked.operation not in own:
            faults.append(f"{asked.operation} changed something")
        tried += 1
    assert not faults, "\n".join(faults)
    assert tried > 20


async def test_a_refusal_is_decided_anew(
    client: httpx.AsyncClient, office: Office, as_user: AsUser
) -> None:
    caller = office.callers[Role.SUPPORT]
    target = await make_target(office, caller, "ticket", Relation.OWN)
    url = f"/api/v1/tickets/{target.path['ticket_id']}/resume"
    headers = {**caller, "Idempotency-Key": "anew"}
    assert (await client.post(url, headers=headers)).status_code == 409
    for move, body in (
        ("accept", None),
        ("wait", {"question": "请把铭牌上的序列号发给我,好吗?", "reason": "等序列号"}),
    ):
        moved = await client.post(url.replace("resume", move), json=body, headers=caller)
        assert moved.status_code == 200, moved.text
    assert (await client.post(url, headers=headers)).status_code == 200


async def test_the_clock_is_not_advanced_again(client: httpx.AsyncClient, office: Office) -> None:
    headers = {**office.callers[Role.ADMIN], "Idempotency-Key": "a-minute"}
    url = "/api/v1/rehearsal/clock"
    body = {"advance_seconds": 60}
    first = await client.post(url, json=body, headers=headers)
    again = await client.post(url, json=body, headers=headers)
    assert again.content == first.content
    assert (await client.get(url, headers=headers)).json()["now"] == first.json()["ended_at"]
