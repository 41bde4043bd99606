"""Makes the demo company through the services: departments, people, types of tickets, customers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.auth import departments, users
from app.auth.permissions import Role
from app.auth.principal import Principal
from app.auth.schemas import DepartmentCreate, DepartmentPatch, UserCreate
from app.customers import contacts, stages
from app.customers import service as customers
from app.customers.consent_schemas import ConsentCreate
from app.customers.consents import record_consent
from app.customers.contact_schemas import ContactCreate
from app.customers.schemas import AccountTeam, CustomerCreate, TeamMember
from app.customers.stage_schemas import StageMove
from app.database import Actor, Transaction
from app.fields import service as fields
from app.fields.schemas import ChoiceListCreate, CustomFieldCreate
from app.rehearsal.people import principal_of
from app.rehearsal.story import DemoDay
from app.tickets import ticket_types
from app.tickets.defaults import SHIPPED
from app.tickets.type_schemas import TicketTypeCreate, TicketTypePatch

MAIL_DOMAIN = "chengxi.example"
_CUSTOMER_FIELDS = (
    "name", "tier", "tier_reason", "industry", "headcount", "revenue", "main_business", "region", "pain_points",
    "goals", "source_channel", "status", "tags", "remarks", "short_name", "credit_code", "website", "address",
    "trade_kind", "purchasing_power", "purchasing_habits", "need_keywords", "custom",
)  # fmt: skip
_DAYS = ("expected_cooperation_on", "cooperation_started_on", "contract_ends_on")
_CONSENT_TEXT = "2026-01"
_CONTACT_FIELDS = ("name", "title", "birthday", "interests", "preferences", "remarks")


@dataclass(slots=True)
class Cast:
    """Who and what has been made, by the keys of the file: public ids, and people as callers.

    `contacts` are by customer and name.
    """

    departments: dict[str, UUID] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)
    callers: dict[str, Principal] = field(default_factory=dict)
    customers: dict[str, UUID] = field(default_factory=dict)
    contacts: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def actor(self, key: str) -> Actor:
        """Return whom the audit names when this member of staff does something."""
        caller = self.callers[key]
        return Actor(user_id=caller.user_id, name=caller.name)

    def user(self, key: str | None) -> UUID | None:
        """Return somebody's id, None for nobody."""
        return None if key is None else self.users[key]


def address(key: str) -> str:
    """Return the e-mail address with which a demo user logs in."""
    return f"{key}@{MAIL_DOMAIN}"


async def make_staff(
    tx: Transaction, company: Mapping[str, Any], day: DemoDay, password_hash: str
) -> Cast:
    """Make departments, people and the types of tickets that they handle."""
    cast = Cast()
    for one in company["departments"]:
        above = one.get("parent")
        command = DepartmentCreate(
            name=one["name"], parent_id=cast.departments[above] if above else None
        )
        row = await departments.create_department(tx, command)
        cast.departments[one["key"]] = UUID(row["public_id"])
    keys = {}
    for one in company["users"]:
        row = await users.create_user(tx, _user(cast, one, day), password_hash)
        keys[one["key"]], cast.users[one["key"]] = row["id"], UUID(row["public_id"])
    for one in company["departments"]:
        await _lead(tx, cast, one)
    for one in company["ticket_types"]:
        await _handle(tx, cast, one)
    cast.callers = {key: await principal_of(tx, user_id) for key, user_id in keys.items()}
    return cast


def _user(cast: Cast, one: Mapping[str, Any], day: DemoDay) -> UserCreate:
    absent = one.get("absent", {})
    return UserCreate(
        email=address(one["key"]),
        name=one["name"],
        title=one["title"],
        role=Role(one["role"]),
        department_id=cast.departments[one["department"]],
        manager_id=cast.user(one.get("manager")),
        delegate_id=cast.user(absent.get("delegate")),
        absent_from=day.instant(absent["from"]) if absent else None,
        absent_until=day.instant(absent["until"]) if absent else None,
    )


async def _lead(tx: Transaction, cast: Cast, one: Mapping[str, Any]) -> None:
    department_id = str(cast.departments[one["key"]])
    row = await departments.lock_department(tx, department_id)
    await departments.patch_department(tx, row, DepartmentPatch(head_id=cast.users[one["head"]]))
    if "on_call" in one:
        row = await departments.lock_department(tx, department_id)
        await departments.put_on_call(tx, row, [cast.users[key] for key in one["on_call"]])


async def _handle(tx: Transaction, cast: Cast, one: Mapping[str, Any]) -> None:
    given = {
        "title": one["title"],
        "department_id": cast.departments[one["department"]],
        "dispatch_to": one["dispatch"],
    }
    if one["code"] in SHIPPED:
        await ticket_types.change_type(tx, one["code"], TicketTypePatch.model_validate(given))
        return
    command = TicketTypeCreate.model_validate({**given, "code": one["code"]})
    await ticket_types.create_type(tx, command)


async def make_fields(tx: Transaction, company: Mapping[str, Any]) -> None:
    """Add the company's own choice lists and custom fields."""
    for one in company["choice_lists"]:
        await fields.create_list(tx, ChoiceListCreate.model_validate(one))
    await tx.flush()
    for one in company["custom_fields"]:
        await fields.create_field(tx, CustomFieldCreate.model_validate(one))


async def make_customer(tx: Transaction, cast: Cast, one: Mapping[str, Any], day: DemoDay) -> None:
    """Register a customer as his owner does, with contacts and account team."""
    owner = cast.callers[one["owner"]]
    command = CustomerCreate.model_validate(
        {
            **{name: one[name] for name in _CUSTOMER_FIELDS if name in one},
            "first_contact_at": day.instant(one["first_contact_at"]),
            **{name: day.on(one[name]) for name in _DAYS if name in one},
            "owner_id": cast.users[one["owner"]],
            "account_manager_id": cast.user(one.get("account_manager")),
        }
    )
    made = await customers.create_customer(tx, owner, command)
    cast.customers[one["key"]] = UUID(made["public_id"])
    customer = await customers.lock_customer(tx, owner, made["public_id"])
    for person in one["contacts"]:
        contact = await contacts.create_contact(tx, customer, _contact(person))
        cast.contacts[one["key"], person["name"]] = UUID(contact["public_id"])
        for consent in person.get("consents", ()):
            given = {"is_given": True, "text_version": _CONSENT_TEXT, **consent}
            await record_consent(tx, customer, contact, ConsentCreate.model_validate(given))
    if "lost" in one:
        lost = StageMove(
            stage="lost", reason_code=one["lost"]["code"], reason=one["lost"]["reason"]
        )
        customer = await stages.move(tx, owner.role, customer, lost)
    if "account_team" in one:
        members = [
            TeamMember(user_id=cast.users[member["user"]], role=member["role"])
            for member in one["account_team"]
        ]
        await customers.replace_team(tx, customer, AccountTeam(members=members))


def _contact(person: Mapping[str, Any]) -> ContactCreate:
    return ContactCreate.model_validate(
        {
            **{name: person[name] for name in _CONTACT_FIELDS if name in person},
            "phones": [{"number": person["phone"]}],
            "emails": [{"address": person["email"]}],
            "is_primary": person.get("primary", False),
            "is_decision_maker": person.get("decision_maker", False),
        }
    )
