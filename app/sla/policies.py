"""Policies as a resource: drafts, publishing, order; and retargets of what is open.

Whoever writes locks all policies first: there are few, and what a publication means hangs on their order. Nothing that
reaches open matters is done that was not previewed as it is (deadlines 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, select

from app import writing
from app.database import Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from app.operations import service as operations
from app.outbox import service as outbox
from app.sla import retargeting
from app.sla.book import Book, read_current_book
from app.sla.engine.deadline import Reference
from app.sla.engine.policy import AROUND_THE_CLOCK, WORKING, Policy, shadowed
from app.sla.engine.policy_document import PolicyInvalid, parse_policy
from app.sla.models import PolicyRow, PolicyVersion
from app.sla.plans import Mode, Plan
from app.statements import Row, Statement

DOCUMENT_BYTES_MAX = 65_536
_policy = PolicyRow.__table__
_version = PolicyVersion.__table__
LOCKED = Statement(select(*_policy.c).order_by(_policy.c.id).with_for_update())
DOCUMENT = Statement(
    select(_version.c.document)
    .join_from(_version, _policy, _policy.c.id == _version.c.policy_id)
    .where(_policy.c.name == bindparam("name"), _version.c.number == bindparam("number"))
)
DRAFT = Statement(
    select(_policy.c.draft.label("document")).where(_policy.c.name == bindparam("name"))
)


@dataclass(slots=True)
class Policies:
    """Every policy, locked, in the order in which they are asked, and the rulebook as it is."""

    rows: list[Row]
    book: Book

    def named(self, name: str) -> Row:
        """Return one; raises `NotFound`."""
        row = next((one for one in self.rows if one["name"] == name), None)
        if row is None:
            raise NotFound
        return row

    def asked(self, changed: Policy | None = None) -> list[Policy]:
        """Return the active policies in order, `changed` in place of the version before (added if it was not asked)."""
        known = {one.name: one for one in self.book.policies}
        if changed is not None:
            known[changed.name] = changed
        return [known[row["name"]] for row in self.rows if row["name"] in known]


async def lock_policies(tx: Transaction) -> Policies:
    """Lock all policies, then read them: one writer at a time."""
    rows = await tx.all(LOCKED)
    ordered = sorted(rows, key=lambda row: (row["position"], row["name"]))
    return Policies(ordered, await read_current_book(tx))


# --- drafts


def read_document(book: Book, document: Mapping[str, Any], version: int) -> Policy:
    """Return the policy of a document; raises `Invalid` with the place and what is wrong there."""
    if len(orjson.dumps(document)) > DOCUMENT_BYTES_MAX:
        raise invalid_field("", "policy_too_long", most=DOCUMENT_BYTES_MAX)
    try:
        policy = parse_policy(document, version)
    except PolicyInvalid as error:
        raise Invalid(errors=[FieldError(error.path, error.code, error.values)]) from error
    known = {WORKING, AROUND_THE_CLOCK, *book.calendars.current}
    for pointer, role in _calendar_places(document):
        if role not in known:
            raise invalid_field(pointer, "policy_calendar_unknown")
    return policy


def _calendar_places(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every calendar that a document names, with the place."""
    places = [(f"/calendars/{tier}", one) for tier, one in document.get("calendars", {}).items()]
    for clock, rule in document.get("clocks", {}).items():
        named, pointer = rule.get("calendar"), f"/clocks/{clock}/calendar"
        if isinstance(named, str):
            places.append((pointer, named))
        elif named:
            places += [(f"{pointer}/{tier}", one) for tier, one in named.items()]
    return places


