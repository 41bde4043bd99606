"""What can stand on a timeline: one table of kinds, with their words and the permission that shows them.

A feature that tells something new of customers adds its kinds here, and their source in `sources`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.auth.permissions import Permission


class TimelineKind(StrEnum):
    """Kinds of entries; the values are what is stored."""

    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_TIER_CHANGED = "customer.tier_changed"
    CUSTOMER_STAGE_CHANGED = "customer.stage_changed"
    CUSTOMER_TEAM_CHANGED = "customer.team_changed"
    CUSTOMER_REFRESHED = "customer.refreshed"
    CUSTOMER_MERGED = "customer.merged"
    CUSTOMER_MERGE_UNDONE = "customer.merge_undone"
    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_DELETED = "contact.deleted"
    NEED_RECORDED = "need.recorded"
    NEED_PLAN_AGREED = "need.plan_agreed"
    NEED_PLAN_DONE = "need.plan_done"
    NEED_CLOSED = "need.closed"
    NEED_DROPPED = "need.dropped"
    CONSENT_GIVEN = "contact.consent_given"
    CONSENT_WITHDRAWN = "contact.consent_withdrawn"
    SERVICE_PLAN_ACTIVATED = "service_plan.activated"
    SERVICE_PLAN_KEPT = "service_plan.kept"
    SERVICE_PLAN_ENDED = "service_plan.ended"
    TICKET_OPENED = "ticket.opened"
    TICKET_ASSIGNED = "ticket.assigned"
    TICKET_ACCEPTED = "ticket.accepted"
    TICKET_MESSAGE = "ticket.message"
    TICKET_NOTE = "ticket.note"
    TICKET_AGREED = "ticket.agreed"
    TICKET_AGREEMENT_APPROVED = "ticket.agreement_approved"
    TICKET_TASK_FORCE_FORMED = "ticket.task_force_formed"
    TICKET_PLAN_STATED = "ticket.plan_stated"
    TICKET_WAITING = "ticket.waiting"
    TICKET_RESUMED = "ticket.resumed"
    TICKET_RECLASSIFIED = "ticket.reclassified"
    TICKET_RESOLVED = "ticket.resolved"
    TICKET_CONFIRMED = "ticket.confirmed"
    TICKET_REOPENED = "ticket.reopened"
    TICKET_MERGED = "ticket.merged"
    TICKET_CLOSED = "ticket.closed"
    TICKET_CANCELLED = "ticket.cancelled"
    OBLIGATION_OPENED = "obligation.opened"
    OBLIGATION_ASSIGNED = "obligation.assigned"
    OBLIGATION_ANSWERED = "obligation.answered"
    OBLIGATION_CANCELLED = "obligation.cancelled"
    DEADLINE_MISSED = "deadline.missed"
    DEADLINE_ESCALATED = "deadline.escalated"
    DEADLINE_CORRECTED = "deadline.corrected"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a kind is called, and what its reader must be permitted beside the customer's file itself."""

    zh: str
    en: str
    permission: Permission


_K, _P = TimelineKind, Permission
_FILE, _TICKET = _P.CUSTOMERS_READ, _P.TICKETS_READ
_DEADLINE, _OBLIGATION = _P.DEADLINES_READ, _P.OBLIGATIONS_READ

