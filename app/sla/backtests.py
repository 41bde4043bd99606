"""Asking for a backtest: which rules are in question, and whether they can be asked about at all."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.auth.permissions import Permission, RowScope
from app.auth.principal import Principal
from app.calendars.document import CalendarInvalid, CalendarSpec, parse_calendar
from app.database import Reader, Transaction
from app.errors import Conflict, FieldError, Invalid, invalid_field
from app.operations import service as operations
from app.sla.backtest_schemas import BacktestCalendar, BacktestPolicy, BacktestStart
from app.sla.backtesting import BACKTEST, Backtest
from app.sla.book import POLICY_NAMES, Book
from app.sla.engine.deadline import Reference
from app.sla.engine.policy import Policy
from app.sla.policies import Policies, read_document
from app.statements import Row

LONGEST = timedelta(days=5 * 366)
UNSTORED = 0  # the version of what is not stored as one


async def start(
    tx: Transaction, principal: Principal, book: Book, command: BacktestStart
) -> dict[str, Any]:
    """Ask for a backtest and return the operation; raises `Invalid`, and `Conflict` for a policy that never applies.

    A manager has the matters of his own department and those below it judged: other teams' figures are not his.
    """
    asked = await backtest_of(tx, book, command)
    if principal.scope(Permission.SLA_BACKTEST) is not RowScope.ALL:
        asked = replace(asked, departments=principal.departments)
    subjects, values = asked.subjects
    total = await tx.value(subjects.count, **values)
    return await operations.start(tx, BACKTEST, asked.parameters, total=total)


async def backtest_of(reader: Reader, book: Book, command: BacktestStart) -> Backtest:
    """Return what is asked, with everything fixed that could change meanwhile."""
    if command.policy is None and command.calendar is None:
        raise invalid_field("/policy", "backtest_of_nothing")
    if command.opened_before <= command.opened_from:
        raise invalid_field("/to", "range_reversed")
    if command.opened_before - command.opened_from > LONGEST:
        raise invalid_field("/to", "backtest_too_long")
    values: dict[str, Any] = {}
    if command.policy is not None:
        values |= await _policy(reader, book, command.policy)
    if command.calendar is not None:
        values |= _calendar(book, command.calendar)
    return Backtest(
        opened_from=command.opened_from,
        opened_before=command.opened_before,
        zone=book.working.timezone.key,
        subject_type=command.subject_type,
        **values,
    )


async def _policy(reader: Reader, book: Book, given: BacktestPolicy) -> dict[str, Any]:
    if (given.name is None) == (given.document is None):
        raise invalid_field("/policy", "backtest_name_or_document")
    rows = await reader.all(POLICY_NAMES)
    document: Mapping[str, Any] | None
    if given.document is not None:
        document = given.document.root
        policy = _drafted(book, given.document.root, "/policy/document")
    else:
        row = next((one for one in rows if one["name"] == given.name), None)
        if row is None:
            raise invalid_field("/policy/name", "unknown_reference")
        policy, document = _stored(book, row, given.version)
    order = _ordered(Policies(rows, book), policy, given.position)
    return {
        "policy": policy.reference,
        "policy_document": document,
        "order": tuple(one.reference for one in order),
        "pins": _pins(book, order),
    }


def _stored(book: Book, row: Row, version: str) -> tuple[Policy, Mapping[str, Any] | None]:
    """Return a stored version, or the draft with its document."""
    if version == "draft":
        if row["draft"] is None:
            raise Conflict("policy_has_no_draft")
        return _drafted(book, row["draft"], "/policy"), row["draft"]
    number = row["current_version"] if version == "current" else int(version)
    found = book.rulebook.policies.get((row["name"], number))
    if found is None:
        raise invalid_field("/policy/version", "policy_version_unknown")
    return found, None


def _drafted(book: Book, document: Mapping[str, Any], pointer: str) -> Policy:
    try:
        return read_document(book, document, UNSTORED)
    except Invalid as error:
        raise Invalid(
            errors=[FieldError(pointer + e.pointer, e.code, e.values) for e in error.errors]
        ) from error


def _ordered(policies: Policies, policy: Policy, position: int | None) -> list[Policy]:
    """Return the policies as they would be asked; a new one is asked first."""
    order = policies.asked(policy)
    if position is not None or policy not in order:
        order = [one for one in order if one is not policy]
        order.insert(position or 0, policy)
    for earlier in order[: order.index(policy)]:
        if earlier.conditions.covers(policy.conditions):
            raise Conflict("policy_shadowed", policy=policy.name, by=earlier.name)
    return order


def _pins(book: Book, order: list[Policy]) -> dict[str, Reference]:
    pins: dict[str, Reference] = {}
    for one in order:
        pins |= book.pins_for(one)
    return pins


def _calendar(book: Book, given: BacktestCalendar) -> dict[str, Any]:
    if (given.name is None) == (given.document is None):
        raise invalid_field("/calendar", "backtest_name_or_document")
    current = book.calendars.current
    if given.document is not None:
        reference = (_read_calendar(given.document).name, UNSTORED)
    else:
        name = str(given.name)
        if name not in current:
            raise invalid_field("/calendar/name", "unknown_reference")
        reference = (name, given.version or current[name])
        if reference not in book.rulebook.calendars:
            raise invalid_field("/calendar/version", "unknown_reference")
    replaced = given.in_place_of or reference[0]
    if given.in_place_of is None and replaced not in current:
        replaced = book.calendars.working[0]
    if replaced not in current:
        raise invalid_field("/calendar/in_place_of", "unknown_reference")
    return {
        "calendar": reference,
        "calendar_document": given.document,
        "in_place_of": replaced,
    }


def _read_calendar(document: Mapping[str, Any]) -> CalendarSpec:
    try:
        return parse_calendar(document)
    except CalendarInvalid as error:
        pointer = f"/calendar/document{error.pointer}"
        raise invalid_field(pointer, error.code, **error.values) from error