async def create_policy(
    tx: Transaction, policies: Policies, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Store a new policy as a draft, asked last and not active; raises `Conflict` where the name is taken."""
    policy = read_document(policies.book, document, 1)
    if any(row["name"] == policy.name for row in policies.rows):
        raise Conflict("policy_name_taken")
    return await writing.insert(
        tx,
        PolicyRow,
        name=policy.name,
        title={"zh": policy.title_zh, "en": policy.title_en},
        position=1 + max((row["position"] for row in policies.rows), default=-1),
        is_active=False,
        current_version=0,
        draft=dict(document),
        created_at=await tx.now(),
    )


async def put_draft(
    tx: Transaction, policies: Policies, row: Row, document: Mapping[str, Any]
) -> None:
    """Make a document the policy's one draft; its name stays."""
    policy = read_document(policies.book, document, row["current_version"] + 1)
    if policy.name != row["name"]:
        raise invalid_field("/name", "policy_name_fixed")
    await writing.update(tx, PolicyRow, row, draft=dict(document))


async def discard_draft(tx: Transaction, row: Row) -> None:
    """Drop the draft, and with it a policy that was never published; raises `Conflict` where there is none."""
    if row["draft"] is None:
        raise Conflict("policy_has_no_draft")
    if row["current_version"] == 0:
        await writing.delete(tx, PolicyRow, row)
    else:
        await writing.update(tx, PolicyRow, row, draft=None)


# --- publishing


async def preview(tx: Transaction, policies: Policies, row: Row, mode: Mode) -> dict[str, Any]:
    """Ask which open deadlines would move if the draft were published now, and return the operation."""
    plan, _ = await _publication(tx, policies, row, mode)
    return await retargeting.start(tx, retargeting.PREVIEW, plan)


async def publish(
    tx: Transaction, policies: Policies, row: Row, mode: Mode, preview_id: UUID | None
) -> dict[str, Any] | None:
    """Make the draft the version of new subjects, at once, and start the retarget of open ones where the mode says so.

    A draft that says what the current version says makes no new one. Returns the operation. Raises `Conflict` without
    a draft, for an order in which a policy would never apply, and for a missing or outdated preview. Publishes
    `policy.published`.
    """
    plan, policy = await _publication(tx, policies, row, mode)
    figures = await _previewed(tx, plan, preview_id)
    now = await tx.now()
    if policy.version != row["current_version"]:
        await writing.insert(
            tx,
            PolicyVersion,
            policy_id=row["id"],
            number=policy.version,
            document=row["draft"],
            mode=mode.value,
            published_by=tx.actor.user_id,
            created_at=now,
        )
    title = {"zh": policy.title_zh, "en": policy.title_en}
    changed = {"current_version": policy.version, "title": title, "draft": None}
    await writing.update(tx, PolicyRow, row, **changed)
    operation = None
    if mode is not Mode.NEW:
        plan = replace(plan, documents={})
        operation = await retargeting.start(tx, retargeting.RETARGET, plan, figures=figures)
    await outbox.publish(
        tx,
        "policy.published",
        at=now,
        subject_type="policy",
        subject_id=row["public_id"],
        payload={"policy": row["name"], "version": policy.version, "mode": mode.value},
    )
    return operation


async def _publication(
    tx: Transaction, policies: Policies, row: Row, mode: Mode
) -> tuple[Plan, Policy]:
    """Return what publishing the draft would do, and the version that it would be."""
    if row["draft"] is None:
        raise Conflict("policy_has_no_draft")
    if mode is not Mode.NEW and not row["is_active"]:
        raise Conflict("policy_inactive")
    current = row["current_version"]
    known = await tx.value(DOCUMENT, name=row["name"], number=current)
    is_new = (orjson.loads(known) if isinstance(known, str) else known) != row["draft"]
    policy = read_document(policies.book, row["draft"], current + is_new)
    order = policies.asked(policy if row["is_active"] else None)
    _refuse_shadows(order)
    plan = Plan(
        mode,
        policy=policy.name,
        order=tuple(one.reference for one in order),
        documents={policy.name: row["draft"]} if is_new else {},
    )
    return plan, policy


def _refuse_shadows(order: Sequence[Policy]) -> None:
    found = shadowed(order)
    if found is not None:
        raise Conflict("policy_shadowed", policy=found[0].name, by=found[1].name)


async def _previewed(tx: Transaction, plan: Plan, preview_id: UUID | None) -> Mapping[str, Any]:
    """Return the figures of the preview of this very plan, none for a plan that reaches no open matter."""
    if preview_id is None and plan.mode is Mode.NEW:
        return {}
    if preview_id is None:
        raise Conflict("preview_required")
    found = await operations.find(tx, str(preview_id))
    if found is None or found["kind"] != retargeting.PREVIEW:
        raise invalid_field("/preview_id", "unknown_reference")
    if plan.mode is not Mode.NEW and (
        found["state"] != "done" or found["parameters"] != plan.parameters
    ):
        raise Conflict("preview_outdated")
    figures: Mapping[str, Any] = found["result"] or {}
    return figures


# --- order and activity


async def put_order(tx: Transaction, policies: Policies, names: Sequence[str]) -> None:
    """Ask the policies in this order from now on; it names every one of them once. Reaches new subjects only."""
    rows = {row["name"]: row for row in policies.rows}
    if sorted(names) != sorted(rows):
        raise invalid_field("/names", "policy_order_incomplete")
    policies.rows = [rows[name] for name in names]
    _refuse_shadows(policies.asked())
    for position, name in enumerate(names):
        await writing.update(tx, PolicyRow, rows[name], position=position)


async def set_active(tx: Transaction, policies: Policies, row: Row, *, is_active: bool) -> None:
    """Ask a published policy, or ask it no more; reaches new subjects only."""
    if is_active and row["current_version"] == 0:
        raise Conflict("policy_unpublished")
    if is_active:
        reference: Reference = (row["name"], row["current_version"])
        _refuse_shadows(policies.asked(policies.book.rulebook.policies[reference]))
    await writing.update(tx, PolicyRow, row, is_active=is_active)


# --- retargets without a publication


def _retarget_plan(book: Book, mode: Mode, policy: str | None, calendar: str | None) -> Plan:
    if policy is not None and calendar is not None:
        raise invalid_field("/calendar", "policy_or_calendar")
    if calendar is not None:
        if calendar not in book.calendars.current:
            raise invalid_field("/calendar", "unknown_reference")
        reference = (calendar, book.calendars.current[calendar])
        return Plan(mode, calendar=reference, working=book.calendars.working == reference)
    if policy is not None and policy not in {name for name, _ in book.rulebook.policies}:
        raise invalid_field("/policy", "unknown_reference")
    return Plan(mode, policy=policy, order=tuple(one.reference for one in book.policies))


async def preview_retarget(
    tx: Transaction, mode: Mode, policy: str | None, calendar: str | None
) -> dict[str, Any]:
    """Ask what would move if open subjects went over to the policies, or the calendar, as they are; returns the operation."""
    plan = _retarget_plan(await read_current_book(tx), mode, policy, calendar)
    return await retargeting.start(tx, retargeting.PREVIEW, plan)


async def start_retarget(
    tx: Transaction, mode: Mode, policy: str | None, calendar: str | None, preview_id: UUID | None
) -> dict[str, Any]:
    """Take open subjects over to the policies, or the calendar, as they are now; returns the operation.

    Raises `Conflict` for a missing or outdated preview.
    """
    plan = _retarget_plan(await read_current_book(tx), mode, policy, calendar)
    figures = await _previewed(tx, plan, preview_id)
    return await retargeting.start(tx, retargeting.RETARGET, plan, figures=figures)
