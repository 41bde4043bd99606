"""A customer's tier (SOP CU-9): what the policy says of him, overriding it, and the history of both.

Every function that writes works in the caller's transaction, on a customer's row that the caller holds for writing.
When tiers are computed is in `tier_computing`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app import writing
from app.customers import history_queries as queries
from app.customers.changes import publish_change, told_of
from app.customers.models import Customer, CustomerTier, CustomerTierChange
from app.customers.tier_schemas import TierOverride, TierSource
from app.database import Database, Reader, Transaction
from app.errors import Conflict, invalid_field
from app.lifecycle import service as lifecycles
from app.lifecycle.rules import Lifecycle, StageKind
from app.sla import service as sla
from app.statements import Row
from app.tiering import service as tiering
from app.tiering.scoring import Measure, Score, TierPolicy, score
from app.tiering.wording import explanation
from app.time import FAR_END, format_instant

OVERDUE_DAYS_MAX = 30  # a cooperation expected longer ago than this is urgent no more


async def judge(reader: Reader, database: Database, row: Row, at: datetime) -> Score:
    """Return what the policy in force says of a customer's row."""
    policy = await tiering.read_current(reader, database)
    lifecycle = await lifecycles.read_current(reader, database)
    return score(policy, known_of(policy, lifecycle, row, local_date(database, at)))


def local_date(database: Database, at: datetime) -> date:
    """Return the deployment's date of an instant."""
    return at.astimezone(ZoneInfo(database.settings.zone)).date()


def known_of(policy: TierPolicy, lifecycle: Lifecycle, row: Row, today: date) -> dict[Measure, Any]:
    """Return what the file knows of the policy's measures; purchases are not known yet."""
    return {
        Measure.REVENUE: policy.amount(row["revenue"], row["revenue_currency"]),
        Measure.HEADCOUNT: row["headcount"],
        Measure.PURCHASING_POWER: row["purchasing_power"],
        Measure.STATUS: row["status"],
        Measure.DAYS_TO_COOPERATION: _days_to_cooperation(lifecycle, row, today),
    }


def _days_to_cooperation(lifecycle: Lifecycle, row: Row, today: date) -> int | None:
    """Return the days left of a customer who is still to be won."""
    stage, expected_on = lifecycle.stages.get(row["status"]), row["expected_cooperation_on"]
    if stage is None or stage.kind is not StageKind.OPEN or expected_on is None:
        return None
    days = (expected_on - today).days
    return max(days, 0) if days >= -OVERDUE_DAYS_MAX else None


# --- registering, overriding


async def register(tx: Transaction, customer: Row, at: datetime) -> None:
    """Hold back what is kept of a new customer's tier: computed at once, unless it was given."""
    await writing.insert(tx, CustomerTier, customer_id=customer["id"], compute_at=at)
    if customer["tier_is_overridden"]:
        await _note(tx, customer, None, source=TierSource.OVERRIDE, at=at)


async def override(tx: Transaction, customer: Row, command: TierOverride) -> Row:
    """Set the tier and why, until it expires (SOP CU-9), and return the row; open promises are counted anew from now.

    Publishes `customer.tier_changed`, or `customer.updated` where the tier stays. Raises `Invalid` for an expiry
    that is not in the future.
    """
    at = await tx.now()
    ends_at = command.expires_at or FAR_END
    if ends_at <= at:
        raise invalid_field("/expires_at", "not_in_future")
    values = {
        "tier": command.tier.value,
        "tier_reason": command.reason,
        "tier_is_overridden": True,
        "tier_override_ends_at": ends_at,
    }
    if all(customer[name] == value for name, value in values.items()):
        return customer
    judged = await judge(tx, tx.database, customer, at)
    return await change(tx, customer, values, source=TierSource.OVERRIDE, at=at, judged=judged)


async def withdraw(tx: Transaction, customer: Row) -> Row:
    """End an override and return the row, with the tier that the policy says; raises `Conflict` where there is none."""
    if not customer["tier_is_overridden"]:
        raise Conflict("tier_not_overridden")
    at = await tx.now()
    judged = await judge(tx, tx.database, customer, at)
    return await follow(tx, customer, judged, TierSource.OVERRIDE_WITHDRAWN, at)


async def follow(
    tx: Transaction, customer: Row, judged: Score, source: TierSource, at: datetime
) -> Row:
    """Give a customer the tier that the policy says, and return his row."""
    values = {
        "tier": judged.tier.value,
        "tier_reason": None,
        "tier_is_overridden": False,
        "tier_override_ends_at": FAR_END,
    }
    return await change(tx, customer, values, source=source, at=at, judged=judged)


async def change(
    tx: Transaction,
    customer: Row,
    values: Mapping[str, Any],
    *,
    source: TierSource,
    at: datetime,
    judged: Score,
) -> Row:
    """Write a tier and why, its history, and what follows for open promises."""
    is_moved = values["tier"] != customer["tier"]
    if is_moved:
        await sla.change_inputs(tx, customer["id"], tier=values["tier"])
    row = await writing.update(tx, Customer, customer, **values, updated_at=at)
    await _note(tx, row, customer["tier"], source=source, at=at, judged=judged)
    await mark(tx, row, at)
    event = "customer.tier_changed" if is_moved else "customer.updated"
    await publish_change(tx, event, row, at=at, data=told_of(customer, values))
    return row


async def mark(tx: Transaction, customer: Row, at: datetime) -> None:
    """Have a customer's tier looked at again at once: for what follows from it, and its override's end."""
    keys = [customer["id"]]
    if not await writing.change_set(tx, CustomerTier, queries.MARK, customer_keys=keys, at=at):
        await writing.insert(tx, CustomerTier, customer_id=customer["id"], compute_at=at)


async def _note(
    tx: Transaction,
    customer: Row,
    before: str | None,
    *,
    source: TierSource,
    at: datetime,
    judged: Score | None = None,
) -> None:
    computed: dict[str, Any] = {}
    if judged is not None:
        policy = await tiering.read_current(tx, tx.database)
        computed = {
            "score": judged.value,
            "points": judged.points,
            "policy_version": policy.number,
        }
    await writing.insert(
        tx,
        CustomerTierChange,
        customer_id=customer["id"],
        from_tier=before,
        to_tier=customer["tier"],
        source=source.value,
        changed_at=at,
        changed_by=tx.actor.user_id,
        reason=customer["tier_reason"],
        override_ends_at=customer["tier_override_ends_at"],
        **computed,
    )


# --- explaining


async def explain(database: Database, row: Row, *, reveals: bool) -> dict[str, Any]:
    """Return a customer's tier and why, in the contract's form; `row` is one of `history_queries.ONE`."""
    policy = await tiering.read_current(database, database)
    judged = await judge(database, database, row, row["now"])
    ends_at = row["tier_override_ends_at"]
    return {
        "tier": row["tier"],
        "is_overridden": bool(row["tier_is_overridden"]),
        "reason": row["tier_reason"],
        "override_ends_at": None if ends_at == FAR_END else format_instant(ends_at),
        "needs_account_manager": bool(row["needs_account_manager"]),
        "computed": explanation(judged, policy, reveals=reveals),
    }
