"""Makes customers and contacts of a batch of rows through the services that the routes call.

A row is refused before anything of it is written. A batch ends before a row whose key an earlier one of it has used, so
that the next batch finds what this one made.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from app.auth.principal import Principal
from app.customers import candidates, contacts, search, service
from app.customers.contact_schemas import ContactCreate
from app.customers.models import Contact, ContactPoint, Customer
from app.customers.schemas import CustomerCreate
from app.database import Transaction
from app.errors import Refusal
from app.imports.rows import NO_PATCH, Fault, WantedRow, is_empty
from app.statements import Row, Statement, any_of

_c, _k, _p = Customer.__table__.c, Contact.__table__.c, ContactPoint.__table__.c
_WINNER = Customer.__table__.alias("winner")
_reached = (
    select(_c.public_id, _p.value)
    .join_from(ContactPoint.__table__, Customer.__table__, _c.id == _p.customer_id)
    .where(any_of(_p.value, "values"))
)
# By what a row finds its customer; the number of a merged file leads to the one it went into.
_BY = {
    "number": Statement(
        select(
            func.coalesce(_WINNER.c.public_id, _c.public_id).label("public_id"),
            _c.number.label("value"),
        )
        .outerjoin_from(Customer.__table__, _WINNER, _WINNER.c.id == _c.merged_into_id)
        .where(any_of(_c.number, "values"))
    ),
    "phone": Statement(_reached.where(_p.kind == "phone")),
    "email": Statement(_reached.where(_p.kind == "email")),
}
CONTACTS = Statement(
    select(_k.public_id, _k.name, _p.value)
    .outerjoin_from(Contact.__table__, ContactPoint.__table__, _p.contact_id == _k.id)
    .where(_k.customer_id == bindparam("customer_key"))
    .order_by(_k.id, _p.position, _p.id)
)
_POINTS = {"phone": "phones", "email": "emails"}


@dataclass(slots=True)
class Outcome:
    """What became of a batch's rows; `looked` is how many of them were looked at, the rest waits for the next batch."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)
    looked: int = 0

    def refuse(self, row: WantedRow, *faults: Fault) -> None:
        """Count a row as refused, with what is wrong with it."""
        told = [one.plain() for one in (*row.faults, *faults)]
        self.refused.append((row.line, told))
        self.counts["refused"] += 1


async def apply_rows(
    tx: Transaction, principal: Principal, source: Row, rows: Sequence[WantedRow]
) -> Outcome:
    """Do what rows want, as far as they may, and return what became of them."""
    options, outcome = source["options"], Outcome()
    people = [_person(row) for row in rows]
    keys = [_keys(row, one, options["upsert_by"]) for row, one in zip(rows, people, strict=True)]
    found = await _find(tx, options["upsert_by"], keys)
    used: set[str] = set()
    at = await tx.now()
    await tx.reserve_numbers(Customer, sum(not found.keys() & mine for mine in keys))
    for row, person, mine in zip(rows, people, keys, strict=True):
        if used & mine:
            break
        used |= mine
        outcome.looked += 1
        known = {public_id for key in mine for public_id in found.get(key, ())}
        try:
            did = await _apply(tx, principal, row, person, known=known, options=options, at=at)
        except Refusal as refusal:
            outcome.refuse(row, *_faults_of(refusal, row))
            continue
        if did is None:
            outcome.refuse(row)
        else:
            outcome.counts[did] += 1
    return outcome


def _person(row: WantedRow) -> ContactCreate | None:
    """Return the row's contact, None where it has none or is not valid (`faults` say so)."""
    if not row.contact:
        return None
    name = row.customer.get("name") or "-"
    return row.contact_create(is_primary=False, name=name)


def _keys(row: WantedRow, person: ContactCreate | None, upsert_by: str | None) -> set[str]:
    """Return by what a row finds its customer, as it is stored."""
    if upsert_by == "number":
        return {row.number.strip().upper()} if row.number else set()
    if upsert_by is None or person is None:
        return set()
    if upsert_by == "phone":
        return {one.number for one in person.phones}
    return {spelt for one in person.emails for spelt in (one.address, _plain(one.address))}


def _plain(value: str) -> str:
    """Return an address without its case; a number stays as it is."""
    return value.lower()


async def _find(
    tx: Transaction, upsert_by: str | None, keys: Iterable[set[str]]
) -> Mapping[str, set[str]]:
    """Return the public ids of customers by their keys."""
    values = sorted(set().union(*keys))
    if upsert_by is None or not values:
        return {}
    found: dict[str, set[str]] = {}
    for one in await tx.all(_BY[upsert_by], values=values):
        found.setdefault(one["value"], set()).add(one["public_id"])
    return found


