"""`huiying calendar` and the warning of /readyz: what an operator sees of calendars."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from app import cli
from app.calendars import edits
from app.calendars import service as calendars
from app.calendars.models import CalendarVersion
from app.database import Database
from app.settings import get_settings
from app.statements import Statement
from tests.calendars.documents import NINE_TO_SIX, document, weekdays
from tests.conftest import LoginAs
from tests.factories import freeze, make_rules

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
UNKNOWN_FROM = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
VERSION_COUNT = Statement(select(CalendarVersion.id))
CSV = "date,is_off_day,name\n2027-01-01,true,元旦\n2027-01-02,true,元旦\n2027-01-09,false,元旦\n"
Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs `huiying calendar ...` on the test's database, which stands frozen on a Monday."""
    settings = {
        "HUIYING_DATABASE_URL": database_url,
        "HUIYING_DATA_DIR": str(tmp_path),
        "HUIYING_CLOCK": "virtual",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()

    async def set_up(database: Database) -> None:
        await make_rules(database, MONDAY)
        lab = document(weekdays(NINE_TO_SIX), exceptions_loaded=[2026]) | {"name": "lab"}
        abroad = document(weekdays(NINE_TO_SIX), "Europe/Berlin") | {"name": "abroad"}
        async with database.transaction() as tx:
            await edits.create_calendar(tx, lab)
            await edits.create_calendar(tx, abroad)

    cli.with_database(set_up)
    yield lambda *words: CliRunner().invoke(cli.app, ["calendar", *map(str, words)])
    get_settings.cache_clear()


def count_versions() -> int:
    async def count(database: Database) -> int:
        return len(await database.all(VERSION_COUNT))

    counted: int = cli.with_database(count)
    return counted


def test_calendars_are_listed_with_what_is_known(run: Run) -> None:
    told = run("list")
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "24x7\t1\tAsia/Shanghai\tneeds no holidays\t",
        "abroad\t1\tEurope/Berlin\tneeds no holidays\t",
        "lab\t1\tAsia/Shanghai\tholidays known until 2026-12-31\t",
        "office\t1\tAsia/Shanghai\tholidays known until 2026-12-31\tworking calendar",
    ]


def test_a_calendar_is_shown_from_today_on(run: Run) -> None:
    lines = run("show", "office", "--days", 3).stdout.splitlines()
    assert lines[0] == "office version 1, Asia/Shanghai, holidays known until 2026-12-31"
    assert lines[1:3] == ["mon  09:00-18:00", "tue  09:00-18:00"]
    assert lines[7:] == ["sun  closed", "2026-03-02  mon  9 h", "2026-03-03  tue  9 h", "2026-03-04  wed  9 h"]  # fmt: skip
    later = run("show", "office", "--from", "2026-12-31", "--days", 2, "--version", 1)
    assert later.stdout.splitlines()[-1] == "2027-01-01  fri  9 h  provisional"
    holiday = run("show", "office", "--from", "2026-10-10", "--days", 1)
    assert holiday.stdout.splitlines()[-1] == "2026-10-10  sat  9 h  working 国庆节调休"


def test_an_amount_is_added_in_the_calendars_own_time(run: Run) -> None:
    told = run("add", "office", "2026-09-30 17:00", 2, "working_days")
    assert told.stdout.splitlines()[0] == "2026-10-09T18:00:00+08:00 (2026-10-09T10:00:00.000000Z)"
    assert "国庆节" in told.stdout
    zoned = run("add", "office", "2026-09-30T09:00:00Z", 2, "working_days")
    assert zoned.stdout == told.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "nonesuch"), 1),
        (("add", "nonesuch", "2026-03-02 10:00", 1, "hours"), 1),
        (("show", "office", "--version", 7), 2),
        (("add", "office", "2026-03-02 10:00", 1, "weeks"), 2),
        (("add", "office", "tomorrow", 1, "hours"), 2),
        (("add", "office", "2026-03-02 10:00", 0, "hours"), 2),
        (("add", "office", "2026-03-02 10:00", 100_000, "working_days"), 2),
        (("show", "office", "--from", "2199-12-31"), 2),
    ],
)
def test_what_cannot_be_answered_ends_with_its_code(run: Run, words: Any, code: int) -> None:
    told = run(*words)
    assert told.exit_code == code
    assert told.stderr.strip()
    assert "Traceback" not in told.output


