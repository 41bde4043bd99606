"""The bare handler that every hot path is compared with: the same work on the same database, and nothing else.

Starlette; PostgreSQL: an asyncpg pool without reset query; SQLite: sqlite3 in the event loop. Columns -> dict ->
orjson. No authentication, validation, audit, idempotency, row scope or masks.
"""

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uuid_utils import uuid7

URL = os.environ["HUIYING_DATABASE_URL"]
SUMMARY = """t.public_id AS id, t.number, t.type, t.complexity, t.channel, t.priority, t.subject, t.tags, t.status,
 t.progress, t.opened_at, t.accepted_at, t.resolved_at, t.closed_at, t.version, t.updated_at,
 c.public_id AS customer_id, c.number AS customer_number, c.name AS customer_name, c.tier AS customer_tier,
 u.public_id AS owner_id, u.name AS owner_name, d.public_id AS department_id, d.name AS department_name"""
WHOLE = f"""{SUMMARY}, t.description, t.happened_at, t.wished_at, t.agreed_at, t.agreement_pending, t.dispatched_at,
 t.progress_at, t.close_due_at, t.wait_reason, t.plan, t.solution, t.confirmation, t.rating, t.confirmed_channel,
 t.customer_feedback, t.root_cause, t.improvement_suggestion"""
FROM = """ FROM tickets t JOIN customers c ON c.id = t.customer_id LEFT JOIN users u ON u.id = t.owner_id
 LEFT JOIN departments d ON d.id = t.department_id"""
IS_POSTGRES = URL.startswith("postgresql")
MARK = "$1" if IS_POSTGRES else "?"
ONE = f"SELECT {WHOLE}{FROM} WHERE t.public_id = {MARK}"
PAGE = f"SELECT {SUMMARY}{FROM} ORDER BY t.opened_at DESC, t.id DESC LIMIT 51"
INSTANTS = (
    "happened_at", "wished_at", "agreed_at", "dispatched_at", "progress_at", "close_due_at", "opened_at",
    "accepted_at", "resolved_at", "closed_at", "updated_at",
)  # fmt: skip
state: dict[str, Any] = {}


class Resetless(asyncpg.Connection):
    """A pooled connection without the reset query."""

    def get_reset_query(self) -> str:
        """Nothing to reset."""
        return ""


async def prepare(connection: Any) -> None:
    """Give text for what orjson cannot write."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=str, decoder=orjson.loads, format="text"
    )
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the database."""
    if IS_POSTGRES:
        state["pool"] = await asyncpg.create_pool(
            URL, min_size=6, max_size=6, connection_class=Resetless, init=prepare,
            server_settings={"timezone": "UTC", "jit": "off"}, max_cacheable_statement_size=0,
        )  # fmt: skip
    else:
        connection = sqlite3.connect(
            URL.removeprefix("sqlite:///"), isolation_level=None, cached_statements=1024
        )
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=10000",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.row_factory = sqlite3.Row
        state["sqlite"] = connection
    yield


async def fetch(sql: str, *values: Any) -> list[Any]:
    """Return rows."""
    if IS_POSTGRES:
        async with state["pool"].acquire() as connection:
            return await connection.fetch(sql, *values)  # type: ignore[no-any-return]
    return state["sqlite"].execute(sql, values).fetchall()  # type: ignore[no-any-return]


def answer(value: Any, status: int = 200) -> Response:
    """Return JSON."""
    return Response(
        orjson.dumps(value, option=orjson.OPT_UTC_Z), status, media_type="application/json"
    )


def _at(value: datetime) -> Any:
    return value if IS_POSTGRES else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


