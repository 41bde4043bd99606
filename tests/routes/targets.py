"""Rows that a path can name, made fresh for a caller and a relation; tickets in the state that a move wants.

A ticket is opened and moved by whoever owns it first, and only then becomes the caller's own: so also a role that
may not write can be given one. Its customer and its opener are always the stranger's.
"""

import copy
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, select

from app import writing
from app.auth.models import ApiKey
from app.auth.permissions import Role
from app.calendars import edits
from app.columns import new_public_id, table_columns
from app.customers.consent_schemas import ConsentCreate
from app.customers.consents import record_consent
from app.database import Transaction
from app.duplicates import merging
from app.duplicates.models import DuplicateReview
from app.duplicates.schemas import MergeCreate
from app.fields.models import ChoiceList, CustomField
from app.imports.models import Import, ImportMapping, ImportPiece
from app.lifecycle import service as lifecycle
from app.lifecycle.schemas import LifecycleDocument
from app.lifecycle.shipped import shipped_document
from app.needs import plans
from app.needs import service as needs
from app.needs.models import CustomerNeed
from app.needs.schemas import NeedPlanPut, ResponsibilityCreate, ResponsibilityStatus
from app.notifications.models import Notification
from app.obligations import service as obligations
from app.obligations.models import Obligation
from app.obligations.schemas import ObligationCreate
from app.operations import service as operations
from app.operations.models import OperationRow
from app.saved_views.models import SavedView
from app.segments import service as segments
from app.segments.schemas import SegmentCreate
from app.service_plans import queries as service_plan_queries
from app.service_plans import service as service_plans
from app.service_plans.schemas import ServicePlanCreate
from app.sla import enforcement, own_rules, policies, retargeting
from app.sla import service as sla
from app.sla.models import DeadlineRow, Escalation, Move, PolicyRow
from app.sla.plans import Mode, Plan
from app.sla.rule_schemas import RuleCreate
from app.sla.shipped import pack_document
from app.statements import Row, Statement
from app.tickets import agreements, assigning, messages, solving
from app.tickets.models import Ticket, TicketType
from app.tickets.move_schemas import Agree, Confirm, Resolve, Wait
from app.tiering import service as tiering
from app.tiering.schemas import TierPolicyDocument
from app.tiering.service import shipped_document as shipped_tier_policy
from app.time import real_now
from tests.conftest import Caller
from tests.factories import (
    make_contact,
    make_customer,
    make_department,
    make_principal,
    make_ticket,
    make_user,
)
from tests.routes.office import EARLIER, EMAIL, NOW, PHONE, Office, Relation, stand_at

STEPS = "更换温度探头 PT-100 并在三点比对校准,偏差小于 0.1 ℃。"
LATER = NOW + timedelta(days=30)
TICKET = Statement(select(*table_columns(Ticket)).where(Ticket.id == bindparam("ticket_key")))
ACCEPT = Statement(
    select(DeadlineRow.public_id, DeadlineRow.id)
    .where(DeadlineRow.subject_type == "ticket")
    .where(DeadlineRow.subject_id == bindparam("ticket_key"), DeadlineRow.clock == "accept")
)
ESCALATION = Statement(
    select(Escalation.public_id).where(Escalation.deadline_id == bindparam("deadline_key"))
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: the path's parameters, and ids that a body may name beside it."""

    office: Office
    caller: Caller
    path: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)


def nearest(kind: str | None) -> Relation:
    """Return whose row of a kind an admin can be given: what is personal he has of his own only."""
    return Relation.OWN if kind in ("notification", "saved_view") else Relation.DEPARTMENT