KINDS: Final[Mapping[TimelineKind, Shown]] = MappingProxyType(
    {
        _K.CUSTOMER_CREATED: Shown("客户建档", "File created", _FILE),
        _K.CUSTOMER_UPDATED: Shown("档案变更", "File changed", _FILE),
        _K.CUSTOMER_TIER_CHANGED: Shown("等级变更", "Tier changed", _FILE),
        _K.CUSTOMER_STAGE_CHANGED: Shown("阶段变更", "Stage changed", _FILE),
        _K.CUSTOMER_TEAM_CHANGED: Shown("服务团队变更", "Account team changed", _FILE),
        _K.CUSTOMER_REFRESHED: Shown("档案刷新", "File refreshed", _FILE),
        _K.CUSTOMER_MERGED: Shown("客户合并", "Customers merged", _FILE),
        _K.CUSTOMER_MERGE_UNDONE: Shown("撤销合并", "Merge undone", _FILE),
        _K.CONTACT_CREATED: Shown("新增联系人", "Contact added", _FILE),
        _K.CONTACT_UPDATED: Shown("联系人变更", "Contact changed", _FILE),
        _K.CONTACT_DELETED: Shown("删除联系人", "Contact deleted", _FILE),
        _K.NEED_RECORDED: Shown("记录需求", "Need recorded", _FILE),
        _K.NEED_PLAN_AGREED: Shown("应对方案确定", "Response plan agreed", _FILE),
        _K.NEED_PLAN_DONE: Shown("应对方案完成", "Response plan carried out", _FILE),
        _K.NEED_CLOSED: Shown("需求已答复", "Need answered", _FILE),
        _K.NEED_DROPPED: Shown("需求已放弃", "Need dropped", _FILE),
        _K.CONSENT_GIVEN: Shown("联系人同意", "Consent given", _FILE),
        _K.CONSENT_WITHDRAWN: Shown("联系人撤回同意", "Consent withdrawn", _FILE),
        _K.SERVICE_PLAN_ACTIVATED: Shown("服务计划生效", "Service plan in force", _FILE),
        _K.SERVICE_PLAN_KEPT: Shown("服务计划兑现", "Promised service done", _FILE),
        _K.SERVICE_PLAN_ENDED: Shown("服务计划结束", "Service plan ended", _FILE),
        _K.TICKET_OPENED: Shown("工单创建", "Ticket opened", _TICKET),
        _K.TICKET_ASSIGNED: Shown("工单派发", "Ticket assigned", _TICKET),
        _K.TICKET_ACCEPTED: Shown("工单受理", "Ticket accepted", _TICKET),
        _K.TICKET_MESSAGE: Shown("工单消息", "Message on a ticket", _TICKET),
        _K.TICKET_NOTE: Shown("工单内部备注", "Internal note on a ticket", _TICKET),
        _K.TICKET_AGREED: Shown("约定时间", "Instant agreed", _TICKET),
        _K.TICKET_AGREEMENT_APPROVED: Shown("约定获批", "Agreement approved", _TICKET),
        _K.TICKET_TASK_FORCE_FORMED: Shown("成立专项小组", "Task force formed", _TICKET),
        _K.TICKET_PLAN_STATED: Shown("给出方案", "Plan stated", _TICKET),
        _K.TICKET_WAITING: Shown("等待客户", "Waiting for the customer", _TICKET),
        _K.TICKET_RESUMED: Shown("恢复处理", "Work resumed", _TICKET),
        _K.TICKET_RECLASSIFIED: Shown("工单重新分类", "Ticket reclassified", _TICKET),
        _K.TICKET_RESOLVED: Shown("工单解决", "Ticket resolved", _TICKET),
        _K.TICKET_CONFIRMED: Shown("客户确认", "Customer's confirmation", _TICKET),
        _K.TICKET_REOPENED: Shown("工单重开", "Ticket reopened", _TICKET),
        _K.TICKET_MERGED: Shown("工单合并", "Ticket merged", _TICKET),
        _K.TICKET_CLOSED: Shown("工单关闭", "Ticket closed", _TICKET),
        _K.TICKET_CANCELLED: Shown("工单取消", "Ticket cancelled", _TICKET),
        _K.OBLIGATION_OPENED: Shown("承诺开始", "Obligation opened", _OBLIGATION),
        _K.OBLIGATION_ASSIGNED: Shown("承诺转交", "Obligation given to others", _OBLIGATION),
        _K.OBLIGATION_ANSWERED: Shown("承诺兑现", "Obligation answered", _OBLIGATION),
        _K.OBLIGATION_CANCELLED: Shown("承诺取消", "Obligation cancelled", _OBLIGATION),
        _K.DEADLINE_MISSED: Shown("时限超时", "Deadline missed", _DEADLINE),
        _K.DEADLINE_ESCALATED: Shown("超时升级", "Escalated", _DEADLINE),
        _K.DEADLINE_CORRECTED: Shown("超时更正", "Deadline corrected", _DEADLINE),
    }
)


def shown_to(permissions: Iterable[Permission]) -> frozenset[TimelineKind]:
    """Return the kinds that somebody with these permissions is shown."""
    held = frozenset(permissions)
    return frozenset(kind for kind, shown in KINDS.items() if shown.permission in held)
