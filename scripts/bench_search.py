"""How fast customers are found, by kind of question, and how fast candidates for a new one are.

Usage: python -m scripts.bench_search [--engine postgres|sqlite] [--customers N] [--asked N]
(default: 1,000,000 customers on PostgreSQL, 100,000 on SQLite). The question goes through the service, without HTTP.
"""

import argparse
import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from multiprocessing import Pool
from typing import Any

import psycopg

from app.columns import new_public_id
from app.customers import candidates, names, search
from app.customers.matching import Profile
from app.database import Database
from app.engines import create_database
from app.postgresql import postgres_dsn
from app.sqlite import sqlite_path
from app.subscribers import compose
from scripts.bench import migrate, own_database, settings_for

SYLLABLES = (
    "华为中兴海尔格力联想小米腾讯百度京东顺丰方正同和永信安泰恒远达鑫盛源隆博宏嘉利通金银宝丰瑞祥康健明光天地星辰云峰山川江河湖"
    "林森木火土石玉珠兰竹梅菊松柏龙凤虎马牛羊鹏鹤鹰东西南北春夏秋冬红黄蓝绿青紫白黑大小高长新旧优美佳好正直诚智慧思想创造"
)
TRADES = sorted(word for word in names.TRADE_WORDS if len(word) > 1)
PLACES = sorted(names.PROVINCES | names.CITIES)
FORMS = ("有限公司", "有限责任公司", "股份有限公司", "集团有限公司", "厂", "")
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
NOW = "2026-03-02T01:00:00.000000Z"
LIMIT = 20


def customer(number: int) -> dict[str, Any]:
    """Return one random company with a contact, a phone and an address, always the same for a number."""
    chance = random.Random(number)
    brand = "".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 2, 3, 3, 4))))
    trades = "".join(chance.sample(TRADES, chance.choice((1, 1, 2))))
    person = chance.choice(SURNAMES) + "".join(chance.choices(SYLLABLES, k=2))
    return {
        "id": number,
        "public_id": new_public_id(),
        "number": f"C{number:06d}",
        "name": chance.choice(PLACES) + brand + trades + chance.choice(FORMS),
        "short_name": brand,
        "credit_code": None,
        "address": None,
        "tags": ["重点"] if number % 50 == 0 else [],
        "contacts": [{"name": person}],
        "points": [
            {"kind": "phone", "value": f"+861{chance.randrange(3 * 10**9, 10**10)}"},
            {"kind": "email", "value": f"u{number}@example{number % 5000}.com"},
        ],
    }