async def _apply(
    tx: Transaction,
    principal: Principal,
    row: WantedRow,
    person: ContactCreate | None,
    *,
    known: set[str],
    options: Mapping[str, Any],
    at: datetime,
) -> str | None:
    """Do what one row wants; None where it is refused, `row.faults` saying why."""
    if len(known) > 1:
        row.faults.append(Fault("upsert_ambiguous"))
    if row.number and not known:
        row.faults.append(
            Fault("number_unknown", "customer.number", row.places.get("customer.number"))
        )
    if known and not row.faults:
        return await _update(tx, principal, row, person, known.pop())
    command = row.create({name: options[name] for name in ("source_channel", "tags")})
    if command is None or row.faults:
        return None
    if person is not None:
        contacts.check_contact(person, at)
    if options["duplicates"] == "refuse" and not await _is_new(tx, row, command, person):
        return None
    customer = await service.create_customer(
        tx, principal, command, starts_clocks=options["start_clocks"], is_indexed=False, at=at
    )
    if person is None:
        await search.index_new(tx, customer)
        return "created"
    first = person.model_copy(update={"is_primary": True})
    await contacts.create_contact(tx, customer, first, at=at, is_first=True)
    points = [{"kind": "phone", "value": one.number} for one in person.phones]
    points += [{"kind": "email", "value": one.address} for one in person.emails]
    await search.index_new(tx, customer, [{"name": person.name}], points)
    return "created"


async def _is_new(
    tx: Transaction, row: WantedRow, command: CustomerCreate, person: ContactCreate | None
) -> bool:
    """Say whether nobody is suspected to be this customer; else the row's faults name who is."""
    profile = command.profile()
    if person is not None:
        phones = frozenset(one.number for one in person.phones)
        emails = frozenset(one.address for one in person.emails)
        profile = replace(profile, phones=phones, emails=emails)
    found = await candidates.find_candidates(tx, tx.database.kind, profile)
    numbers = [one.source["number"] for one in found if one.likeness.is_suspected]
    if numbers:
        told = {"numbers": ", ".join(numbers[:5])}
        place = row.places.get("customer.name")
        row.faults.append(Fault("looks_like", "customer.name", place, told))
    return not numbers


async def _update(
    tx: Transaction,
    principal: Principal,
    row: WantedRow,
    person: ContactCreate | None,
    public_id: str,
) -> str | None:
    command, changes = row.patch(), row.contact_patch()
    if command is None or changes is None or row.faults:
        return None
    customer = await service.lock_customer(tx, principal, public_id)
    for name in NO_PATCH[:2]:
        if row.customer.get(name, customer[name]) != customer[name]:
            place = row.places.get(f"customer.{name}")
            row.faults.append(Fault("moved_elsewhere", f"customer.{name}", place))
            return None
    if person is not None:
        contacts.check_contact(person, await tx.now())
    before = customer["version"]
    if not is_empty(command):
        customer = await service.patch_customer(tx, customer, command)
    changed = customer["version"] != before
    if person is not None:
        changed |= await _update_contact(tx, customer, row, person)
    return "updated" if changed else "unchanged"


async def _update_contact(
    tx: Transaction, customer: Row, row: WantedRow, person: ContactCreate
) -> bool:
    """Change the contact who shares a number, an address or the name, or add one; return whether anything differs.

    What a contact is reached by is added to, never taken away.
    """
    known: dict[str, tuple[str, set[str]]] = {}
    for one in await tx.all(CONTACTS, customer_key=customer["id"]):
        known.setdefault(one["public_id"], (one["name"], set()))[1].add(_plain(one["value"] or ""))
    mine = {one.number for one in person.phones} | {_plain(one.address) for one in person.emails}
    shared = [public_id for public_id, (_, points) in known.items() if points & mine]
    named = [k for k, (name, _) in known.items() if name == row.contact.get("name")]
    match = next(iter([*(one for one in shared if one in named), *shared, *named]), None)
    if match is None:
        first = person.model_copy(update={"is_primary": not known})
        await contacts.create_contact(tx, customer, first)
        return True
    contact = await contacts.lock_contact(tx, customer, match)
    changes = row.contact_patch()
    assert changes is not None
    values = {**changes.model_dump(exclude_unset=True), **_added(contact, person)}
    after = await contacts.patch_contact(
        tx, customer, contact, type(changes).model_validate(values)
    )
    return bool(after["version"] != contact["version"])


def _added(contact: Row, person: ContactCreate) -> dict[str, Any]:
    """Return numbers and addresses of both, the contact's own first, where the row names any."""
    values: dict[str, Any] = {}
    for kind, name in _POINTS.items():
        key = "number" if kind == "phone" else "address"
        kept = [one for one in contact["points"] if one["kind"] == kind]
        new = [one.model_dump() for one in getattr(person, name)]
        stored = {_plain(one["value"]) for one in kept}
        more = [one for one in new if _plain(one[key]) not in stored]
        if more:
            values[name] = [{key: one["value"], "label": one["label"]} for one in kept] + more
    return values


def _faults_of(refusal: Refusal, row: WantedRow) -> list[Fault]:
    """Return a service's refusal as faults of the row."""
    if not refusal.errors:
        return [Fault(refusal.code, values=refusal.values)]
    told = []
    for one in refusal.errors:
        first, _, rest = one.pointer.strip("/").partition("/")
        name = first.removesuffix("_id")
        known = (f"customer.{name}", f"contact.{name}", f"custom.{rest}")
        field_name = next((one for one in known if one in row.places), None)
        place = row.places.get(field_name) if field_name else None
        told.append(Fault(one.code, field_name, place, one.values))
    return told