FAR = _at(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


def shown(row: Any) -> dict[str, Any]:
    """A row as the API shows it: customer, owner and department as objects, the far end of time as null."""
    out = dict(row)
    out["customer"] = {
        "id": out.pop("customer_id"), "number": out.pop("customer_number"),
        "name": out.pop("customer_name"), "tier": out.pop("customer_tier"),
    }  # fmt: skip
    for name in ("owner", "department"):
        key, text = out.pop(f"{name}_id"), out.pop(f"{name}_name")
        out[name] = None if key is None else {"id": key, "name": text}
    for name in INSTANTS:
        if name in out and out[name] == FAR:
            out[name] = None
    if not IS_POSTGRES:
        out["tags"] = orjson.loads(out["tags"])
    return out


async def read_one(request: Request) -> Response:
    """One ticket."""
    rows = await fetch(ONE, request.path_params["id"])
    return answer(shown(rows[0]))


async def read_page(request: Request) -> Response:
    """The newest fifty."""
    rows = await fetch(PAGE)
    return answer({"items": [shown(row) for row in rows[:50]], "has_more": len(rows) > 50})


async def alive(request: Request) -> Response:
    """Answer at once."""
    return answer({"status": "ok"})


def _rows(body: dict[str, Any], customer_key: int, number: int) -> dict[str, dict[str, Any]]:
    """The six rows of an opening: ticket, two clocks' deadlines, a fact's subject, an audit entry, a message."""
    now = datetime.now(UTC)
    key = time.time_ns() // 100 + number
    ticket = str(uuid7())
    return {
        "tickets": {
            "id": key, "public_id": ticket, "number": f"T{key}", "customer_id": customer_key, "type": body["type"],
            "complexity": "normal", "channel": body["channel"], "priority": "normal", "subject": body["subject"],
            "description": body["description"], "tags": "[]", "status": "new", "progress": 0,
            "agreement_pending": False, "version": 1, "opened_at": _at(now), "updated_at": _at(now),
            **dict.fromkeys(
                ("happened_at", "wished_at", "agreed_at", "dispatched_at", "accepted_at", "progress_at",
                 "resolved_at", "closed_at", "close_due_at"), FAR),
        },
        "sla_subjects": {
            "id": key, "subject_type": "bare", "subject_id": key, "subject_public_id": ticket, "label": "",
            "sequence": 1, "next_fire_at": FAR, "fault_count": 0, "is_open": True,
        },
        "sla_facts": {
            "id": key, "subject_key": key, "sequence": 1, "kind": "opened", "occurred_at": _at(now),
            "recorded_at": _at(now), "data": "{}",
        },
        "deadlines": {
            "id": key, "public_id": str(uuid7()), "subject_key": key, "subject_type": "bare", "subject_id": key,
            "subject_public_id": ticket, "label": "", "clock": "resolve", "rule": "TK-5", "cycle": 1, "revision": 1,
            "state": "running", "started_at": _at(now), "due_at": _at(now + timedelta(hours=4)),
            "on_retarget": False, "provisional": False, "intervals_skipped": 0, "used_seconds": 0,
            **dict.fromkeys(("pause_ends_at", "answered_at", "ended_at", "missed_at", "detected_at"), FAR),
        },
        "audit_entries": {
            "id": key, "public_id": str(uuid7()), "recorded_at": _at(now), "action": "ticket.create",
            "entity": "ticket", "entity_key": key, "actor_name": "bare", "count": 1, "changes": "{}",
        },
        "outbox_messages": {
            "id": key, "public_id": str(uuid7()), "event": "bare.opened", "payload": "{}", "occurred_at": _at(now),
            "state": "done", "attempts": 0, "attempt_at": FAR, "settled_at": _at(now),
        },
    }  # fmt: skip


def _statement(rows: dict[str, dict[str, Any]]) -> str:
    if "cte" not in state:
        number, parts = 0, []
        for table, row in rows.items():
            places = ", ".join(f"${number + index}" for index in range(1, len(row) + 1))
            number += len(row)
            parts.append(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})")
        ctes = ", ".join(f"i{index} AS ({part})" for index, part in enumerate(parts[:-1]))
        state["cte"] = f"WITH {ctes} {parts[-1]}"
    return state["cte"]  # type: ignore[no-any-return]


async def open_ticket(request: Request) -> Response:
    """Six rows in one transaction: one CTE statement on PostgreSQL, six inserts on SQLite."""
    body = orjson.loads(await request.body())
    state["number"] = number = state.get("number", 0) + 1
    rows = await fetch(f"SELECT id FROM customers WHERE public_id = {MARK}", body["customer_id"])
    made = _rows(body, rows[0]["id"], number)
    if IS_POSTGRES:
        async with state["pool"].acquire() as connection:
            await connection.execute(
                _statement(made), *(v for row in made.values() for v in row.values())
            )
    else:
        connection = state["sqlite"]
        connection.execute("BEGIN IMMEDIATE")
        for table, row in made.items():
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values())
            )
        connection.execute("COMMIT")
    return answer(made["tickets"], 201)


app = Starlette(
    routes=[
        Route("/healthz", alive),
        Route("/tickets", read_page),
        Route("/tickets", open_ticket, methods=["POST"]),
        Route("/tickets/{id}", read_one),
    ],
    lifespan=lifespan,
)
