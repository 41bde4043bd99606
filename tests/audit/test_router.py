"""Reading the audit: who may, what is asked, what stays masked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select

from app import writing
from app.audit import queries
from app.audit.models import AuditEntry, PersonalKey
from app.audit.schemas import AuditPage
from app.auth.models import User
from app.auth.permissions import Role
from app.columns import table_columns
from app.customers.models import Contact, Customer
from app.database import Actor, Database
from app.statements import Statement
from app.time import format_instant
from tests.auth.answers import code_of, errors_of
from tests.conftest import LoginAs
from tests.factories import make_department, make_user

URL = "/api/v1/audit"
AT = datetime(2026, 3, 2, tzinfo=UTC)
NOBODY = "0197b1c2-7d3e-7aaa-8000-000000000000"
PHONE = "+8613800138000"
DROP_KEYS = Statement(delete(PersonalKey).returning(PersonalKey.id))
ENTRIES = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))
UNPRIVILEGED = [r.value for r in Role if r not in (Role.ADMIN, Role.AUDITOR)]


@pytest.fixture
async def customer(database: Database) -> dict[str, Any]:
    """A customer with an owner and a contact, registered by the owner."""
    async with database.transaction() as tx:
        owner = await make_user(tx, role="sales", name="李雷")
    actor = Actor(user_id=owner["id"], name="李雷", request_id="r-12345678", address="192.0.2.1")
    async with database.transaction(actor) as tx:
        row = await writing.insert(
            tx, Customer, number="C000001", name="华为科技", name_key="华为科技",
            source_channel="phone", owner_id=owner["id"], created_at=AT, updated_at=AT,
        )  # fmt: skip
        contact = await writing.insert(
            tx,
            Contact,
            customer_id=row["id"],
            name="王芳",
            remarks=PHONE,
            created_at=AT,
            updated_at=AT,
        )
    return {"row": row, "owner": owner, "contact": contact}


async def ask(
    client: httpx.AsyncClient, headers: dict[str, str], **asked: Any
) -> list[dict[str, Any]]:
    answer = await client.get(URL, params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    AuditPage.model_validate(answer.json())
    return list(answer.json()["items"])


# --- who may


@pytest.mark.parametrize("role", UNPRIVILEGED)
async def test_only_auditor_and_admin_read_the_audit(
    client: httpx.AsyncClient, login_as: LoginAs, role: str
) -> None:
    answer = await client.get(URL, headers=await login_as(role))
    assert code_of(answer) == (403, "not_permitted")


async def test_the_audit_wants_a_login(client: httpx.AsyncClient) -> None:
    assert code_of(await client.get(URL)) == (401, "not_authenticated")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_changes_the_audit(
    client: httpx.AsyncClient, login_as: LoginAs, method: str
) -> None:
    answer = await client.request(method, URL, headers=await login_as("admin"))
    assert code_of(answer) == (405, "method_not_allowed")


# --- what is shown


async def test_an_entry_says_who_did_what_when_and_from_where(
    client: httpx.AsyncClient, login_as: LoginAs, customer: dict[str, Any]
) -> None:
    auditor = await login_as("auditor")
    [entry] = await ask(client, auditor, action="customer.create")
    assert entry["entity"] == "customer"
    assert entry["entity_id"] == entry["customer_id"] == customer["row"]["public_id"]
    assert entry["actor_id"] == customer["owner"]["public_id"]
    assert entry["actor_name"] == "李雷"
    assert (entry["request_id"], entry["address"]) == ("r-12345678", "192.0.2.1")
    assert (entry["api_key_id"], entry["count"]) == (None, 1)
    assert entry["changes"]["name"] == [None, "华为科技"]
    assert entry["changes"]["owner_id"] == [None, customer["owner"]["public_id"]]


async def test_personal_fields_are_masked_for_who_need_not_know_them(
    client: httpx.AsyncClient, login_as: LoginAs, customer: dict[str, Any]
) -> None:
    asked = {"entity": "contact", "entity_id": customer["contact"]["public_id"]}
    [masked] = await ask(client, await login_as("auditor"), **asked)
    assert masked["changes"]["remarks"] == ["***", "***"]
    assert PHONE not in str(masked)
    [opened] = await ask(client, await login_as("admin"), **asked)
    assert opened["changes"]["remarks"] == [None, PHONE]
    assert opened["changes"]["customer_id"] == [None, customer["row"]["public_id"]]


async def test_what_erasure_has_locked_stays_locked_for_the_admin(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, customer: dict[str, Any]
) -> None:
    async with database.transaction() as tx:
        assert len(await writing.change_set(tx, PersonalKey, DROP_KEYS)) == 1
    [entry] = await ask(client, await login_as("admin"), entity="contact")
    assert entry["changes"]["remarks"] == ["***", "***"]
    assert entry["customer_id"] == customer["row"]["public_id"]


async def test_secrets_are_hidden_from_everybody(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, password_hash="$argon2id$a")
    async with database.transaction() as tx:
        await writing.update(tx, User, user, password_hash="$argon2id$b")
    entries = await ask(client, await login_as("admin"), entity_id=user["public_id"])
    assert [entry["changes"]["password_hash"] for entry in entries] == [["***", "***"]] * 2
    assert "argon2" not in str(entries)


async def test_references_are_shown_as_ids_and_a_row_that_is_gone_as_its_number(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, customer: dict[str, Any]
) -> None:
    async with database.transaction() as tx:
        place = await make_department(tx, name="a")
        boss = await make_user(tx, role="manager", department=place)
        user = await make_user(tx, manager=boss, department=place)
    async with database.transaction() as tx:
        await writing.update(tx, User, user, manager_id=None, delegate_id=boss["id"])
        await writing.delete(tx, Contact, customer["contact"])
    admin = await login_as("admin")
    changed, created = await ask(client, admin, entity_id=user["public_id"])
    assert created["changes"]["manager_id"] == [None, boss["public_id"]]
    assert created["changes"]["department_id"] == [None, place["public_id"]]
    assert changed["changes"] == {
        "manager_id": [boss["public_id"], None],
        "delegate_id": [None, boss["public_id"]],
    }
    gone = queries._named([3, 4], {3: "c"})
    assert gone == ["c", 4]
    [deleted] = await ask(client, admin, action="contact.delete")
    assert deleted["changes"]["remarks"] == [PHONE, None]


async def test_numbers_that_are_no_references_stay_numbers(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, customer: dict[str, Any]
) -> None:
    async with database.transaction() as tx:
        await writing.update(tx, Customer, customer["row"], headcount=1)
    [entry] = await ask(client, await login_as("auditor"), action="customer.update")
    assert entry["changes"] == {"headcount": [None, 1]}


# --- what is asked


async def test_the_filters_of_the_audit(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, customer: dict[str, Any]
) -> None:
    auditor = await login_as("auditor")
    row, owner, contact = customer["row"], customer["owner"], customer["contact"]
    async with database.transaction() as tx:
        await writing.update(tx, Customer, row, headcount=5)

    async def actions(**asked: Any) -> list[str]:
        return [entry["action"] for entry in await ask(client, auditor, **asked)]

    assert await actions(entity="customer") == ["customer.update", "customer.create"]
    assert await actions(entity="customer", sort="recorded_at") == [
        "customer.create",
        "customer.update",
    ]
    assert await actions(entity_id=contact["public_id"]) == ["contact.create"]
    assert sorted(await actions(actor=owner["public_id"])) == ["contact.create", "customer.create"]
    assert sorted(await actions(customer=row["public_id"])) == [
        "contact.create",
        "customer.create",
        "customer.update",
    ]
    assert await actions(customer=row["public_id"], action="customer.update") == ["customer.update"]
    for nothing in ({"customer": NOBODY}, {"actor": NOBODY}, {"entity_id": NOBODY}):
        assert await actions(**nothing) == []


async def test_the_range_of_instants_is_half_open(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    auditor = await login_as("auditor")
    at = (await database.all(ENTRIES))[0]["recorded_at"]
    tick = timedelta(microseconds=1)

    async def count(**bounds: datetime) -> int:
        asked = {f"recorded_at[{name}]": format_instant(value) for name, value in bounds.items()}
        return len(await ask(client, auditor, entity="user", **asked))

    assert await count(gte=at) == 1
    assert await count(gte=at + tick) == 0
    assert await count(lt=at) == 0
    assert await count(lt=at + tick) == 1
    assert await count(gte=at, lt=at + tick) == 1


async def test_pages_follow_one_another_without_gap_or_repeat(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    async with database.transaction() as tx:
        for number in range(25):
            await make_department(tx, name=f"{number}")
    auditor = await login_as("auditor")
    seen: list[str] = []
    asked: dict[str, Any] = {"entity": "department", "limit": 10, "total": "true"}
    while True:
        page = (await client.get(URL, params=asked, headers=auditor)).json()
        assert page["total"] == 25
        seen += [entry["id"] for entry in page["items"]]
        if not page["has_more"]:
            break
        asked["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"limit": 201}, "/query/limit"),
        ({"sort": "actor"}, "/query/sort"),
        ({"entity": "Customer'; --"}, "/query/entity"),
        ({"action": "a\x00b"}, "/query/action"),
        ({"entity_id": "7"}, "/query/entity_id"),
        ({"actor": "7"}, "/query/actor"),
        ({"recorded_at[gte]": "yesterday"}, "/query/recorded_at[gte]"),
        ({"recorded_at[lt]": "2026-03-02T00:00:00"}, "/query/recorded_at[lt]"),
        ({"recorded_from": "2026-03-02T00:00:00Z"}, "/query/recorded_from"),
        ({"changes": "x"}, "/query/changes"),
    ],
)
async def test_a_question_that_the_audit_does_not_know_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, asked: dict[str, Any], pointer: str
) -> None:
    answer = await client.get(URL, params=asked, headers=await login_as("auditor"))
    assert [where for where, _ in errors_of(answer)] == [pointer]


async def test_a_refusal_is_found_in_the_audit_by_who_was_refused(
    app: Any, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    seller = await login_as("sales")
    await client.get(URL, headers=seller)
    await app.state.refusals.flush()
    [entry] = await ask(
        client, await login_as("auditor"), actor=seller.user["public_id"], entity="request"
    )
    assert entry["action"] == "request.refused"
    assert entry["changes"] == {"code": "not_permitted", "method": "GET", "route": URL}
