"""What is open between two dates, and when an amount of a unit is used up, as the API answers it; DST by name."""

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.calendars.document import parse_calendar
from app.calendars.preview import preview
from app.calendars.shipped import shipped_document
from app.calendars.working_time import compile_calendar
from app.database import Database
from app.sla.engine.explain import explain
from app.time import format_instant
from tests.calendars.documents import (
    NIGHT,
    NINE_TO_SIX,
    WITH_LUNCH,
    document,
    every_day,
    utc,
    weekdays,
)
from tests.calendars.test_shipped import PUBLISHED
from tests.conftest import Caller, LoginAs
from tests.factories import make_rules, make_subject

PATH = "/api/v1/calendars"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WHOLE_DAYS = every_day([["00:00", "24:00"]])
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"


@pytest.fixture
async def admin(database: Database, login_as: LoginAs) -> Caller:
    await make_rules(database, MONDAY)
    return await login_as("admin")


class Asking:
    """Asks one calendar, made for the purpose where it is none of the shipped."""

    def __init__(self, client: httpx.AsyncClient, caller: Caller, name: str) -> None:
        self.client, self.caller, self.name = client, caller, name

    async def preview(self, first: str, last: str, **more: Any) -> dict[str, Any]:
        return await self._ask("preview", {"from": first, "to": last, **more})

    async def add(self, start: str, amount: int, unit: str, **more: Any) -> dict[str, Any]:
        return await self._ask("add", {"start": start, "amount": amount, "unit": unit, **more})

    async def due(self, start: str, amount: int, unit: str) -> str:
        told = await self.add(start, amount, unit)
        return str(told["due_local"])

    async def _ask(self, what: str, params: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.client.get(
            f"{PATH}/{self.name}/{what}", params=dict(params), headers=self.caller
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


async def made(
    client: httpx.AsyncClient, admin: Caller, week: Any, zone: str, **more: Any
) -> Asking:
    body = document(week, zone, **more)
    assert (await client.post(PATH, json=body, headers=admin)).status_code == 201
    return Asking(client, admin, "test")


def hours_of(told: Mapping[str, Any]) -> dict[str, float]:
    return {one["date"]: one["open_seconds"] / 3600 for one in told["days"]}


# --- the preview


async def test_a_holiday_is_shown_with_its_days_and_their_names(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    told = await Asking(client, admin, "office").preview("2026-10-07", "2026-10-10")
    assert [(one["date"], one["kind"], one["name"], one["is_working"]) for one in told["days"]] == [
        ("2026-10-07", "closed", "国庆节", False),
        ("2026-10-08", "regular", None, True),
        ("2026-10-09", "regular", None, True),
        ("2026-10-10", "working", "国庆节调休", True),
    ]
    assert told["intervals"] == [
        {"from": f"2026-10-{day:02}T01:00:00.000000Z", "to": f"2026-10-{day:02}T10:00:00.000000Z"}
        for day in (8, 9, 10)
    ]
    assert (told["open_seconds"], told["calendar_version"]) == (27 * 3600, 1)
    assert (told["provisional"], told["provisional_from"]) == (False, None)


async def test_what_lies_beyond_the_loaded_years_is_provisional(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    office = Asking(client, admin, "office")
    assert (await office.preview("2026-12-30", "2026-12-31"))["provisional"] is False
    told = await office.preview("2026-12-31", "2027-01-01")
    assert [one["provisional"] for one in told["days"]] == [False, True]
    assert told["provisional_from"] == "2026-12-31T16:00:00.000000Z"
    around = await Asking(client, admin, "24x7").preview("2027-01-01", "2027-01-01")
    assert (around["provisional"], around["open_seconds"]) == (False, 86_400)


async def test_a_night_shift_belongs_to_its_evening_and_intervals_are_cut_at_the_edges(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    nights = await made(client, admin, {"fri": NIGHT}, "Asia/Shanghai")
    friday = await nights.preview("2026-03-06", "2026-03-06")
    assert hours_of(friday) == {"2026-03-06": 8}
    assert friday["intervals"] == [
        {"from": "2026-03-06T14:00:00.000000Z", "to": "2026-03-06T16:00:00.000000Z"}
    ]
    saturday = await nights.preview("2026-03-07", "2026-03-07")
    assert saturday["days"][0]["is_working"] is False
    assert saturday["open_seconds"] == 6 * 3600


async def test_an_earlier_version_is_previewed_as_it_was(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    body = {"exceptions": [{"date": "2026-03-05", "kind": "closed", "name": "盘点"}]}
    await client.post(f"{PATH}/office/exceptions", json=body, headers=admin)
    office = Asking(client, admin, "office")
    assert hours_of(await office.preview("2026-03-05", "2026-03-05")) == {"2026-03-05": 0}
    before = await office.preview("2026-03-05", "2026-03-05", version=1)
    assert (before["calendar_version"], hours_of(before)) == (1, {"2026-03-05": 9})
    start = "2026-03-04T09:00:00Z"
    assert (await office.add(start, 1, "working_days"))["due"] > (
        await office.add(start, 1, "working_days", version=1)
    )["due"]


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"from": "2026-01-02", "to": "2026-01-01"}, ("/query/to", "range_reversed")),
        ({"from": "2026-01-01", "to": "2027-01-02"}, ("/query/to", "range_too_long")),
        ({"from": "2026-01-01"}, ("/query/to", "missing")),
        ({"from": "2026-02-30", "to": "2026-03-01"}, ("/query/from", "day_invalid")),
        ({"from": "0", "to": "2026-03-01"}, ("/query/from", "day_invalid")),
        ({"from": "1969-12-31", "to": "1970-01-01"}, ("/query/from", "year_unserved")),
        ({"from": "1970-01-01", "to": "1970-01-01"}, ("/query/to", "beyond_served_years")),
        ({"from": "2199-12-31", "to": "2199-12-31"}, ("/query/to", "beyond_served_years")),
        ({"from": "2026-01-01", "to": "2026-01-02", "version": "2"},
         ("/query/version", "unknown_reference")),
        ({"from": "2026-01-01", "to": "2026-01-02", "version": "+1"},
         ("/query/version", "int_parsing")),
    ],
)  # fmt: skip
async def test_a_preview_that_cannot_be_given_is_refused(
    client: httpx.AsyncClient, admin: Caller, params: dict[str, str], fault: tuple[str, str]
) -> None:
    answer = await client.get(f"{PATH}/office/preview", params=params, headers=admin)
    assert answer.status_code == 422
    assert fault in [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


async def test_a_leap_year_is_the_longest_preview(client: httpx.AsyncClient, admin: Caller) -> None:
    told = await Asking(client, admin, "office").preview("2024-01-01", "2024-12-31")
    assert len(told["days"]) == 366
    assert sum(one["open_seconds"] for one in told["days"]) == told["open_seconds"]


@pytest.mark.parametrize("what", ["preview?from=2026-01-01&to=2026-01-02",
                                  "add?start=2026-03-02T01:00:00Z&amount=1&unit=hours"])  # fmt: skip
@pytest.mark.parametrize("name", ["nonesuch", NOBODY, "%00"])
async def test_a_calendar_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, admin: Caller, what: str, name: str
) -> None:
    assert (await client.get(f"{PATH}/{name}/{what}", headers=admin)).status_code == 404


def test_every_day_of_twenty_years_previews_as_it_was_published() -> None:
    if not PUBLISHED.exists():
        pytest.skip(f"{PUBLISHED.name} is not at hand")
    with Path(PUBLISHED).open(encoding="utf-8") as lines:
        off = {row["date"]: row["is_off_day"] == "true" for row in csv.DictReader(lines)}
    office = compile_calendar(parse_calendar(shipped_document("office")))
    days = 0
    for year in range(2007, 2027):
        for one in preview(office, 1, date(year, 1, 1), date(year, 12, 31))["days"]:
            on = one["date"]
            assert one["is_working"] is not off.get(on.isoformat(), on.weekday() >= 5), on
            assert one["provisional"] is False
            days += 1
    assert days == 7305


# --- adding


@pytest.mark.parametrize(
    ("start", "target", "due"),
    [
        ("2026-03-06T09:30:00Z", (30, "minutes"), "2026-03-06T18:00:00+08:00"),  # Friday 17:30
        ("2026-03-06T09:30:00.000001Z", (30, "minutes"), "2026-03-09T09:00:00.000001+08:00"),
        ("2026-03-07T02:00:00Z", (1, "hours"), "2026-03-09T10:00:00+08:00"),
        ("2026-03-07T02:00:00Z", (1, "elapsed_hours"), "2026-03-07T11:00:00+08:00"),
        ("2026-03-06T02:00:00Z", (1, "days"), "2026-03-09T10:00:00+08:00"),
        ("2026-03-06T12:00:00Z", (1, "working_days"), "2026-03-09T18:00:00+08:00"),
        ("2026-03-06T12:00:00Z", (1, "calendar_days"), "2026-03-07T20:00:00+08:00"),
        ("2026-08-31T02:00:00Z", (6, "months"), "2027-02-28T10:00:00+08:00"),
        ("2026-09-30T09:00:00Z", (2, "working_days"), "2026-10-09T18:00:00+08:00"),
    ],
)
async def test_every_unit_is_added_as_the_engine_adds_it(
    client: httpx.AsyncClient, admin: Caller, start: str, target: tuple[int, str], due: str
) -> None:
    assert await Asking(client, admin, "office").due(start, *target) == due


async def test_the_sum_is_explained(client: httpx.AsyncClient, admin: Caller) -> None:
    office = Asking(client, admin, "office")
    told = await office.add("2026-09-30T09:00:00Z", 2, "working_days")
    assert [one["date"] for one in told["exceptions"]] == [f"2026-10-0{n}" for n in range(1, 8)]
    assert (told["exception_count"], told["interval_count"]) == (7, 3)
    assert told["open_seconds"] == (1 + 9 + 9) * 3600
    assert told["elapsed_seconds"] == (9 * 24 + 1) * 3600
    assert told["sentence"] == (
        "2 个工作日：自 2026-09-30 17:00 起，至 2026-10-09 18:00 到期（日历 office 第 1 版）；"
        "期间有 7 个节假日或调休日（国庆节）。"
    )
    english = await client.get(
        f"{PATH}/office/add",
        params={"start": "2026-12-31T09:00:00Z", "amount": 1, "unit": "days"},
        headers=admin | {"Accept-Language": "en"},
    )
    assert english.json()["sentence"] == (
        "1 day from 2026-12-31 17:00 to 2027-01-01 17:00 on calendar office version 1; "
        "provisional, because the holidays of a year it reaches into are not loaded."
    )


@pytest.mark.parametrize(
    ("amount", "unit", "provisional"),
    [
        (60, "minutes", False),  # due exactly at the end of the last known day's hours
        (61, "minutes", True),
        (1, "days", True),
        (1, "working_days", True),
        (90, "elapsed_hours", False),  # holidays cannot move these
        (9, "calendar_days", False),
        (1, "months", False),
    ],
)
async def test_a_sum_is_provisional_where_unknown_holidays_could_move_it(
    client: httpx.AsyncClient, admin: Caller, amount: int, unit: str, provisional: bool
) -> None:
    told = await Asking(client, admin, "office").add("2026-12-31T09:00:00Z", amount, unit)
    assert told["provisional"] is provisional
    assert told["provisional_from"] == ("2026-12-31T16:00:00.000000Z" if provisional else None)


async def test_a_far_sum_lists_the_first_hundred_and_counts_all(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    told = await Asking(client, admin, "office").add("2026-03-02T01:00:00Z", 900, "hours")
    assert (told["interval_count"], len(told["intervals"])) == (100, 100)
    told = await Asking(client, admin, "office").add("2007-01-04T01:00:00Z", 9000, "hours")
    assert (told["interval_count"], len(told["intervals"])) == (1000, 100)
    assert told["exception_count"] > len(told["exceptions"]) == 100


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"amount": "0"}, "/query/amount"),
        ({"amount": "100001"}, "/query/amount"),
        ({"amount": "1.5"}, "/query/amount"),
        ({"unit": "weeks"}, "/query/unit"),
        ({"start": "2026-03-02T09:00:00"}, "/query/start"),
        ({"start": "1960-01-01T00:00:00Z"}, "/query/amount"),
        ({"start": "2199-12-31T00:00:00Z"}, "/query/amount"),
        ({"start": "9999-12-31T23:59:59Z"}, "/query/start"),
        ({"amount": "100000", "unit": "working_days"}, "/query/amount"),
        ({"why": "not"}, "/query/why"),
    ],
)
async def test_a_sum_that_cannot_be_given_is_refused(
    client: httpx.AsyncClient, admin: Caller, params: dict[str, str], pointer: str
) -> None:
    asked = {"start": "2026-03-02T01:00:00Z", "amount": "1", "unit": "hours"} | params
    answer = await client.get(f"{PATH}/office/add", params=asked, headers=admin)
    assert answer.status_code == 422
    assert pointer in [one["pointer"] for one in answer.json()["errors"]]


