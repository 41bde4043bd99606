"""Consents: what is recorded stays, the newest of a channel counts, and who gave one is not deleted."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.customers.consent_schemas import ConsentRead
from app.database import Database
from app.time import format_instant, real_now
from tests.customers.conftest import Office, codes, counts, entries, messages

GIVEN: dict[str, Any] = {
    "channel": "sms", "is_given": True, "text_version": "2026-01", "method": "web_form", "evidence": "官网表单",
}  # fmt: skip


async def record(client: httpx.AsyncClient, office: Office, **fields: Any) -> httpx.Response:
    url = f"{office.contact_url}/consents"
    return await client.post(url, json=GIVEN | fields, headers=office["owner"])


async def states(client: httpx.AsyncClient, office: Office) -> dict[str, bool]:
    shown = (await client.get(office.contact_url, headers=office["owner"])).json()["consents"]
    return {one["channel"]: one["is_given"] for one in shown}


@pytest.mark.sop("SE-3")
async def test_a_consent_is_kept_with_its_text_its_instant_and_its_way(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    answer = await record(client, office)
    assert answer.status_code == 201, answer.text
    ConsentRead.model_validate_json(answer.content)
    shown = answer.json()
    assert {name: shown[name] for name in GIVEN} == GIVEN
    assert shown["recorded_by"] == office.id_of("owner")
    listed = await client.get(f"{office.contact_url}/consents", headers=office["analyst"])
    assert listed.json()["items"] == [shown]
    entry = (await entries(database))[-1]
    assert entry["action"] == "consent.create"
    assert set(entry["changes"]["evidence"]) == {"sealed"}
    assert (await messages(database))[-1]["event"] == "contact.consent_given"


async def test_the_newest_of_a_channel_counts_whenever_it_was_recorded(
    client: httpx.AsyncClient, office: Office
) -> None:
    now = real_now()
    days_ago = {n: format_instant(now - timedelta(days=n)) for n in (1, 2, 3)}
    assert await states(client, office) == {}
    await record(client, office, given_at=days_ago[3])
    await record(client, office, channel="email", given_at=days_ago[3])
    assert await states(client, office) == {"email": True, "sms": True}
    await record(client, office, is_given=False, given_at=days_ago[1])
    await record(client, office, given_at=days_ago[2])
    assert await states(client, office) == {"email": True, "sms": False}
    await record(client, office, given_at=days_ago[1])
    assert await states(client, office) == {"email": True, "sms": True}
    url = f"{office.contact_url}/consents"
    for sort, wanted in (
        ("given_at", [True, True, False, True]),
        ("-given_at", [True, False, True, True]),
    ):
        asked = {"sort": sort, "channel": "sms"}
        page = (await client.get(url, params=asked, headers=office["owner"])).json()
        assert [one["is_given"] for one in page["items"]] == wanted


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("channel", "fax", "enum"),
        ("method", None, "enum"),
        ("is_given", "yes", "bool_type"),
        ("text_version", " ", "string_too_short"),
        ("given_at", "2199-01-01T00:00:00Z", "in_the_future"),
        ("evidence", "x" * 501, "string_too_long"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    field: str,
    value: Any,
    code: str,
) -> None:
    before = await counts(database)
    answer = await record(client, office, **{field: value})
    assert codes(answer) == {f"/{field}": code}
    assert await counts(database) == before


async def test_who_gave_a_consent_is_not_deleted(client: httpx.AsyncClient, office: Office) -> None:
    await record(client, office)
    answer = await client.delete(office.contact_url, headers=office["owner"])
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_in_use")