async def make_target(
    office: Office, caller: Caller, kind: str | None, relation: Relation, state: str = "new"
) -> Target:
    """Return a fresh row of a kind; for `Relation.MISSING` see `missing_target`."""
    if kind is None:
        customer, contact = await office.customer(caller, Relation.DEPARTMENT)
        other, _ = await office.customer(caller, Relation.DEPARTMENT)
        ids = {"customer": customer["public_id"], "contact": contact["public_id"]}
        ids["other_customer"] = other["public_id"]
        ids |= {"rule": (await _sop_rule(office, caller, relation)).path["clock"]}
        ids |= await _about_tier_policies(office)
        return Target(office, caller, {}, ids | await _about_policies(office))
    if kind in ("ticket", "deadline", "escalation"):
        return await _about_ticket(office, caller, kind, relation, state)
    return await _MAKERS[kind](office, caller, relation)


# --- tickets and what hangs on them


async def _about_ticket(
    office: Office, caller: Caller, kind: str, relation: Relation, state: str
) -> Target:
    async with office.database.transaction() as tx:
        customer = await make_customer(tx, owner=office.people["stranger"])
        contact = await make_contact(tx, customer, phone=PHONE, email=EMAIL)
        ids = {"customer": customer["public_id"], "contact": contact["public_id"]}
        ticket = await open_in_state(tx, office, (customer, contact), relation, state)
        other = await open_in_state(tx, office, (customer, contact), relation, "new")
        if relation is Relation.OWN:
            await hand_over(tx, ticket, caller.user)
            await hand_over(tx, other, caller.user)
    ids |= {"other_ticket": other["public_id"], "ticket": ticket["public_id"]}
    if kind == "ticket":
        return Target(office, caller, {"ticket_id": ticket["public_id"]}, ids)
    deadline = await office.database.one(ACCEPT, ticket_key=ticket["id"])
    assert deadline is not None
    if kind == "deadline":
        return Target(office, caller, {"deadline_id": deadline["public_id"]}, ids)
    await enforcement.sweep(office.database)
    found = await office.database.value(ESCALATION, deadline_key=deadline["id"])
    return Target(office, caller, {"escalation_id": found}, ids)


async def open_in_state(
    tx: Transaction, office: Office, file: tuple[Row, Row], relation: Relation, state: str
) -> Row:
    """Open a ticket of the stranger's or the colleague's for (customer, contact); move it to a state of `_STATES`."""
    customer, contact = file
    owner = office.people["colleague" if relation is Relation.DEPARTMENT else "stranger"]
    if state == "overdue":
        await stand_at(tx, EARLIER)
    ticket = await make_ticket(
        tx,
        office.people["stranger"],
        customer,
        owner_id=owner["public_id"],
        department_id=office.department(relation)["public_id"],
    )
    if state == "overdue":
        await stand_at(tx, NOW)
    for move in _STATES[state]:
        await move(tx, make_principal(owner), str(ticket["public_id"]), str(contact["public_id"]))
    return ticket


async def hand_over(tx: Transaction, ticket: Row, user: Row) -> None:
    """Make a ticket somebody's, whatever his role; its department stays."""
    subject = await sla.lock(tx, "ticket", ticket["id"])
    department_id = ticket["department_id"]
    await sla.move_owner(tx, subject, owner_id=user["id"], department_id=department_id)
    row = await tx.one(TICKET, ticket_key=ticket["id"])
    assert row is not None
    await writing.update(tx, Ticket, row, owner_id=user["id"])


async def _accept(tx: Transaction, principal: Any, ticket: str, contact: str) -> None:
    del contact
    await assigning.accept(tx, principal, ticket)


async def _wait(tx: Transaction, principal: Any, ticket: str, contact: str) -> None:
    del contact
    asked = Wait(question="请把铭牌上的序列号和固件版本发给我,好吗?", reason="等序列号")
    await messages.wait(tx, principal, ticket, asked)


async def _resolve(tx: Transaction, principal: Any, ticket: str, contact: str) -> None:
    del contact
    command = Resolve.model_validate({"solution": {"steps": STEPS, "result": "恢复"}})
    await solving.resolve(tx, principal, ticket, command)