@pytest.mark.sop("TK-2")
async def test_the_sum_is_what_a_deadline_is_due_at(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    async with database.transaction() as tx:
        subject = await make_subject(tx)
    accept = next(one for one in subject.deadlines if one.clock == "accept")
    told = await Asking(client, admin, "office").add(format_instant(MONDAY), 30, "minutes")
    assert told["due"] == format_instant(accept.due_at)
    assert told["interval_count"] == len(explain(accept).data["intervals"])


# --- the awkward zones, by name


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Europe/Dublin", "2026-03-29", 23),
        ("Europe/Dublin", "2026-10-25", 25),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Africa/Cairo", "2026-10-29", 25),
    ],
)
async def test_a_day_of_changing_clocks_is_as_long_as_the_clock_shows(
    client: httpx.AsyncClient, admin: Caller, zone: str, on: str, hours: float
) -> None:
    whole = await made(client, admin, WHOLE_DAYS, zone)
    day = date.fromisoformat(on)
    before, after = (day + timedelta(days=n) for n in (-1, 1))
    told = await whole.preview(before.isoformat(), after.isoformat())
    assert hours_of(told) == {before.isoformat(): 24, on: hours, after.isoformat(): 24}
    assert len(told["intervals"]) == 1
    midnight = (await whole.preview(on, on))["intervals"][0]
    opens, closes = (datetime.fromisoformat(midnight[edge]) for edge in ("from", "to"))
    assert (closes - opens).total_seconds() == hours * 3600
    told = await whole.add(midnight["from"], round(hours * 60), "minutes")
    assert told["due"] == midnight["to"]


