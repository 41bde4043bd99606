"""Edits of calendars: each makes a version and an event, none overwrites; and every refusal, through the API."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import bindparam, delete, select, update

from app.calendars import edits
from app.calendars import service as calendars
from app.calendars.events import CALENDAR_CHANGED, CalendarChanged
from app.calendars.models import CalendarRow, CalendarVersion
from app.calendars.revision import normalized
from app.calendars.shipped import shipped_document
from app.columns import table_columns
from app.database import Database
from app.outbox.models import OutboxMessage
from app.statements import Statement
from tests.calendars.documents import NIGHT, NINE_TO_SIX, document, weekdays
from tests.conftest import Caller, LoginAs
from tests.factories import make_rules

PATH = "/api/v1/calendars"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LAB = document(weekdays(NINE_TO_SIX)) | {"name": "lab"}
EVENTS = Statement(
    select(OutboxMessage.payload, OutboxMessage.subject_type)
    .where(OutboxMessage.event == bindparam("wanted"))
    .order_by(OutboxMessage.id)
)
CALENDARS = Statement(select(*table_columns(CalendarRow)).order_by(CalendarRow.name))
VERSIONS = Statement(select(*table_columns(CalendarVersion)).order_by(CalendarVersion.number))
REWRITE = Statement(update(CalendarVersion).values(number=9).returning(CalendarVersion.id))
REMOVE = Statement(delete(CalendarVersion).returning(CalendarVersion.id))
HOLIDAYS_2027 = [
    {"date": "2026-12-27", "is_off_day": False, "name": "元旦"},
    {"date": "2027-01-01", "is_off_day": True, "name": "元旦"},
    {"date": "2027-01-02", "is_off_day": True, "name": "元旦"},
    {"date": "2027-01-03", "is_off_day": True, "name": "元旦"},
    {"date": "2027-02-14", "is_off_day": False, "name": "春节"},
]


@pytest.fixture
async def admin(database: Database, login_as: LoginAs) -> Caller:
    await make_rules(database, MONDAY)
    return await login_as("admin")


async def events(database: Database) -> list[CalendarChanged]:
    rows = await database.all(EVENTS, wanted=CALENDAR_CHANGED)
    assert all(row["subject_type"] == "calendar" for row in rows)
    return [CalendarChanged.of(row["payload"]) for row in rows]


async def current(client: httpx.AsyncClient, admin: Caller, name: str) -> dict[str, Any]:
    body: dict[str, Any] = (await client.get(f"{PATH}/{name}", headers=admin)).json()
    return body


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


# --- creating and replacing


async def test_a_new_calendar_is_version_1_and_is_stored_whole(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    answer = await client.post(PATH, json=LAB, headers=admin)
    made = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert (made["from_version"], made["current_version"], made["is_working"]) == (0, 1, False)
    assert answer.headers["location"] == f"{PATH}/{made['id']}"
    read = (await client.get(answer.headers["location"], headers=admin)).json()
    assert read["document"] == normalized(LAB)
    assert read["document"]["title"] == {"zh": "lab", "en": "lab"}
    assert await events(database) == [CalendarChanged("lab", 0, 1, (), is_working=False)]


async def test_a_name_is_given_once(client: httpx.AsyncClient, admin: Caller) -> None:
    again = await client.post(PATH, json=LAB | {"name": "office"}, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, "calendar_name_taken")


async def test_an_edit_makes_the_next_version_and_leaves_the_one_before(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    await client.post(PATH, json=LAB, headers=admin)
    later = LAB | {"week": {"mon": NIGHT}, "title": {"zh": "实验室", "en": "Laboratory"}}
    answer = await client.put(f"{PATH}/lab", json=later, headers=admin | {"If-Match": '"1"'})
    edit = answer.json()
    assert (edit["from_version"], edit["current_version"]) == (1, 2)
    assert edit["changes"]["keys"] == ["title", "week"]
    assert answer.headers["etag"] == '"2"'
    read = await current(client, admin, "lab")
    assert (read["title"], read["document"]) == (later["title"], normalized(later))
    assert [one["number"] for one in read["versions"]] == [2, 1]
    for number, expected in ((1, LAB), (2, later)):
        version = (await client.get(f"{PATH}/lab/versions/{number}", headers=admin)).json()
        assert version["document"] == normalized(expected)
    assert (await client.get(f"{PATH}/lab/versions/3", headers=admin)).status_code == 404
    assert (await events(database))[-1] == CalendarChanged("lab", 1, 2, (), is_working=False)


async def test_an_equal_document_makes_no_version_and_no_event(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    office = shipped_document("office")
    shuffled = office | {
        "exceptions": office["exceptions"][::-1],
        "exceptions_loaded": office["exceptions_loaded"][::-1],
    }
    answer = await client.put(f"{PATH}/office", json=shuffled, headers=admin)
    assert (answer.json()["from_version"], answer.json()["current_version"]) == (1, 1)
    assert answer.headers["etag"] == '"1"'
    assert await events(database) == []
    assert normalized(office) == office


async def test_of_two_edits_of_one_state_the_second_is_stale(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    await client.post(PATH, json=LAB, headers=admin)

    async def edit(title: str) -> int:
        body = LAB | {"title": {"en": title}}
        headers = admin | {"If-Match": '"1"'}
        return (await client.put(f"{PATH}/lab", json=body, headers=headers)).status_code

    assert sorted(await asyncio.gather(edit("One"), edit("Two"))) == [200, 412]
    assert (await current(client, admin, "lab"))["current_version"] == 2


async def test_edits_without_a_version_queue_up_and_none_is_lost(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    await client.post(PATH, json=LAB, headers=admin)

    async def close(day: int) -> int:
        body = {"exceptions": [{"date": f"2026-05-{day:02}", "kind": "closed"}]}
        return (await client.post(f"{PATH}/lab/exceptions", json=body, headers=admin)).status_code

    assert set(await asyncio.gather(*(close(day) for day in range(1, 6)))) == {200}
    read = await current(client, admin, "lab")
    assert read["current_version"] == 6
    assert len(read["document"]["exceptions"]) == 5


async def test_a_repeat_under_its_key_makes_one_version(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    await client.post(PATH, json=LAB, headers=admin)
    keyed = admin | {"Idempotency-Key": "close-1"}
    body = {"exceptions": [{"date": "2026-05-01", "kind": "closed"}]}
    first = await client.post(f"{PATH}/lab/exceptions", json=body, headers=keyed)
    again = await client.post(f"{PATH}/lab/exceptions", json=body, headers=keyed)
    assert again.content == first.content
    assert (await current(client, admin, "lab"))["current_version"] == 2


@pytest.mark.parametrize("statement", [REWRITE, REMOVE])
async def test_no_statement_changes_a_version(
    client: httpx.AsyncClient, admin: Caller, database: Database, statement: Statement
) -> None:
    await client.post(PATH, json=LAB, headers=admin)
    before = await database.all(VERSIONS)
    with pytest.raises(Exception, match="never changed"):
        async with database.transaction() as tx:
            await tx.run(statement, {})
    assert await database.all(VERSIONS) == before


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("office", {"name": "lab"}, ("/name", "calendar_name_fixed")),
        ("24x7", {"name": "24x7"}, ("/always_open", "always_open_fixed")),
        ("office", {"name": "a b"}, ("/name", "calendar_name_invalid")),
        ("office", {"timezone": "Mars/Olympus"}, ("/timezone", "zone_unknown")),
        ("office", {"week": {}}, ("/week", "no_working_time")),
        ("office", {"week": {"mon": [["09:00", "9:30"]]}}, ("/week/mon/0/1", "local_time_invalid")),
        ("office", {"week": {"mon": [["09:00"]]}}, ("/week/mon/0", "too_short")),
        ("office", {"week": {"mon": NINE_TO_SIX * 25}}, ("/week/mon", "too_long")),
        ("office", {"week": {"monday": []}}, ("/week/monday", "extra_forbidden")),
        ("office", {"why": 1}, ("/why", "extra_forbidden")),
        ("office", {"always_open": True}, ("/week", "always_open_has_none")),
        ("office", {"always_open": "yes"}, ("/always_open", "bool_type")),
        ("office", {"title": {"zh": " "}}, ("/title/zh", "calendar_title_invalid")),
        ("office", {"exceptions_loaded": []}, ("/exceptions_loaded", "too_short")),
        ("office", {"exceptions_loaded": [1969]}, ("/exceptions_loaded/0", "greater_than_equal")),
        ("office", {"exceptions_loaded": ["2026"]}, ("/exceptions_loaded/0", "int_type")),
        (
            "office",
            {"exceptions": [{"date": "2026-02-30", "kind": "closed"}]},
            ("/exceptions/0/date", "day_invalid"),
        ),
        (
            "office",
            {"exceptions": [{"date": 0, "kind": "closed"}]},
            ("/exceptions/0/date", "day_invalid"),
        ),
        (
            "office",
            {"exceptions": [{"date": "2026-05-01", "kind": "closed", "hours": NINE_TO_SIX}]},
            ("/exceptions/0/hours", "closed_day_has_none"),
        ),
    ],
)
async def test_a_faulty_document_is_refused_at_its_pointer(
    client: httpx.AsyncClient, admin: Caller, name: str, change: dict[str, Any], fault: tuple[str, str]
) -> None:  # fmt: skip
    body = LAB | {"name": "office"} | change
    answer = await client.put(f"{PATH}/{name}", json=body, headers=admin)
    assert fault in faults(answer)
    assert (await current(client, admin, name))["current_version"] == 1


# --- who may


@pytest.mark.parametrize("role", ["manager", "support", "analyst", "auditor"])
async def test_only_admins_edit(
    client: httpx.AsyncClient, admin: Caller, login_as: LoginAs, role: str
) -> None:
    del admin
    caller = await login_as(role)
    body = {"exceptions": [{"date": "2026-05-01", "kind": "closed"}]}
    answer = await client.post(f"{PATH}/office/exceptions", json=body, headers=caller)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert (await client.get(f"{PATH}/office", headers=caller)).status_code == 200


# --- the working calendar


async def test_the_working_calendar_moves_and_there_is_always_one(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    await client.post(PATH, json=LAB, headers=admin)
    answer = await client.patch(f"{PATH}/lab", json={"is_working": True}, headers=admin)
    assert answer.json()["is_working"] is True
    assert [row["name"] for row in await database.all(CALENDARS) if row["is_working"]] == ["lab"]
    assert (await events(database))[1:] == [
        CalendarChanged("office", 1, 1, (), is_working=False),
        CalendarChanged("lab", 1, 1, (), is_working=True),
    ]
    again = await client.patch(f"{PATH}/lab", json={"is_working": True}, headers=admin)
    assert again.headers["etag"] == answer.headers["etag"] == '"2"'
    assert len(await events(database)) == 3
    refused = await client.patch(f"{PATH}/lab", json={"is_working": False}, headers=admin)
    assert faults(refused) == [("/is_working", "working_calendar_needed")]
    other = await client.patch(f"{PATH}/office", json={"is_working": False}, headers=admin)
    assert other.status_code == 200


async def test_two_who_move_the_working_calendar_at_once_leave_one(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    for name in ("lab", "shop"):
        await client.post(PATH, json=LAB | {"name": name}, headers=admin)

    async def choose(name: str) -> int:
        answer = await client.patch(f"{PATH}/{name}", json={"is_working": True}, headers=admin)
        return answer.status_code

    assert set(await asyncio.gather(choose("lab"), choose("shop"))) <= {200, 409}
    assert sum(row["is_working"] for row in await database.all(CALENDARS)) == 1


# --- dated exceptions


async def test_exceptions_take_the_place_of_what_their_dates_had(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    body = {
        "exceptions": [
            {"date": "2026-10-01", "kind": "hours", "name": "值班", "hours": [["10:00", "12:00"]]},
            {"date": "2026-05-20", "kind": "closed", "name": "公司周年"},
        ]
    }
    answer = await client.post(f"{PATH}/office/exceptions", json=body, headers=admin)
    changes = answer.json()["changes"]
    assert changes["added"] == {"count": 1, "dates": ["2026-05-20"]}
    assert changes["changed"] == {"count": 1, "dates": ["2026-10-01"]}
    assert changes["removed"]["count"] == 0
    document = (await current(client, admin, "office"))["document"]
    assert [one for one in document["exceptions"] if one["date"] == "2026-10-01"] == [
        body["exceptions"][0]
    ]
    assert len(document["exceptions"]) == len(shipped_document("office")["exceptions"]) + 1


async def test_a_date_becomes_ordinary_again(client: httpx.AsyncClient, admin: Caller) -> None:
    url = f"{PATH}/office/exceptions/2026-10-01"
    answer = await client.delete(url, headers=admin)
    assert answer.json()["changes"]["removed"] == {"count": 1, "dates": ["2026-10-01"]}
    assert (await client.delete(url, headers=admin)).status_code == 404
    stale = await client.delete(
        f"{PATH}/office/exceptions/2026-10-02", headers=admin | {"If-Match": '"1"'}
    )
    assert stale.status_code == 412


@pytest.mark.parametrize(
    ("exceptions", "fault"),
    [
        ([], ("/exceptions", "too_short")),
        ([{"date": f"{2026 + n // 300}-01-01", "kind": "closed"} for n in range(501)],
         ("/exceptions", "too_long")),
        ([{"date": "2026-05-01", "kind": "closed"}, {"date": "2026-05-01", "kind": "working"}],
         ("/exceptions/1/date", "date_repeated")),
        ([{"date": "2026-05-01", "kind": "closed"}, {"date": "2026-05-02", "kind": "hours"}],
         ("/exceptions/1/hours", "hours_missing")),
        ([{"date": "2026-05-02", "kind": "holiday"}], ("/exceptions/0/kind", "enum")),
        ([{"date": "2200-01-01", "kind": "closed"}], ("/exceptions/0/date", "year_unserved")),
        ([{"date": "2026-05-02", "kind": "hours", "hours": [["24:00", "01:00"]]}],
         ("/exceptions/0/hours/0/0", "opening_at_midnight_end")),
        ([{"date": "2026-05-02", "kind": "hours", "hours": [["09:00", "09:00"]]}],
         ("/exceptions/0/hours/0", "interval_empty")),
    ],
)  # fmt: skip
async def test_faulty_exceptions_are_refused_all_together(
    client: httpx.AsyncClient, admin: Caller, database: Database,
    exceptions: list[dict[str, Any]], fault: tuple[str, str],
) -> None:  # fmt: skip
    body = {"exceptions": exceptions}
    answer = await client.post(f"{PATH}/office/exceptions", json=body, headers=admin)
    assert fault in faults(answer)
    assert await events(database) == []


async def test_a_calendar_that_is_always_open_takes_no_dates(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    body = {"exceptions": [{"date": "2026-05-01", "kind": "closed"}]}
    answer = await client.post(f"{PATH}/24x7/exceptions", json=body, headers=admin)
    assert faults(answer) == [("/exceptions", "always_open_has_none")]
    year = {"year": 2027, "days": HOLIDAYS_2027}
    answer = await client.post(f"{PATH}/24x7/years", json=year, headers=admin)
    assert faults(answer) == [("/year", "always_open_has_none")]


async def test_monday_must_have_hours_to_be_made_up(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    await client.post(PATH, json=LAB | {"week": {"tue": NINE_TO_SIX}}, headers=admin)
    body = {"exceptions": [{"date": "2026-05-02", "kind": "working"}]}
    answer = await client.post(f"{PATH}/lab/exceptions", json=body, headers=admin)
    assert faults(answer) == [("/exceptions/0/hours", "monday_has_none")]


async def test_a_year_without_opening_is_refused(client: httpx.AsyncClient, admin: Caller) -> None:
    await client.post(PATH, json=LAB | {"week": {"mon": NINE_TO_SIX}}, headers=admin)
    first = datetime(2026, 1, 5, tzinfo=UTC).toordinal()
    mondays = [
        {"date": datetime.fromordinal(first + 7 * n).date().isoformat(), "kind": "closed"}
        for n in range(54)
    ]
    answer = await client.post(
        f"{PATH}/lab/exceptions", json={"exceptions": mondays}, headers=admin
    )
    assert faults(answer) == [("/exceptions", "no_working_time")]


# --- published years


async def test_a_loaded_year_is_certain_and_is_told(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    closing = {"exceptions": [{"date": "2027-05-20", "kind": "closed", "name": "公司周年"}]}
    await client.post(f"{PATH}/office/exceptions", json=closing, headers=admin)
    body = {"year": 2027, "days": HOLIDAYS_2027}
    answer = await client.post(f"{PATH}/office/years", json=body, headers=admin)
    edit = answer.json()
    assert edit["changes"]["years_loaded"] == [2027]
    assert edit["changes"]["added"]["dates"] == [one["date"] for one in HOLIDAYS_2027]
    assert edit["provisional_from"] == "2027-12-31T16:00:00.000000Z"
    document = (await current(client, admin, "office"))["document"]
    by_date = {one["date"]: one for one in document["exceptions"]}
    assert by_date["2027-01-01"] == {"date": "2027-01-01", "kind": "closed", "name": "元旦"}
    assert by_date["2027-02-14"] == {"date": "2027-02-14", "kind": "working", "name": "春节调休"}
    assert by_date["2027-05-20"]["name"] == "公司周年"
    assert (await events(database))[-1] == CalendarChanged("office", 2, 3, (2027,), is_working=True)


async def test_a_year_loaded_again_states_what_changed_and_may_drop_the_rest(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    body: dict[str, Any] = {"year": 2027, "days": HOLIDAYS_2027}
    await client.post(f"{PATH}/office/years", json=body, headers=admin)
    same = await client.post(f"{PATH}/office/years", json=body, headers=admin)
    assert same.json()["from_version"] == same.json()["current_version"] == 2
    fewer = {"year": 2027, "days": HOLIDAYS_2027[1:4]}
    kept = await client.post(f"{PATH}/office/years", json=fewer, headers=admin)
    assert kept.json()["current_version"] == 2
    answer = await client.post(
        f"{PATH}/office/years", json=fewer | {"replace": True}, headers=admin
    )
    assert answer.json()["changes"]["removed"]["dates"] == ["2027-02-14"]
    assert (await events(database))[-1].loaded_years == ()


@pytest.mark.parametrize(
    ("year", "days", "fault"),
    [
        (2028, [("2028-01-01", True, "元旦")], ("/year", "years_between_missing")),
        (2005, [("2005-01-01", True, "元旦")], ("/year", "years_between_missing")),
        (2027, [], ("/days", "year_without_day_off")),
        (2027, [("2027-02-14", False, "春节")], ("/days", "year_without_day_off")),
        (2027, [("2026-12-31", True, "元旦")], ("/days", "year_without_day_off")),
        (2027, [("2027-01-01", True, "元旦"), ("2028-01-01", True, "元旦")],
         ("/days/1/date", "date_of_another_year")),
        (2027, [("2026-11-30", True, "元旦"), ("2027-01-01", True, "元旦")],
         ("/days/0/date", "date_of_another_year")),
        (2027, [("2027-01-01", True, "元旦"), ("2027-01-01", False, "元旦")],
         ("/days/1/date", "date_repeated")),
        (2027, [("2027-10-01", True, "国庆节"), ("2027-10-05", True, "国庆节")],
         ("/days/1/date", "hole_in_holiday")),
        (2027, [("2027-01-01", True, " ")], ("/days/0/name", "calendar_title_invalid")),
        (2027, [("2027-01-01", "yes", "元旦")], ("/days/0/is_off_day", "bool_type")),
        (2027, [(f"2027-01-{n % 31 + 1:02}", True, "x") for n in range(401)], ("/days", "too_long")),
    ],
)  # fmt: skip
async def test_what_is_no_published_year_is_refused(
    client: httpx.AsyncClient, admin: Caller, year: int, days: Sequence[tuple[str, Any, str]],
    fault: tuple[str, str],
) -> None:  # fmt: skip
    keys = ("date", "is_off_day", "name")
    body = {"year": year, "days": [dict(zip(keys, one, strict=True)) for one in days]}
    answer = await client.post(f"{PATH}/office/years", json=body, headers=admin)
    assert fault in faults(answer)
    assert (await current(client, admin, "office"))["current_version"] == 1


async def test_a_weekend_or_another_holiday_of_the_same_name_is_no_hole(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    days = [
        {"date": "2027-04-02", "is_off_day": True, "name": "清明节"},  # a Friday
        {"date": "2027-04-05", "is_off_day": True, "name": "清明节"},
        {"date": "2027-05-03", "is_off_day": True, "name": "Bank holiday"},
        {"date": "2027-08-30", "is_off_day": True, "name": "Bank holiday"},
    ]
    body = {"year": 2027, "days": days}
    assert (await client.post(f"{PATH}/office/years", json=body, headers=admin)).status_code == 200


async def test_a_newer_product_loads_the_years_that_it_ships_into_an_older_office(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await make_rules(database, MONDAY)
    admin = await login_as("admin")
    office = shipped_document("office")
    older = office | {
        "exceptions": [one for one in office["exceptions"] if one["date"] < "2026"]
        + [{"date": "2026-05-20", "kind": "closed", "name": "公司周年"}],
        "exceptions_loaded": office["exceptions_loaded"][:-1],
    }
    await client.put(f"{PATH}/office", json=older, headers=admin)
    for _ in range(2):
        async with database.transaction() as tx:
            await calendars.ensure_shipped(tx)
    read = await current(client, admin, "office")
    assert read["current_version"] == 3
    assert read["document"]["exceptions_loaded"] == office["exceptions_loaded"]
    assert len(read["document"]["exceptions"]) == len(office["exceptions"]) + 1
    assert (await events(database))[-1] == CalendarChanged("office", 2, 3, (2026,), is_working=True)


# --- hostile bodies


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ('{"name": "x", "timezone": "UTC", "week": {"mon": [[NaN, "10:00"]]}}', 400),
        ('{"name": "x", "timezone": "UTC", "week": ' + nested(500) + "}", 422),
        ('{"name": "x", "timezone": "UTC", "week": ' + nested(100_000) + "}", 400),
        ('{"name": "x", "timezone": "UTC", "title": {"zh": "\\u0000"}}', 422),
        ('{"name": "x", "timezone": "UTC", "title": ' + nested(400) + ', "a": "\\u0000"}', 422),
        ('{"name": "x", "timezone": "UTC", "week": ' + nested(1000) + ', "a": "\\u0000"}', 400),
        ('{"name": "\\ud800", "timezone": "UTC"}', 400),
        ('{"name": "' + "x" * 1_100_000 + '"}', 413),
        ('{"name": "' + "x" * 900_000 + '", "timezone": "UTC"}', 422),
        ("null", 422),
        ("[]", 422),
        ("", 422),
    ],
)
async def test_a_hostile_body_is_refused(
    client: httpx.AsyncClient, admin: Caller, database: Database, content: str, status: int
) -> None:
    headers = admin | {"Content-Type": "application/json"}
    for method, url in (("POST", PATH), ("PUT", f"{PATH}/office")):
        answer = await client.request(method, url, content=content, headers=headers)
        assert answer.status_code == status, answer.text[:200]
    assert await events(database) == []


async def test_ten_thousand_exceptions_are_too_many(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    many = [
        {"date": f"{1970 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02}", "kind": "closed"}
        for n in range(10_000)
    ]
    body = LAB | {"exceptions": many}
    answer = await client.post(PATH, json=body, headers=admin)
    assert faults(answer) == [("/exceptions", "too_long")]


async def test_a_process_reads_only_the_versions_that_it_does_not_know(
    database: Database, client: httpx.AsyncClient, admin: Caller
) -> None:
    await client.post(PATH, json=LAB, headers=admin)
    asked: list[list[int]] = []

    async def ask(statement: Statement, **values: Any) -> Any:
        if values:
            asked.append(values["keys"])
        return await database.all(statement, **values)

    first = await calendars.read_in_force(database, ask)
    assert {"office", "24x7", "lab"} == first.current.keys()
    await calendars.read_in_force(database, ask)
    async with database.transaction() as tx:
        row = await edits.lock_calendar(tx, calendars.identified("lab"))
        await edits.put_exceptions(tx, row, [{"date": "2026-05-01", "kind": "closed"}])
    second = await calendars.read_in_force(database, ask)
    assert [len(keys) for keys in asked] == [3, 1]
    assert second.versions[("lab", 1)] is first.versions[("lab", 1)]
    assert second.current["lab"] == 2
