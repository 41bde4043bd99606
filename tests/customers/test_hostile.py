"""What should not be sent: every text comes back as it was sent or is refused, and nothing breaks."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database import Database
from tests.conftest import SHARED
from tests.customers.conftest import BASE, Office, counts

NAUGHTY = SHARED / "data" / "adversarial" / "blns.json"
LEAST = {"name": "新客户", "source_channel": "phone"}
ROUTES = [
    ("POST", ""),
    ("PATCH", "/{customer}"),
    ("PUT", "/{customer}/account-team"),
    ("POST", "/{customer}/tier"),
    ("POST", "/{customer}/reveal"),
    ("POST", "/{customer}/contacts"),
    ("PATCH", "/{customer}/contacts/{contact}"),
    ("POST", "/{customer}/contacts/{contact}/reveal"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_body_that_is_no_json_object_of_ours_is_refused(
    client: httpx.AsyncClient, database: Database, office: Office, method: str, path: str
) -> None:
    before = await counts(database)
    url = BASE + path.format(
        customer=office.customer["public_id"], contact=office.contact["public_id"]
    )
    headers = {**office["admin"], "Content-Type": "application/json"}
    for body, statuses in (
        (b"", {400, 422}),
        (b"{", {400}),
        (b"null", {422}),
        (b"[]", {422}),
        (b'"x"', {422}),
        (b'{"name": NaN}', {400}),
        (b'{"name": 1e999}', {400, 422}),
        (b'{"name": "\\ud800"}', {400}),
        (b'{"name": "\xed\xa0\x80"}', {400}),
        (b'{"name": "a\\u0000b", "source_channel": "phone"}', {422}),
        (b'{"reason": "a\\u0000b", "tier": "A"}', {422}),
        (b'{"a\\u0000b": 1}', {422}),
        (b'{"nobody": 1}', {422}),
        (b"[" * 100_000, {400}),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', {413}),
    ):
        answer = await client.request(method, url, content=body, headers=headers)
        assert answer.status_code in statuses, (body[:40], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    headers["Content-Type"] = "text/plain"
    answer = await client.request(method, url, content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert await counts(database) == before


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the shared data are not here")
async def test_naughty_texts_come_back_identical_or_are_refused(
    client: httpx.AsyncClient, office: Office
) -> None:
    texts = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    assert len(texts) == 515
    taken = 0
    for text in texts:
        body = {"pain_points": text, "remarks": text, "tags": [text]}
        answer = await client.patch(office.url, json=body, headers=office["admin"])
        if not text.strip() or len(text) > 50:
            assert answer.status_code == 422
            continue
        assert answer.status_code == 200, text
        file = answer.json()
        assert (file["pain_points"], file["remarks"]) == (text, text)
        assert file["tags"] == [text.strip()]
        taken += 1
        listed = await client.get(BASE, params={"tag": text.strip()}, headers=office["admin"])
        assert [one["id"] for one in listed.json()["items"]] == [file["id"]]
    assert taken > 300


@pytest.mark.skipif(not NAUGHTY.exists(), reason="the shared data are not here")
async def test_a_customer_with_a_naughty_name_is_found_by_it(
    client: httpx.AsyncClient, office: Office
) -> None:
    for text in json.loads(NAUGHTY.read_text(encoding="utf-8")):
        answer = await client.patch(office.url, json={"name": text}, headers=office["admin"])
        if not 0 < len(text.strip()) <= 200:
            assert answer.status_code == 422
            continue
        assert answer.json()["name"] == text.strip()
        found = await client.get(f"{BASE}/search", params={"q": text}, headers=office["admin"])
        listed = [one["customer"]["name"] for one in found.json()["items"]]
        assert listed == [text.strip()], text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ["name", "headcount", "revenue", "tags", "owner_id", "first_contact_at", "status", "remarks"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=4,
        ),
        max_size=4,
    )
)  # fmt: skip
async def test_no_patch_breaks_the_server(
    client: httpx.AsyncClient, office: Office, body: dict[str, Any]
) -> None:
    content = json.dumps(body, allow_nan=False, ensure_ascii=True)
    headers = {**office["admin"], "Content-Type": "application/json"}
    answer = await client.patch(office.url, content=content, headers=headers)
    assert answer.status_code in (200, 400, 422), answer.text
