"""Routes of calendars: the list, and one by name or id."""

from datetime import UTC, datetime

import httpx
import pytest

from app.calendars.schemas import CalendarPage, CalendarRead
from app.calendars.shipped import shipped_document
from app.columns import new_public_id
from app.database import Database
from tests.conftest import Caller, LoginAs
from tests.factories import make_rules

PATH = "/api/v1/calendars"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
async def reader(database: Database, login_as: LoginAs) -> Caller:
    await make_rules(database, MONDAY)
    return await login_as("support")


async def test_calendars_are_listed_by_name_with_the_current_document(
    client: httpx.AsyncClient, reader: Caller
) -> None:
    answer = await client.get(PATH, headers=reader)
    page = CalendarPage.model_validate_json(answer.content)
    assert [(one.name, one.is_working) for one in page.items] == [("24x7", False), ("office", True)]
    assert page.items[1].document.document == shipped_document("office")
    first = (await client.get(PATH, headers=reader, params={"limit": 1, "total": "true"})).json()
    assert (first["has_more"], first["total"]) == (True, 2)
    query = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await client.get(PATH, headers=reader, params=query)).json()
    assert [one["name"] for one in second["items"]] == ["office"]


async def test_a_calendar_is_read_by_name_or_by_id(
    client: httpx.AsyncClient, reader: Caller
) -> None:
    by_name = await client.get(f"{PATH}/office", headers=reader)
    calendar = CalendarRead.model_validate_json(by_name.content)
    assert by_name.headers["etag"] == '"1"'
    by_id = await client.get(f"{PATH}/{calendar.id}", headers=reader)
    assert by_id.content == by_name.content


@pytest.mark.parametrize("name", ["nonesuch", "%00", "off%00ice", "😀", "a" * 500])
async def test_a_name_that_names_nothing_is_not_found(
    client: httpx.AsyncClient, reader: Caller, name: str
) -> None:
    assert (await client.get(f"{PATH}/{name}", headers=reader)).status_code == 404


async def test_an_unknown_id_is_not_found(client: httpx.AsyncClient, reader: Caller) -> None:
    assert (await client.get(f"{PATH}/{new_public_id()}", headers=reader)).status_code == 404


@pytest.mark.parametrize("query", [{"limit": 201}, {"limit": 0}, {"sort": "name"}, {"name": "x"}])
async def test_an_unknown_or_wrong_parameter_is_refused(
    client: httpx.AsyncClient, reader: Caller, query: dict[str, str]
) -> None:
    assert (await client.get(PATH, headers=reader, params=query)).status_code == 422


async def test_nobody_reads_without_logging_in(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{PATH}/office")).status_code == 401