async def _confirm(tx: Transaction, principal: Any, ticket: str, contact: str) -> None:
    said = {"answer": "solved", "contact_id": contact, "channel": "phone"}
    await solving.confirm(tx, principal, ticket, Confirm.model_validate(said))


async def _agree(tx: Transaction, principal: Any, ticket: str, contact: str) -> None:
    del contact
    await agreements.agree(tx, principal, ticket, Agree(due_at=LATER, wish_recorded=True))


_STATES: Mapping[str, tuple[Callable[..., Awaitable[None]], ...]] = {
    "new": (),
    "overdue": (),
    "accepted": (_accept,),
    "waiting": (_accept, _wait),
    "resolved": (_resolve,),
    "confirmed": (_resolve, _confirm),
    "agreed": (_agree,),
}


# --- everything else


async def _customer(office: Office, caller: Caller, relation: Relation) -> Target:
    said = {"tier": "B", "tier_is_overridden": True}
    customer, contact = await office.customer(caller, relation, **said)
    ids = {"customer": customer["public_id"], "contact": contact["public_id"]}
    return Target(office, caller, {"customer_id": customer["public_id"]}, ids)


async def _contact(office: Office, caller: Caller, relation: Relation) -> Target:
    customer, contact = await office.customer(caller, relation)
    path = {"customer_id": customer["public_id"], "contact_id": contact["public_id"]}
    return Target(office, caller, path)


async def _saved_view(office: Office, caller: Caller, relation: Relation) -> Target:
    name = f"视图 {office.number()}"
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            SavedView,
            owner_id=office.owner(caller, relation)["id"],
            resource="customers",
            name=name,
            name_key=name,
            query={"tier": ["B"]},
            created_at=NOW,
            updated_at=NOW,
        )
    return Target(office, caller, {"view_id": row["public_id"]})


async def _segment(office: Office, caller: Caller, relation: Relation) -> Target:
    condition = {"attribute": "status", "operator": "eq", "value": "potential"}
    command = SegmentCreate.model_validate(
        {"name": f"分群 {office.number()}", "condition": condition}
    )
    async with office.database.transaction() as tx:
        owner = make_principal(office.owner(caller, relation))
        row = await segments.create_segment(tx, owner, command)
    return Target(office, caller, {"segment_id": row["public_id"]})


async def _user(office: Office, caller: Caller, relation: Relation) -> Target:
    if relation is Relation.OWN:
        return Target(office, caller, {"user_id": caller.user["public_id"]})
    async with office.database.transaction() as tx:
        user = await make_user(tx, department=office.department(relation))
    return Target(office, caller, {"user_id": user["public_id"]})


async def _department(office: Office, caller: Caller, relation: Relation) -> Target:
    if relation is Relation.OWN:
        return Target(office, caller, {"department_id": office.east["public_id"]})
    parent = office.east if relation is Relation.DEPARTMENT else office.south
    async with office.database.transaction() as tx:
        made = await make_department(tx, name=f"小组 {office.number()}", parent=parent)
    return Target(office, caller, {"department_id": made["public_id"]})


async def _api_key(office: Office, caller: Caller, relation: Relation) -> Target:
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            ApiKey,
            name="官网表单",
            key_id=f"key{office.number()}",
            secret_hash="0" * 64,
            scopes=["customers:read"],
            user_id=office.owner(caller, relation)["id"],
            created_at=real_now(),
        )
    return Target(office, caller, {"api_key_id": row["public_id"]})


async def _notification(office: Office, caller: Caller, relation: Relation) -> Target:
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            Notification,
            user_id=office.owner(caller, relation)["id"],
            kind="deadline.missed",
            title_zh="已超时",
            title_en="Missed",
            created_at=NOW,
            deliver_at=NOW,
            delivered_at=NOW,
        )
    return Target(office, caller, {"notification_id": row["public_id"]})


