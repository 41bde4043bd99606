"""The scorecard's page and command: whole without a script, safe whatever names say, in both languages, for files."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app import cli, writing
from app.reports.charts import BAR_WIDTH, bar_of, height_of, trend_of
from app.reports.figures import EDGES, FIGURES, Figures, quantile
from app.reports.wording import PAGE, duration, percent
from app.settings import get_settings
from tests.conftest import SECRET
from tests.reports.test_router import API, MARCH, Company, company

__all__ = ["company"]
PAGE_PATH = f"{API}/page"


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order; keeps ids, tags and text."""

    VOID = frozenset({"meta", "br", "line", "rect", "circle", "polyline"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def figures(**values: int) -> Figures:
    return Figures({**dict.fromkeys(FIGURES, 0), **values})


@pytest.mark.sop("AN-4")
async def test_the_page_is_whole_and_loads_nothing(company: Company) -> None:
    answer = await company.get(path=PAGE_PATH, **MARCH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = Reader(answer.text)
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    assert not [
        a for _, a in page.tags if any(name.startswith("on") or name == "src" for name in a)
    ]
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
    links = [str(a["href"]) for tag, a in page.tags if tag == "a"]
    assert links
    for link in links:
        assert re.fullmatch(r"/api/v1/deadlines/[0-9a-f-]{36}/explain", link)
        assert (await company.get(path=link)).status_code == 200
    text = " ".join(page.words)
    assert "服务承诺记分卡" in text
    assert "25.0%" in text  # one of four acceptances was kept


async def test_the_page_speaks_english(company: Company) -> None:
    headers = {**company.callers["admin"], "Accept-Language": "en"}
    answer = await company.http.get(PAGE_PATH, params=MARCH, headers=headers)
    shown = re.sub(r"<style>.*?</style>", "", answer.text, flags=re.S)
    assert "Promise scorecard" in shown
    assert 'lang="en"' in shown
    ours = re.sub(r"T0000\d+ 系统无法登录|\+86 李雷|南区|王强", "", shown)
    assert not re.findall(r"[\u4e00-\u9fff]+", ours)


async def test_hostile_names_stay_names(company: Company) -> None:
    from app.auth.models import User  # noqa: PLC0415

    nasty = "<script>alert(1)</script>\"'&"
    async with company.database.transaction() as tx:
        await writing.update(tx, User, company.ids["other"], name=nasty)
    answer = await company.get(path=PAGE_PATH, **MARCH)
    assert "<script" not in answer.text
    assert nasty in "".join(Reader(answer.text).words)


async def test_the_page_shows_only_what_its_reader_answers_for(company: Company) -> None:
    shown = {who: (await company.get(who, PAGE_PATH, **MARCH)).text for who in ("admin", "service")}
    assert "王强" in shown["admin"]
    assert "王强" not in shown["service"]
    assert "T000002" not in shown["service"]
    assert (await company.get("auditor", PAGE_PATH)).status_code == 403
    assert (await company.get(path=PAGE_PATH, group_by="rule")).status_code == 422


async def test_an_empty_period_is_told_as_one(company: Company) -> None:
    answer = await company.get(path=PAGE_PATH, **{"from": "2024-01-01", "to": "2024-01-31"})
    assert answer.status_code == 200
    Reader(answer.text)
    assert PAGE["zh"]["nothing"] in answer.text
    assert PAGE["zh"]["nothing_late"] in answer.text


# --- the command


async def test_the_command_writes_both_files(
    company: Company, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html, table = tmp_path / "card.html", tmp_path / "card.csv"
    monkeypatch.setenv("HUIYING_DATABASE_URL", database_url)
    monkeypatch.setenv("HUIYING_SECRET_KEY", SECRET)
    monkeypatch.setenv("HUIYING_CLOCK", "virtual")
    arguments = ["scorecard", "--from", "2026-03-01", "--to", "2026-03-31"]

    def run(*more: str) -> Any:
        """In a thread: the command has an event loop of its own."""
        get_settings.cache_clear()
        return CliRunner().invoke(cli.app, [*arguments, *more])

    import asyncio  # noqa: PLC0415

    done = await asyncio.to_thread(run, "--html", str(html), "--csv", str(table))
    assert done.exit_code == 0, done.output
    Reader(html.read_text(encoding="utf-8"))
    assert table.read_bytes().startswith("\ufeff月份,条款,时钟".encode())
    printed = await asyncio.to_thread(run, "--language", "en")
    assert printed.output.startswith("\ufeffMonth,Rule,Clock")
    refused = await asyncio.to_thread(run, "--to", "31.3.2026")
    assert refused.exit_code == 2
    get_settings.cache_clear()


# --- figures, drawings and words


def test_every_text_is_there_in_both_languages() -> None:
    assert PAGE["zh"].keys() == PAGE["en"].keys()
    for name, text in PAGE["zh"].items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", PAGE["en"][name])), name


def test_a_share_needs_something_judged() -> None:
    assert figures(running=5, cancelled=2).kept_rate is None
    assert figures(kept=19, late=1).kept_rate == 0.95
    assert figures(kept=1, missed=2).kept_rate == 0.3333
    assert percent(None) == "—"
    assert percent(0.95) == "95.0%"


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [
        ([4, 0, 0, 0, 0, 0, 0], 0.5, 150),
        ([4, 0, 0, 0, 0, 0, 0], 1.0, 300),
        ([0, 2, 2, 0, 0, 0, 0], 0.5, 900),
        ([0, 2, 2, 0, 0, 0, 0], 0.75, 1350),
        ([0, 0, 0, 0, 0, 0, 1], 0.5, EDGES[-1] * 3 // 2),
    ],
)
def test_a_quantile_lies_where_so_many_lie_below(
    buckets: list[int], share: float, seconds: int
) -> None:
    assert quantile(buckets, share) == seconds


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0 秒", "0 s"), (59, "59 秒", "59 s"), (60, "1 分", "1 min"), (3661, "1 小时 1 分", "1 h 1 min"),
        (3600, "1 小时", "1 h"), (90_000, "1 天 1 小时", "1 d 1 h"), (86_400 * 40 + 59, "40 天", "40 d"),
        (-5, "0 秒", "0 s"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_its_greatest_units(seconds: int, zh: str, en: str) -> None:
    assert (duration(seconds, PAGE["zh"]), duration(seconds, PAGE["en"])) == (zh, en)


def test_a_bar_is_filled_by_what_was_judged_and_bears_the_goal() -> None:
    bar = bar_of(figures(kept=3, late=1), 0.95)
    assert (bar.kept, bar.late, bar.missed) == (BAR_WIDTH * 0.75, BAR_WIDTH * 0.25, 0)
    assert bar.goal == BAR_WIDTH * 0.95
    assert bar_of(figures(running=3), 0.95).kept == 0


def test_the_line_breaks_where_nothing_was_judged() -> None:
    months = [
        ("2026-01", figures(kept=1)),
        ("2026-02", figures()),
        ("2026-03", figures(kept=1, late=1)),
    ]
    trend = trend_of(months, 0.95)
    assert len(trend.pieces) == 2
    assert [one.point for one in trend.columns] == [height_of(1.0), None, height_of(0.5)]
    assert height_of(0.2) == height_of(0.5)  # below the floor it lies on it
    assert trend_of([], 0.95).columns == ()