def test_a_year_is_loaded_into_one_calendar_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "2027.csv"
    file.write_text(CSV, encoding="utf-8")
    told = run("load", "office", 2027, file)
    assert told.exit_code == 0
    assert told.stdout == (
        "office: version 1 -> 2, 2027 loaded: 3 dates added, 0 changed, 0 removed; "
        "next year to load: 2028\n"
    )
    again = run("load", "office", 2027, file)
    assert (again.exit_code, again.stdout) == (
        0,
        "office: version 2 holds 2027 already, nothing changed\n",
    )
    file.write_text(CSV.replace("2027-01-09,false,元旦\n", ""), encoding="utf-8")
    assert "nothing changed" in run("load", "office", 2027, file).stdout
    assert "1 removed" in run("load", "office", 2027, file, "--replace").stdout
    assert "holidays known until 2027-12-31" in run("list").stdout


def test_cn_is_every_calendar_that_keeps_chinas_years(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "2027.csv"
    file.write_text(CSV, encoding="gb18030")
    told = run("load", "cn", 2027, file)
    assert [line.split(":")[0] for line in told.stdout.splitlines()] == ["lab", "office"]
    assert run("list").stdout.count("2027-12-31") == 2


def test_a_load_is_all_or_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "2027.csv"
    file.write_text(CSV, encoding="utf-8")
    assert run("load", "office", 2027, file).exit_code == 0
    before = count_versions()
    file.write_text(CSV.replace("2027", "2028"), encoding="utf-8")
    refused = run("load", "cn", 2028, file)  # lab has not got 2027 yet
    assert refused.exit_code == 2
    assert refused.stderr == "/year: Load 2027 first: years are loaded without a gap\n"
    assert count_versions() == before


def test_a_faulty_file_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "2027.csv"
    file.write_text(CSV.replace("2027-01-09", "2027-13-09"), encoding="utf-8")
    refused = run("load", "office", 2027, file)
    assert refused.exit_code == 2
    assert refused.stderr == f"{file}: line 4 Should be a date such as 2027-01-01\n"
    assert run("load", "nonesuch", 2027, tmp_path / "none.csv").exit_code == 2
    file.write_text(CSV, encoding="utf-8")
    assert run("load", "nonesuch", 2027, file).exit_code == 1
    assert run("load", "24x7", 2027, file).exit_code == 2


# --- /readyz


async def warnings(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["checks"]["warnings"]
    return found


@pytest.mark.parametrize(
    ("before", "days_left"),
    [
        (timedelta(days=60, microseconds=1), None),
        (timedelta(days=60), 60),
        (timedelta(days=59, hours=23), 59),
        (timedelta(0), 0),
        (timedelta(days=-30), 0),
    ],
)
async def test_readiness_warns_sixty_days_before_holidays_are_unknown(
    client: httpx.AsyncClient, database: Database, before: timedelta, days_left: int | None
) -> None:
    await make_rules(database, MONDAY)
    await freeze(database, UNKNOWN_FROM - before)
    found = await warnings(client)
    if days_left is None:
        assert found == []
        return
    assert found == [
        {
            "code": "calendar_year_missing",
            "calendar": "office",
            "year": 2027,
            "known_until": "2026-12-31T16:00:00.000000Z",
            "days_left": days_left,
        }
    ]


async def test_the_warning_goes_when_the_year_is_loaded_or_no_holidays_are_needed(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    await make_rules(database, MONDAY)
    await freeze(database, UNKNOWN_FROM)
    admin = await login_as("admin")
    assert await warnings(client)
    body = {"year": 2027, "days": [{"date": "2027-01-01", "is_off_day": True, "name": "元旦"}]}
    await client.post("/api/v1/calendars/office/years", json=body, headers=admin)
    assert await warnings(client) == []
    await freeze(database, UNKNOWN_FROM + timedelta(days=400))
    assert await warnings(client)
    around = {"is_working": True}
    await client.patch("/api/v1/calendars/24x7", json=around, headers=admin)
    assert await warnings(client) == []


async def test_readiness_needs_no_calendars(client: httpx.AsyncClient, database: Database) -> None:
    await freeze(database, MONDAY)
    assert await warnings(client) == []
    assert (await calendars.read_in_force(database, database.all)).versions == {}
