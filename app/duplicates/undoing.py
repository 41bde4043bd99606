"""Undoes a merge: every value that it changed is what it was, where nobody has changed it since.

What came afterwards stays with the winner: rows made since, other columns of the rows that were moved. Versions only
count on. The loser's own promises begin anew; those that were withdrawn stay so.
"""

from collections import defaultdict
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.customers import freshness, search
from app.customers import service as customers
from app.customers.changes import publish_change
from app.database import Transaction
from app.duplicates import queries, references
from app.duplicates.merging import unpacked
from app.duplicates.models import CustomerMerge, DuplicateReview
from app.errors import Conflict, NotFound
from app.statements import Row
from app.time import FAR_END

SHOWN_MAX = 50


async def lock_merge(tx: Transaction, public_id: str) -> Row:
    """Return a merge's row, held; raises `NotFound`."""
    row = await tx.one(queries.MERGE_LOCKED, public_id=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def undo(tx: Transaction, principal: Principal, merge: Row, reason: str) -> Row:
    """Undo a merge and return its row; publishes `customer.merge_undone` for both customers.

    Raises `Conflict`: `merge_undone` a second time, `merge_changed_since` with the places where something else stands
    now, `customer_merged` where the winner was merged into another meanwhile.
    """
    if merge["undone_at"] != FAR_END:
        raise Conflict("merge_undone")
    rows = await tx.all(queries.BY_KEY, keys=[merge["winner_id"], merge["loser_id"]])
    ids = {row["id"]: row["public_id"] for row in rows}
    winner = await customers.lock_to_merge(tx, principal, ids[merge["winner_id"]])
    await _put_back(tx, merge)
    at = await tx.now()
    row = await writing.update(
        tx,
        CustomerMerge,
        merge,
        undone_by=principal.user_id,
        undone_at=at,
        undo_reason=reason,
    )
    loser = await customers.lock_to_merge(tx, principal, ids[merge["loser_id"]])
    await _reopen_reviews(tx, merge)
    await freshness.begin(tx, [loser], at=at)
    for customer in (winner, loser):
        await search.refresh(tx, customer["id"])
        await publish_change(
            tx, "customer.merge_undone", customer, at=at, data={"merge": row["public_id"]}
        )
    return row


async def _put_back(tx: Transaction, merge: Row) -> None:
    """Write the old values; nothing is written where any of them has been changed since."""
    noted: dict[str, dict[int, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for change in await tx.all(queries.CHANGES, merge=merge["id"]):
        noted[change["place"]][change["row_id"]][change["field"]] = change
    rows: dict[str, list[Row]] = {}
    faults: list[dict[str, Any]] = []
    for place, changed in noted.items():
        found = await tx.all(references.by_key(place), keys=sorted(changed))
        rows[place] = [dict(row) for row in found]
        faults += _faults(place, {row["id"]: row for row in found}, changed)
    if faults:
        raise Conflict("merge_changed_since", changes=faults[:SHOWN_MAX], change_count=len(faults))
    for place, changed in noted.items():
        await _write_back(tx, place, rows[place], changed)


def _faults(
    place: str, rows: dict[int, Row], changed: dict[int, dict[str, Row]]
) -> list[dict[str, Any]]:
    """Return where something else stands than the merge left: table, id where it has one, column."""
    columns = references.models()[place].__table__.columns
    faults = []
    for key, fields in changed.items():
        row = rows.get(key)
        for name, change in fields.items():
            if row is None or row[name] != unpacked(columns[name], change["new"]):
                shown = None if row is None else row.get("public_id")
                faults.append({"place": place, "id": shown, "field": name, "is_gone": row is None})
    return faults


async def _write_back(
    tx: Transaction, place: str, rows: list[Row], changed: dict[int, dict[str, Row]]
) -> None:
    model = references.models()[place]
    columns = model.__table__.columns
    for row in rows:
        values = {
            name: unpacked(columns[name], change["old"])
            for name, change in changed[row["id"]].items()
        }
        if writing.is_audited(model):
            await writing.update(tx, model, row, **values)
        else:
            await writing.update_many(tx, model, [{"id": row["id"], **values}])


async def _reopen_reviews(tx: Transaction, merge: Row) -> None:
    pair = sorted((merge["winner_id"], merge["loser_id"]))
    for row in await tx.all(queries.PAIR, one=pair[0], other=pair[1]):
        if row["state"] == "merged":
            await writing.update(
                tx, DuplicateReview, row, state="open", decided_by=None, decided_at=FAR_END
            )
