"""A customer's tier and account team."""

from typing import Any

import httpx
import pytest

from app.customers import service
from app.database import Database
from tests.conftest import AsUser
from tests.customers.conftest import NOBODY, Office, codes, counts, entries, messages
from tests.factories import make_user


@pytest.mark.sop("CU-9")
async def test_a_tier_is_set_with_its_reason(client: httpx.AsyncClient, office: Office) -> None:
    answer = await client.post(
        f"{office.url}/tier", json={"tier": "A", "reason": " 合作额 "}, headers=office["owner"]
    )
    file = answer.json()
    assert (file["tier"], file["tier_reason"], file["version"]) == ("A", "合作额", 2)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"tier": "A"}, {"/reason": "missing"}),
        ({"tier": "A", "reason": " "}, {"/reason": "string_too_short"}),
        ({"tier": "a", "reason": "x"}, {"/tier": "enum"}),
        ({"reason": "x"}, {"/tier": "missing"}),
        ({"tier": "A", "reason": "x", "until": "2026"}, {"/until": "extra_forbidden"}),
        (
            {"tier": "A", "reason": "x", "expires_at": "2020-01-01T00:00:00Z"},
            {"/expires_at": "not_in_future"},
        ),
        ({"tier": "A", "reason": "x", "expires_at": 5}, {"/expires_at": "datetime_parsing"}),
    ],
)
async def test_a_tier_without_a_reason_is_refused(
    client: httpx.AsyncClient, office: Office, body: Any, wrong: Any
) -> None:
    answer = await client.post(f"{office.url}/tier", json=body, headers=office["owner"])
    assert answer.status_code == 422
    assert codes(answer) == wrong


async def test_the_same_tier_with_another_reason_is_an_update_and_the_same_again_nothing(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    for _ in range(2):
        answer = await client.post(
            f"{office.url}/tier", json={"tier": "C", "reason": "再评"}, headers=office["owner"]
        )
        assert answer.json()["version"] == 2
    assert [one["event"] for one in await messages(database)] == ["customer.updated"]


# --- the account team


@pytest.mark.sop("CU-10")
async def test_the_team_is_what_was_put_in_its_order(
    client: httpx.AsyncClient, database: Database, office: Office, as_user: AsUser
) -> None:
    url = f"{office.url}/account-team"
    versions = 1
    for people in (
        ["outsider", "member", "colleague"],
        ["colleague", "member", "outsider"],
        ["colleague", "outsider"],
        ["colleague", "outsider", "member"],
        ["member"],
        [],
    ):
        team = [{"user_id": office.id_of(name), "role": f"{name}的角色"} for name in people]
        answer = await client.put(url, json={"members": team}, headers=office["admin"])
        versions += 1
        assert answer.status_code == 200
        assert answer.json()["account_team"] == team
        assert answer.headers["etag"] == f'"{versions}"'
        async with database.transaction() as tx:
            keys = await service.team_of(tx, office.customer["id"])
        assert keys == tuple(office[name].user["id"] for name in people)


async def test_a_changed_role_changes_one_row(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    known = len(await entries(database))
    team = {"members": [{"user_id": office.id_of("member"), "role": "商务"}]}
    for _ in range(2):
        answer = await client.put(f"{office.url}/account-team", json=team, headers=office["owner"])
        assert answer.json()["version"] == 2
    added = (await entries(database))[known:]
    assert [one["action"] for one in added] == ["account_team_member.update"]
    assert added[0]["changes"] == {"role": ["应用支持", "商务"]}
    assert added[0]["customer_id"] == office.customer["id"]


async def test_a_member_may_write_until_he_is_taken_out(
    client: httpx.AsyncClient, office: Office
) -> None:
    url = f"{office.url}/account-team"
    team = {"members": [{"user_id": office.id_of("outsider"), "role": "顾问"}]}
    assert (await client.put(url, json=team, headers=office["outsider"])).status_code == 403
    assert (await client.put(url, json=team, headers=office["owner"])).status_code == 200
    assert (
        await client.put(url, json={"members": []}, headers=office["outsider"])
    ).status_code == 200
    assert (await client.put(url, json=team, headers=office["outsider"])).status_code == 403


async def test_wrong_members_are_named_by_their_place(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        gone = await make_user(tx, role="sales", is_active=False)
    before = await counts(database)
    people = [office.id_of("member"), NOBODY, office.id_of("member"), gone["public_id"]]
    team = {"members": [{"user_id": one, "role": "x"} for one in people]}
    answer = await client.put(f"{office.url}/account-team", json=team, headers=office["owner"])
    assert codes(answer) == {
        "/members/1/user_id": "unknown_reference",
        "/members/2/user_id": "duplicate_member",
        "/members/3/user_id": "user_inactive",
    }
    wrong: Any
    for wrong in (
        [],
        {"members": [{"user_id": office.id_of("member")}]},
        {"members": [{"user_id": office.id_of("member"), "role": ""}]},
        {"members": [{"user_id": office.id_of("member"), "role": "x", "since": 1}]},
        {"members": [{"user_id": NOBODY, "role": "x"}] * 51},
    ):
        answer = await client.put(f"{office.url}/account-team", json=wrong, headers=office["owner"])
        assert answer.status_code == 422
    assert await counts(database) == before