def rows_of(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return a customer's row and that of `customer_search`."""
    made = customer(number)
    found = search.row_of(made)
    shown = (number, made["public_id"], made["number"], made["name"], names.name_key(made["name"]),
             made["short_name"], '["重点"]' if made["tags"] else "[]")  # fmt: skip
    return shown, (number, found["names"], found["readings"], found["tokens"])


COLUMNS = (
    "id, public_id, number, name, name_key, short_name, tags, revenue_currency, source_channel, "
    "first_contact_at, status, tier, need_keywords, custom, version, created_at, updated_at"
)
CONSTANT = (
    "CNY",
    "phone",
    "9999-12-31T23:59:59.999999Z",
    "potential",
    "C",
    "[]",
    "{}",
    1,
    NOW,
    NOW,
)


def made_rows(count: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return the rows of all customers, in order."""
    with Pool(2) as pool:
        yield from pool.imap(rows_of, range(1, count + 1), chunksize=2000)


def fill(url: str, count: int) -> None:
    """Store the customers with what they are found by."""
    shown, found = [], []
    for one, other in made_rows(count):
        shown.append((*one, *CONSTANT))
        found.append(other)
        if len(shown) == 50_000:
            store(url, shown, found)
            shown, found = [], []
    store(url, shown, found)


def store(url: str, shown: Sequence[Any], found: Sequence[Any]) -> None:
    """Write a part of the rows."""
    if url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(url)) as connection:
            places = ", ".join("?" * (7 + len(CONSTANT)))
            connection.executemany(f"INSERT INTO customers ({COLUMNS}) VALUES ({places})", shown)
            connection.executemany("INSERT INTO customer_search VALUES (?, ?, ?, ?)", found)
        return
    with psycopg.connect(postgres_dsn(url)) as postgres, postgres.cursor() as cursor:
        with cursor.copy(f"COPY customers ({COLUMNS}) FROM STDIN".encode()) as copy:
            for row in shown:
                copy.write_row(row)
        with cursor.copy(b"COPY customer_search (id, names, readings, tokens) FROM STDIN") as copy:
            for row in found:
                copy.write_row(row)


def analyze(url: str) -> None:
    """Let the engine look at what it holds, and print its size."""
    if url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(url)) as connection:
            connection.execute(
                "INSERT INTO customer_search_fts (customer_search_fts) VALUES ('optimize')"
            )
            connection.execute("ANALYZE")
        return
    with psycopg.connect(postgres_dsn(url), autocommit=True) as postgres:
        postgres.execute("VACUUM ANALYZE customers")
        postgres.execute("VACUUM ANALYZE customer_search")
        size = "SELECT pg_size_pretty(pg_relation_size('customer_search_tokens')), pg_size_pretty(pg_table_size('customer_search'))"
        print("index, table:", postgres.execute(size.encode()).fetchone())


def questions(kind: str, chance: random.Random, count: int) -> str:
    """Return what somebody asks who remembers so much of a random customer."""
    one = customer(chance.randrange(1, count + 1))
    brand, core = one["short_name"], names.name_parts(one["name"]).core
    phone = one["points"][0]["value"]
    read = names.reading(core)
    at = chance.randrange(len(one["name"]) - 1)
    told: dict[str, str] = {
        "two characters": one["name"][at : at + 2],
        "brand": brand,
        "core": core,
        "whole name": one["name"],
        "place and brand": f"{one['name'][:2]} {brand}",
        "trade alone": chance.choice(TRADES),
        "initials": names.initials_of(read)[:6],
        "two initials": names.initials_of(read)[:2],
        "pinyin": names.letters_of(read)[:10],
        "phone, last 4": phone[-4:],
        "phone, last 8": phone[-8:],
        "phone, whole": phone,
        "e-mail": one["points"][1]["value"],
        "number": one["number"],
        "tag": "重点",
        "person": one["contacts"][0]["name"],
        "nothing": "".join(chance.choices("龘靐齉爩麤", k=3)),
    }
    return told[kind]


KINDS = ("two characters", "brand", "core", "whole name", "place and brand", "trade alone", "initials", "two initials",
         "pinyin", "phone, last 4", "phone, last 8", "phone, whole", "e-mail", "number", "tag", "person", "nothing")  # fmt: skip


async def timed(work: Callable[[str], Awaitable[Any]], asked: Sequence[str]) -> list[float]:
    """Return the milliseconds of each question, in rising order."""
    for one in asked[:10]:
        await work(one)
    taken = []
    for one in asked:
        began = time.perf_counter()
        await work(one)
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)


def report(kind: str, taken: Sequence[float]) -> None:
    """Print percentiles."""
    at = [taken[min(len(taken) - 1, int(len(taken) * share))] for share in (0.5, 0.95, 0.99)]
    print(f"{kind:18s} p50 {at[0]:7.1f}  p95 {at[1]:7.1f}  p99 {at[2]:7.1f} ms")


async def run(url: str, count: int, asked: int) -> None:
    """Ask every kind of question, then for candidates."""
    database: Database = compose(create_database(settings_for(url)))
    await database.open()

    async def find(text: str) -> None:
        answer = await search.find(database, text, reveal=True, limit=LIMIT)
        await search.shown(database, answer.hits)

    async def suspect(name: str) -> None:
        await candidates.find_candidates(database, database.kind, Profile(name))

    chance, all_taken = random.Random(7), list[float]()
    for kind in KINDS:
        taken = await timed(find, [questions(kind, chance, count) for _ in range(asked)])
        report(kind, taken)
        all_taken += taken
    report("all kinds", sorted(all_taken))
    others = [customer(chance.randrange(1, count + 1))["name"] + "厂" for _ in range(asked)]
    report("candidates", await timed(suspect, others))
    await database.close()


def main() -> None:
    """Make a database, fill it, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--customers", type=int)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--database", help="One that this script filled; kept")
    parser.add_argument("--fill-only", action="store_true")
    arguments = parser.parse_args()
    count = arguments.customers or (1_000_000 if arguments.engine == "postgres" else 100_000)
    if arguments.database and not arguments.fill_only:
        asyncio.run(run(arguments.database, count, arguments.asked))
        return
    with own_database(arguments.engine) as own:
        url = arguments.database or own
        migrate(url)
        began = time.perf_counter()
        fill(url, count)
        print(f"filled {count:,} in {time.perf_counter() - began:.0f} s")
        analyze(url)
        if not arguments.fill_only:
            asyncio.run(run(url, count, arguments.asked))


if __name__ == "__main__":
    main()