async def _operation(office: Office, caller: Caller, relation: Relation) -> Target:
    now = real_now()
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            OperationRow,
            kind="sla.retarget",
            user_id=office.owner(caller, relation)["id"],
            lease_until=now + timedelta(days=1),
            created_at=now,
        )
        for number in range(3):
            await writing.insert(
                tx, Move, operation_id=row["id"], subject_type="ticket", label=f"T{number}",
                subject_public_id=new_public_id(), clock="resolve", rule="TK-5", change="moved",
                due_before=NOW, due_after=LATER,
            )  # fmt: skip
    return Target(office, caller, {"operation_id": row["public_id"]})


async def _import(office: Office, caller: Caller, relation: Relation) -> Target:
    """A file that has been read: headers and one row."""
    rows = [[2, ["新客户", None], {}]]
    about = {
        "kind": "csv", "headers": ["客户名称", "电话"], "header_row": 1, "row_count": 1, "encoding": "utf-8",
        "delimiter": ",", "sheet": None, "sheets": None,
    }  # fmt: skip
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            Import,
            user_id=office.owner(caller, relation)["id"],
            file_name="客户.csv",
            file_size=3,
            row_count=1,
            about=about,
            created_at=real_now(),
            purge_at=real_now() + timedelta(days=1),
        )
        for kind, content in (("file", b"abc"), ("rows", zlib.compress(orjson.dumps(rows)))):
            values = {"import_id": row["id"], "kind": kind, "number": 0, "content": content}
            await writing.insert(tx, ImportPiece, **values)
    return Target(office, caller, {"import_id": row["public_id"]})


async def _import_mapping(office: Office, caller: Caller, relation: Relation) -> Target:
    name = f"映射 {office.number()}"
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            ImportMapping,
            name=name,
            name_key=name,
            columns=[{"header": "单位", "field": "customer.name", "scale": 1}],
            created_by=office.owner(caller, relation)["id"],
            created_at=real_now(),
            updated_at=real_now(),
        )
    return Target(office, caller, {"mapping_id": row["public_id"]})


async def _ticket_type(office: Office, caller: Caller, relation: Relation) -> Target:
    async with office.database.transaction() as tx:
        department = office.department(relation)["id"]
        row = await writing.insert(
            tx,
            TicketType,
            code=f"type_{office.number()}",
            title={"zh": "校准", "en": "Calibration"},
            department_id=department,
            dispatch_to="least_loaded",
        )
    return Target(office, caller, {"code": row["code"]})


async def _about_policies(office: Office) -> dict[str, str]:
    """Return the policies in order, and a preview of all that is in force."""
    async with office.database.transaction() as tx:
        known = await policies.lock_policies(tx)
        order = tuple(one.reference for one in known.book.policies)
        row = await operations.start(
            tx, retargeting.PREVIEW, Plan(Mode.OPEN_FROM_NOW, order=order).parameters, result={}
        )
        ended = {"id": row["id"], "state": "done", "finished_at": real_now()}
        await writing.update_many(tx, OperationRow, [ended])
    names = " ".join(one["name"] for one in known.rows)
    return {"policies": names, "preview": row["public_id"]}


async def _policy(office: Office, caller: Caller, relation: Relation) -> Target:
    """The toolkit, with a draft."""
    del relation
    hours = 4 + office.number() % 5
    shipped = pack_document("toolkit")
    clocks = {**shipped["clocks"], "resolve": {"target": {"hours": hours}}}
    async with office.database.transaction() as tx:
        row = (await policies.lock_policies(tx)).named("toolkit")
        await writing.update(tx, PolicyRow, row, draft={**shipped, "clocks": clocks})
    return Target(office, caller, {"name": "toolkit"})


