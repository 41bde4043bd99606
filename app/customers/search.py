"""Keeps `customer_search` true within the writer's own transaction, and answers what is asked of it.

The table is derived: `rebuild` makes it anew. What is a token, and what a good match, is in `search_keys` and
`search_ranking`; when two customers are one is `matching`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import writing
from app.customers import search_keys, search_queries
from app.customers.matching import Profile
from app.customers.models import CustomerSearch
from app.customers.phones import PhoneInvalid, to_e164
from app.customers.search_keys import Wanted
from app.customers.search_ranking import Match, matches
from app.database import Database, Reader, Transaction
from app.statements import Row

BATCH = 500


# --- keeping


async def index_new(
    tx: Transaction, customer: Row, contacts: Sequence[Row] = (), points: Sequence[Row] = ()
) -> None:
    """Hold the words of a customer just made back, with those of the contacts that he has already."""
    source = {**customer, "contacts": contacts, "points": points, "earlier": ()}
    await writing.insert(tx, CustomerSearch, **row_of(source))


async def refresh(tx: Transaction, customer_key: int) -> None:
    """Write a customer's words anew, after a change of him, his contacts or their numbers."""
    for source in await tx.all(search_queries.SOURCES, keys=[customer_key]):
        await writing.upsert(tx, CustomerSearch, ("id",), **row_of(source))


async def forget(tx: Transaction, customer_key: int) -> None:
    """Let a customer who was merged be found no more; his number and name are the winner's words."""
    for row in await tx.all(search_queries.STORED, keys=[customer_key]):
        await writing.delete(tx, CustomerSearch, row)


def row_of(source: Row) -> dict[str, Any]:
    """Return a customer's row of `customer_search`; `source` has the columns of `search_queries.SOURCES`."""
    found = search_keys.found_by(
        profile_of(source),
        numbers=[source["number"], *(one["number"] for one in source["earlier"])],
        tags=source["tags"],
        contacts=[contact["name"] for contact in source["contacts"]],
        earlier=[one["name"] for one in source["earlier"]],
    )
    return {"id": source["id"], **search_keys.stored(found)}


def profile_of(source: Row) -> Profile:
    """Return what a customer is compared by."""
    points = source["points"]
    return Profile(
        source["name"],
        short_name=source["short_name"],
        credit_code=source["credit_code"],
        phones=frozenset(point["value"] for point in points if point["kind"] == "phone"),
        emails=frozenset(point["value"] for point in points if point["kind"] == "email"),
        address=source["address"],
    )


async def rebuild(database: Database, *, check: bool = False) -> int:
    """Make the table anew and return how many rows differed; with `check` nothing is written."""
    after, count = 0, 0
    while True:
        async with database.transaction() as tx:
            sources = await tx.all(search_queries.SOURCES_AFTER, after=after, batch=BATCH)
            if not sources:
                return count
            after = sources[-1]["id"]
            keys = [source["id"] for source in sources]
            stored = await tx.all(search_queries.STORED, keys=keys)
            known = {row["id"]: dict(row) for row in stored}
            wanted = [row_of(source) for source in sources]
            differing = [row for row in wanted if known.get(row["id"]) != row]
            count += len(differing)
            if not check:
                for row in differing:
                    await writing.upsert(tx, CustomerSearch, ("id",), **row)


# --- asking


@dataclass(frozen=True, slots=True)
class Hit:
    """A customer found, by key, with why; `score` of 100 is that of the word that he answers worst."""

    customer_id: int
    score: int
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The best hits first; not `is_complete` where more was there than is ranked."""

    hits: tuple[Hit, ...]
    is_complete: bool


async def find(database: Database, asked: str, *, reveal: bool, limit: int) -> Answer:
    """Return the customers who answer every word of `asked`, ranked; `reveal` as in `search_keys.questions`."""
    terms = search_keys.terms_of(asked, _phone(asked))
    if not terms:
        return Answer((), True)
    wanted = search_keys.questions(terms, reveal=reveal)
    everywhere = search_keys.is_everywhere(terms)
    hits = search_queries.EVERYWHERE if everywhere else search_queries.HITS
    rows = await database.all(hits, **texts_of(database.kind, wanted))
    found: dict[int, Hit] = {}
    for row in rows:
        if row["id"] in found:
            continue
        why = matches(terms, search_keys.read_stored(row), reveal=reveal)
        if why is not None:
            score = min(match.points for match in why)
            found[row["id"]] = Hit(row["id"], score, why)
    lengths = {row["id"]: len(row["names"].partition("\n")[0]) for row in rows}
    ranked = sorted(
        found.values(), key=lambda hit: (-hit.score, lengths[hit.customer_id], hit.customer_id)
    )
    last = len(search_queries.LIMITS) - 1
    read = sum(row["place"] == last for row in rows)
    is_complete = read < search_queries.LIMITS[last] and len(ranked) <= limit
    return Answer(tuple(ranked[:limit]), is_complete)


def _phone(asked: str) -> str | None:
    """Return the E.164 form of what is asked for, None where it is no whole telephone number."""
    try:
        return to_e164(asked)
    except PhoneInvalid:
        return None


def texts_of(kind: str, wanted: Sequence[Wanted]) -> Mapping[str, str]:
    """Return questions as the engine reads them, by parameter."""
    write = search_keys.postgresql_text if kind == "postgresql" else search_keys.sqlite_text
    return {f"wanted_{place}": write(one) for place, one in enumerate(wanted)}


async def shown(reader: Reader, hits: Sequence[Hit]) -> dict[int, str]:
    """Return the summaries of the customers found, as JSON by key."""
    rows = await reader.all(search_queries.SHOWN, keys=[hit.customer_id for hit in hits])
    return {row["id"]: row["body"] for row in rows}