async def test_dublins_winter_time_is_the_exception_and_changes_nothing(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    """Irish standard time is summer's; the zone's data call winter a negative DST."""
    dublin = await made(client, admin, every_day(WITH_LUNCH), "Europe/Dublin")
    assert await dublin.due("2026-10-24T09:00:00Z", 1, "days") == "2026-10-25T10:00:00+00:00"
    assert await dublin.due("2026-03-28T10:00:00Z", 1, "days") == "2026-03-29T10:00:00+01:00"
    assert await dublin.due("2026-10-24T16:30:00Z", 60, "minutes") == "2026-10-25T09:30:00+00:00"


async def test_lord_howe_changes_by_half_an_hour(client: httpx.AsyncClient, admin: Caller) -> None:
    howe = await made(client, admin, every_day([["01:00", "03:00"]]), "Australia/Lord_Howe")
    told = await howe.preview("2026-04-04", "2026-04-05")  # 02:00 becomes 01:30
    assert hours_of(told) == {"2026-04-04": 2, "2026-04-05": 2.5}
    told = await howe.preview("2026-10-03", "2026-10-04")  # 02:00 becomes 02:30
    assert hours_of(told) == {"2026-10-03": 2, "2026-10-04": 1.5}
    assert await howe.due("2026-10-03T14:30:00Z", 90, "minutes") == "2026-10-04T03:00:00+11:00"


async def test_cairo_shows_the_last_hour_of_a_thursday_twice(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    cairo = await made(client, admin, every_day([["22:00", "24:00"]]), "Africa/Cairo")
    told = await cairo.preview("2026-10-28", "2026-10-30")
    assert hours_of(told) == {"2026-10-28": 2, "2026-10-29": 3, "2026-10-30": 2}
    assert await cairo.due("2026-10-29T19:00:00Z", 2, "hours") == "2026-10-29T23:00:00+02:00"


async def test_new_yorks_skipped_hour_is_no_time_to_work(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    york = await made(client, admin, every_day([["01:00", "04:00"]]), "America/New_York")
    told = await york.preview("2026-03-08", "2026-03-08")
    assert told["intervals"] == [
        {"from": "2026-03-08T06:00:00.000000Z", "to": "2026-03-08T08:00:00.000000Z"}
    ]
    told = await york.preview("2026-11-01", "2026-11-01")
    assert told["intervals"] == [
        {"from": "2026-11-01T05:00:00.000000Z", "to": "2026-11-01T09:00:00.000000Z"}
    ]


async def test_berlins_night_shift_is_as_long_as_its_night(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    berlin = await made(client, admin, every_day(NIGHT), "Europe/Berlin")
    told = await berlin.preview("2026-03-28", "2026-03-29")
    assert hours_of(told) == {"2026-03-28": 7, "2026-03-29": 8}
    told = await berlin.preview("2026-10-24", "2026-10-25")
    assert hours_of(told) == {"2026-10-24": 9, "2026-10-25": 8}


async def test_samoas_missing_day_is_shown_as_skipped(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    samoa = await made(client, admin, every_day(NINE_TO_SIX), "Pacific/Apia")
    told = await samoa.preview("2011-12-29", "2011-12-31")
    assert [(one["date"], one["kind"], one["is_working"]) for one in told["days"]] == [
        ("2011-12-29", "regular", True),
        ("2011-12-30", "skipped", False),
        ("2011-12-31", "regular", True),
    ]
    assert len(told["intervals"]) == 2
    assert (await samoa.preview("2011-12-30", "2011-12-30"))["intervals"] == []
    start = format_instant(utc("2011-12-29T20:00"))  # the 29th, 10:00
    assert await samoa.due(start, 1, "working_days") == "2011-12-31T18:00:00+14:00"
    assert await samoa.due(start, 1, "days") == "2011-12-31T10:00:00+14:00"
    assert await samoa.due(start, 9, "hours") == "2011-12-31T10:00:00+14:00"
    assert await samoa.due(start, 1, "calendar_days") == "2011-12-31T00:00:00+14:00"


async def test_intervals_never_touch_whatever_the_zone(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    overlapping = {**weekdays([["08:00", "12:00"], ["12:00", "13:00"]]), "sat": NIGHT}
    howe = await made(client, admin, overlapping, "Australia/Lord_Howe")
    told = await howe.preview("2026-03-01", "2026-12-31")
    assert all(one["to"] < other["from"] for one, other in pairwise(told["intervals"]))