async def _policy_version(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    return Target(office, caller, {"number": "1", "name": "toolkit"})


async def _calendar(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    name = f"calendar-{office.number()}"
    document = {
        "name": name,
        "timezone": "Asia/Shanghai",
        "week": {"mon": [["09:00", "18:00"]]},
        "exceptions": [{"date": "2026-05-20", "kind": "closed", "name": "公司周年"}],
    }
    async with office.database.transaction() as tx:
        await edits.create_calendar(tx, document)
    return Target(office, caller, {"calendar": name})


async def _calendar_version(office: Office, caller: Caller, relation: Relation) -> Target:
    made = await _calendar(office, caller, relation)
    return Target(office, caller, {**made.path, "number": "1"})


async def _calendar_exception(office: Office, caller: Caller, relation: Relation) -> Target:
    made = await _calendar(office, caller, relation)
    return Target(office, caller, {**made.path, "date": "2026-05-20"})


async def _consent(office: Office, caller: Caller, relation: Relation) -> Target:
    customer, contact = await office.customer(caller, relation)
    path = {"customer_id": customer["public_id"], "contact_id": contact["public_id"]}
    given = {"channel": "sms", "is_given": True, "text_version": "1", "method": "paper"}
    async with office.database.transaction() as tx:
        row = await record_consent(tx, customer, contact, ConsentCreate.model_validate(given))
    return Target(office, caller, {**path, "consent_id": row["public_id"]})


async def _choice_list(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    title = {"zh": "付款", "en": "Payment"}
    async with office.database.transaction() as tx:
        row = await writing.insert(tx, ChoiceList, code=f"list_{office.number()}", title=title)
    return Target(office, caller, {"code": row["code"]})


async def _custom_field(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    title = {"zh": "床位", "en": "Beds"}
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx, CustomField, key=f"field_{office.number()}", type="number", title=title
        )
    return Target(office, caller, {"key": row["key"]})


async def _lifecycle_version(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    command = LifecycleDocument.model_validate(another_lifecycle(office.number()))
    async with office.database.transaction() as tx:
        number = await lifecycle.publish(tx, await lifecycle.lock_newest(tx), command)
    return Target(office, caller, {"number": str(number)})


def another_lifecycle(number: int) -> dict[str, Any]:
    """Return the shipped configuration under another title of its first stage."""
    document = copy.deepcopy(dict(shipped_document()))
    document["stages"][0]["title"] = {"zh": f"线索{number}", "en": f"Lead {number}"}
    return document


async def _about_tier_policies(office: Office) -> dict[str, str]:
    """Return what names a policy to publish, and the finished preview of it."""
    name = str(office.number())
    async with office.database.transaction() as tx:
        command = TierPolicyDocument.model_validate(another_tier_policy(name))
        row = await tiering.preview(tx, command)
        ended = {"id": row["id"], "state": "done", "finished_at": real_now()}
        await writing.update_many(tx, OperationRow, [ended])
    return {"tier_policy": name, "tier_preview": row["public_id"]}


async def _tier_policy(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    ids = await _about_tier_policies(office)
    command = TierPolicyDocument.model_validate(another_tier_policy(ids["tier_policy"]))
    async with office.database.transaction() as tx:
        before = await tiering.lock_newest(tx)
        number, _ = await tiering.publish(tx, before, command, UUID(ids["tier_preview"]))
    return Target(office, caller, {"number": str(number)})


def another_tier_policy(name: str) -> dict[str, Any]:
    """Return the shipped policy under another title."""
    title = {"zh": f"客户分级{name}", "en": f"Tiers {name}"}
    return {**shipped_tier_policy(), "title": title}


async def _sop_rule(office: Office, caller: Caller, relation: Relation) -> Target:
    del relation
    async with office.database.transaction() as tx:
        row = await own_rules.create_rule(tx, RuleCreate.model_validate(own_rule(office.number())))
    return Target(office, caller, {"clock": row["clock"]})


def own_rule(number: int) -> dict[str, Any]:
    """Return a rule that a deployment adds."""
    return {
        "clock": f"invoice_{number}",
        "rule": f"FIN-{number}",
        "title": {"zh": "开具发票", "en": "Invoice sent"},
        "opens_on": {"zh": "收到开票申请", "en": "the request arrives"},
        "answered_by": {"zh": "发票已寄出", "en": "the invoice is sent"},
        "target": {"amount": 4, "unit": "hours"},
    }


async def _obligation(office: Office, caller: Caller, relation: Relation) -> Target:
    rule = (await _sop_rule(office, caller, relation)).path["clock"]
    command = ObligationCreate.model_validate(
        {
            "clock": rule,
            "subject": {"type": "invoice", "ref": f"R{office.number()}", "label": "开票申请"},
            "department_id": office.department(relation)["public_id"],
        }
    )
    async with office.database.transaction() as tx:
        principal = make_principal(office.people["stranger"])
        row = await obligations.open_obligation(tx, principal, command)
        if relation is Relation.OWN:
            subject = await sla.lock(tx, "obligation", row["id"])
            department_id = row["department_id"]
            user_id = caller.user["id"]
            await sla.move_owner(tx, subject, owner_id=user_id, department_id=department_id)
            await writing.update(tx, Obligation, row, owner_id=user_id)
    return Target(office, caller, {"obligation_id": row["public_id"]})


def service_item() -> dict[str, Any]:
    """Return something that the customer's owner does every month."""
    every = {"amount": 1, "unit": "months"}
    return {
        "title": "上门巡检",
        "assignee": "owner",
        "every": every,
        "starts_on": f"{LATER:%Y-%m-%d}",
    }


async def make_service_plan(
    office: Office, caller: Caller, relation: Relation, *, activate: bool
) -> tuple[Row, Row, Row | None]:
    """Return a plan of a customer, its one item, and the open turn of an active one."""
    customer, _ = await office.customer(caller, relation)
    command = {"customer_id": customer["public_id"], "title": "专属服务", "items": [service_item()]}
    given = ServicePlanCreate.model_validate(command)
    async with office.database.transaction() as tx:
        admin = make_principal(office.callers[Role.ADMIN].user)
        plan = await service_plans.create_plan(tx, admin, given)
        if activate:
            held = await service_plans.hold_plan(tx, admin, plan["public_id"])
            await service_plans.activate_plan(tx, held)
        (item,) = await tx.all(service_plan_queries.ITEMS, plan_key=plan["id"])
        turn = await tx.one(service_plan_queries.OPEN_TURNS, items=[item["id"]])
    return plan, item, turn


async def _service_plan(office: Office, caller: Caller, relation: Relation) -> Target:
    plan, _, _ = await make_service_plan(office, caller, relation, activate=False)
    return Target(office, caller, {"plan_id": plan["public_id"]})


async def _service_plan_item(office: Office, caller: Caller, relation: Relation) -> Target:
    plan, item, _ = await make_service_plan(office, caller, relation, activate=False)
    path = {"plan_id": plan["public_id"], "item_id": item["public_id"]}
    return Target(office, caller, path)


async def _service_occurrence(office: Office, caller: Caller, relation: Relation) -> Target:
    _, _, turn = await make_service_plan(office, caller, relation, activate=True)
    assert turn is not None
    return Target(office, caller, {"occurrence_id": turn["public_id"]})


async def _review(office: Office, caller: Caller, relation: Relation) -> Target:
    one, _ = await office.customer(caller, relation)
    other, _ = await office.customer(caller, relation)
    async with office.database.transaction() as tx:
        row = await writing.insert(
            tx,
            DuplicateReview,
            one_id=one["id"],
            other_id=other["id"],
            score=95,
            reasons=["same_name"],
            created_at=await tx.now(),
        )
    return Target(office, caller, {"review_id": row["public_id"]})


async def _merge(office: Office, caller: Caller, relation: Relation) -> Target:
    winner, _ = await office.customer(caller, relation)
    loser, _ = await office.customer(caller, relation)
    command = MergeCreate(
        winner_id=winner["public_id"], loser_id=loser["public_id"], reason="重复建档"
    )
    async with office.database.transaction() as tx:
        admin = await make_user(tx, role="admin")
        row = await merging.merge(tx, make_principal(admin), command)
    return Target(office, caller, {"merge_id": row["public_id"]})


async def _need(office: Office, caller: Caller, relation: Relation) -> Target:
    customer, _ = await office.customer(caller, relation)
    async with office.database.transaction() as tx:
        row = await make_need(tx, customer)
    return Target(office, caller, {"need_id": row["public_id"]})


async def _responsibility(office: Office, caller: Caller, relation: Relation) -> Target:
    customer, _ = await office.customer(caller, relation)
    async with office.database.transaction() as tx:
        need = await make_need(tx, customer)
        task = await plan_need(tx, customer, need, office.people["stranger"])
    path = {"need_id": need["public_id"], "responsibility_id": task["public_id"]}
    return Target(office, caller, path)


async def _planned_need(office: Office, caller: Caller, relation: Relation) -> Target:
    target = await _responsibility(office, caller, relation)
    return Target(office, caller, {"need_id": target.path["need_id"]})


async def _agreed_need(office: Office, caller: Caller, relation: Relation) -> Target:
    customer, _ = await office.customer(caller, relation)
    async with office.database.transaction() as tx:
        need = await make_need(tx, customer)
        task = await plan_need(tx, customer, need, office.people["stranger"])
        await plans.agree_plan(tx, need)
        await plans.end_responsibility(tx, need, task, ResponsibilityStatus.CANCELLED, "不再需要")
    return Target(office, caller, {"need_id": need["public_id"]})


async def make_need(tx: Transaction, customer: Row) -> Row:
    """Return an open complex need of a customer that nobody owns."""
    at = await tx.now()
    suggestion = {
        "role": "sales", "user_id": None, "reason": "terms_come_first",
        "text": {"zh": "定制服务", "en": "custom"},
    }  # fmt: skip
    row = await writing.insert(
        tx, CustomerNeed, customer_id=customer["id"], kind="custom_service", title="二期产线改造", priority="high",
        priority_reasons=["预算已批"], is_complex=True, suggestion=suggestion, created_at=at, updated_at=at,
    )  # fmt: skip
    await needs.promise_plan(tx, row, customer)
    return row


async def plan_need(tx: Transaction, customer: Row, need: Row, owner: Row) -> Row:
    """Write a need's plan and give `owner` a part of it; returns that part."""
    plan = {"meeting_at": NOW, "minutes": "采用双回路方案", "solution": "双回路恒温系统"}
    await plans.put_plan(tx, need, NeedPlanPut.model_validate(plan))
    command = {"task": "试制样机", "owner_id": owner["public_id"], "due_on": LATER.date()}
    given = ResponsibilityCreate.model_validate(command)
    return dict(await plans.give_responsibility(tx, customer, need, given))


_MAKERS: Mapping[str, Callable[[Office, Caller, Relation], Awaitable[Target]]] = {
    "customer": _customer,
    "contact": _contact,
    "saved_view": _saved_view,
    "segment": _segment,
    "consent": _consent,
    "user": _user,
    "department": _department,
    "api_key": _api_key,
    "notification": _notification,
    "operation": _operation,
    "ticket_type": _ticket_type,
    "policy": _policy,
    "policy_version": _policy_version,
    "calendar": _calendar,
    "calendar_version": _calendar_version,
    "calendar_exception": _calendar_exception,
    "sop_rule": _sop_rule,
    "import": _import,
    "import_mapping": _import_mapping,
    "lifecycle_version": _lifecycle_version,
    "choice_list": _choice_list,
    "custom_field": _custom_field,
    "tier_policy": _tier_policy,
    "obligation": _obligation,
    "service_plan": _service_plan,
    "service_plan_item": _service_plan_item,
    "service_occurrence": _service_occurrence,
    "review": _review,
    "merge": _merge,
    "need": _need,
    "agreed_need": _agreed_need,
    "planned_need": _planned_need,
    "responsibility": _responsibility,
}
