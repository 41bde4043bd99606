"""The lifecycle's configuration over HTTP: what is in force, publishing, versions that stay."""

import copy
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from app.database import Database
from app.lifecycle import service
from app.lifecycle.models import LifecycleVersion
from app.lifecycle.shipped import shipped_document
from app.statements import Statement
from tests.conftest import LoginAs

URL = "/api/v1/lifecycle"
_ERASE = Statement(delete(LifecycleVersion).returning(LifecycleVersion.id))


def changed(**values: Any) -> dict[str, Any]:
    """Return the shipped document with other values of its first stage."""
    document = copy.deepcopy(dict(shipped_document()))
    document["stages"][0].update(values)
    return document


TITLE = {"zh": "线索", "en": "Lead"}


@pytest.mark.sop("CU-11")
async def test_what_ships_is_in_force_until_something_is_published(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    caller = await login_as("sales")
    answer = await client.get(URL, headers=caller)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"0"')
    assert answer.json() == {
        "number": 0, "document": shipped_document(), "published_by": None, "created_at": None,
    }  # fmt: skip
    versions = await client.get(f"{URL}/versions", headers=caller)
    assert versions.json()["items"] == []
    again = await client.get(f"{URL}/versions/0", headers=caller)
    assert again.content == answer.content


@pytest.mark.sop("CU-11")
async def test_publishing_makes_a_version_that_is_in_force_at_once(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    first = await client.put(URL, json=changed(title=TITLE), headers=admin)
    answer = await client.put(URL, json=changed(title=TITLE), headers=admin)
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    assert answer.content == first.content  # the same again is no other version
    assert answer.json()["document"] == changed(title=TITLE)
    assert answer.json()["published_by"] == admin.user["public_id"]
    assert (await client.get(URL, headers=admin)).content == answer.content
    known = await service.read_current(database, database)
    assert (known.number, known.stages["potential"].title) == (1, TITLE)
    await client.put(URL, json=shipped_document(), headers=admin)
    page = await client.get(f"{URL}/versions", headers=admin)
    assert [one["number"] for one in page.json()["items"]] == [2, 1]
    assert (await client.get(f"{URL}/versions/1", headers=admin)).content == answer.content
    assert (await client.get(f"{URL}/versions/3", headers=admin)).status_code == 404


async def test_a_stale_version_is_refused(client: httpx.AsyncClient, login_as: LoginAs) -> None:
    admin = await login_as("admin")
    document = changed(title=TITLE)
    for etag, status in (('"1"', 412), ('"0"', 200), ('"0"', 412), ('"1"', 200)):
        headers: Mapping[str, str] = {**admin, "If-Match": etag}
        answer = await client.put(URL, json=document, headers=headers)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/stages", "missing"),
        (changed(code="Potential"), "/stages/0/code", "string_pattern_mismatch"),
        (changed(kind="maybe"), "/stages/0/kind", "enum"),
        (changed(colour="red"), "/stages/0/colour", "extra_forbidden"),
        (changed(is_initial="yes"), "/stages/0/is_initial", "bool_type"),
        (changed(title={"zh": "线索"}), "/stages/0/title/en", "missing"),
        (changed(code="lead"), "/stages", "lifecycle_code_missing"),
        ({"stages": [], "moves": []}, "/stages", "too_short"),
    ],
)
async def test_what_is_no_lifecycle_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, body: Any, pointer: str, code: str
) -> None:
    admin = await login_as("admin")
    answer = await client.put(URL, json=body, headers=admin)
    assert answer.status_code == 422
    assert (pointer, code) in [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    assert (await client.get(URL, headers=admin)).json()["number"] == 0


async def test_a_published_version_cannot_be_taken_away(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    await client.put(URL, json=changed(title=TITLE), headers=admin)
    with pytest.raises(Exception, match="never changed"):
        async with database.transaction() as tx:
            await tx.run(_ERASE, {})
