"""How every route of the application is asked: whose row its path names, and a body that succeeds.

One table, keyed by operation. A route that is not in it makes the isolation test fail: whoever adds a route says
here what it is about. Not here: who may (that is computed from the roles' grants), and how rows are made (`targets`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.auth.permissions import Permission
from app.contract import guard_of
from app.sla.shipped import pack_document
from app.time import format_instant
from tests.routes.office import EARLIER, NOW, PASSWORD
from tests.routes.targets import (
    LATER,
    STEPS,
    Target,
    another_lifecycle,
    another_tier_policy,
    own_rule,
    service_item,
)

P = Permission
Body = Callable[[Target], Any]


@dataclass(frozen=True, slots=True)
class Probe:
    """What a route is about.

    `kind`: what the path names, made in `state`. `query`: what the route must be asked. `files`: the parts of an upload. `status`: the answer to who may. `owner_only`, `never_owner`,
    `supervisor`: what the move asks beyond the route's own permission. `ends_sessions`: the caller must log in anew.
    """

    kind: str | None = None
    body: Body | None = None
    query: Mapping[str, str] | None = None
    status: int = 200
    state: str = "new"
    form: bool = False
    files: Callable[[], Any] | None = None
    owner_only: bool = False
    never_owner: bool = False
    supervisor: bool = False
    ends_sessions: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation of the application."""

    operation: str
    method: str
    path: str
    permission: Permission | None
    guarded: bool
    probe: Probe | None


def _moves(**probes: Probe) -> dict[str, Probe]:
    return {f"tickets_{name}": probe for name, probe in probes.items()}


def _reason(target: Target) -> Any:
    del target
    return {"reason": "客户来电要求回拨"}


def _opening(target: Target) -> Any:
    return {
        "customer_id": target.ids["customer"],
        "contact_id": target.ids["contact"],
        "type": "technical",
        "channel": "phone",
        "subject": "恒温培养箱温度漂移",
        "description": STEPS,
    }


def _policy(name: str) -> Any:
    return {**pack_document("toolkit"), "name": name}


def _somebody(target: Target) -> str:
    return str(target.office.people["colleague"]["public_id"])


def _here(target: Target) -> str:
    return str(target.office.group["public_id"])


# What makes a row of a kind visible at all.
VISIBLE: Mapping[str, Permission] = {
    "customer": P.CUSTOMERS_READ,
    "contact": P.CUSTOMERS_READ,
    "saved_view": P.SAVED_VIEWS_READ,
    "segment": P.SEGMENTS_READ,
    "consent": P.CUSTOMERS_READ,
    "ticket": P.TICKETS_READ,
    "ticket_type": P.TICKETS_READ,
    "deadline": P.DEADLINES_READ,
    "escalation": P.ESCALATIONS_READ,
    "user": P.USERS_READ,
    "department": P.DEPARTMENTS_READ,
    "api_key": P.API_KEYS_READ,
    "notification": P.NOTIFICATIONS_READ,
    "operation": P.OPERATIONS_READ,
    "import": P.CUSTOMERS_IMPORT,
    "import_mapping": P.CUSTOMERS_IMPORT,
    "policy": P.SLA_READ,
    "policy_version": P.SLA_READ,
    "calendar": P.CALENDARS_READ,
    "calendar_version": P.CALENDARS_READ,
    "calendar_exception": P.CALENDARS_READ,
    "lifecycle_version": P.LIFECYCLE_READ,
    "choice_list": P.CUSTOMERS_READ,
    "custom_field": P.CUSTOMERS_READ,
    "tier_policy": P.TIER_POLICIES_READ,
    "sop_rule": P.SOP_READ,
    "obligation": P.OBLIGATIONS_READ,
    "service_plan": P.CUSTOMERS_READ,
    "service_plan_item": P.CUSTOMERS_READ,
    "service_occurrence": P.CUSTOMERS_READ,
    "review": P.CUSTOMERS_READ,
    "merge": P.CUSTOMERS_READ,
    "need": P.CUSTOMERS_READ,
    "planned_need": P.CUSTOMERS_READ,
    "agreed_need": P.CUSTOMERS_READ,
    "responsibility": P.CUSTOMERS_READ,
}

CONDITION = {"attribute": "tier", "operator": "in", "value": ["A", "B", "C"]}
# What reads or changes nobody's rows in particular.
_PLAIN = Probe()

PROBES: Mapping[str, Probe] = {
    "health_alive": _PLAIN,
    "health_ready": _PLAIN,
    # --- identity
    "auth_log_in": Probe(
        form=True, body=lambda t: {"username": t.caller.user["email"], "password": PASSWORD}
    ),
    "auth_refresh": Probe(
        body=lambda t: {"refresh_token": "hyr_" + "x" * 43},
        status=401,  # with a real one: tests/auth
    ),
    "auth_log_out": Probe(status=204, ends_sessions=True),
    "auth_change_password": Probe(
        body=lambda t: {"old_password": PASSWORD, "new_password": "battery-and-a-lamp"},
        status=204,
        ends_sessions=True,
    ),
    "auth_me": _PLAIN,
    "users_list": _PLAIN,
    "users_create": Probe(
        body=lambda t: {
            "email": f"new{t.office.number()}@example.com", "name": "韩梅梅", "role": "support",
            "department_id": _here(t), "manager_id": _somebody(t), "delegate_id": _somebody(t),
            "password": "correct-horse-and-staple",
        },
        status=201,
    ),
    "users_read": Probe("user"),
    "users_patch": Probe("user", lambda t: {"title": "高级工程师"}),
    "users_reset_password": Probe("user", ends_sessions=True),
    "departments_list": _PLAIN,
    "departments_create": Probe(
        body=lambda t: {
            "name": f"新部 {t.office.number()}", "parent_id": _here(t), "head_id": _somebody(t),
        },
        status=201,
    ),
    "departments_read": Probe("department"),
    "departments_patch": Probe("department", lambda t: {"name": f"改名 {t.office.number()}"}),
    "departments_put_on_call": Probe("department", lambda t: {"user_ids": [_somebody(t)]}),
    "api_keys_list": _PLAIN,
    "api_keys_create": Probe(
        body=lambda t: {"name": "官网表单", "scopes": ["customers:read"]}, status=201
    ),
    "api_keys_read": Probe("api_key"),
    "api_keys_revoke": Probe("api_key", status=204),
    # --- what everybody or few read
    "audit_list": _PLAIN,
    "notifications_list": _PLAIN,
    "notifications_count_unread": _PLAIN,
    "notifications_read_all": Probe(body=lambda t: {"up_to": format_instant(EARLIER)}),
    "notifications_read": Probe("notification"),
    "notifications_mark_read": Probe("notification"),
    "operations_list": _PLAIN,
    "operations_read": Probe("operation"),
    "operations_cancel": Probe("operation"),
    "calendars_list": _PLAIN,
    "calendars_read": Probe("calendar"),
    "calendars_read_version": Probe("calendar_version"),
    "calendars_preview": Probe("calendar", query={"from": "2026-10-01", "to": "2026-10-08"}),
    "calendars_add": Probe(
        "calendar",
        query={"start": format_instant(NOW), "amount": "2", "unit": "working_days"},
    ),
    "calendars_create": Probe(
        body=lambda t: {
            "name": f"made-{t.office.number()}", "timezone": "Asia/Shanghai", "week": {"mon": [["09:00", "18:00"]]},
        },
        status=201,
    ),
    "calendars_replace": Probe(
        "calendar",
        lambda t: {
            "name": t.path["calendar"], "timezone": "Asia/Shanghai", "week": {"tue": [["09:00", "18:00"]]},
        },
    ),
    "calendars_patch": Probe("calendar", lambda t: {"is_working": False}),
    "calendars_put_exceptions": Probe(
        "calendar", lambda t: {"exceptions": [{"date": "2026-05-21", "kind": "closed"}]}
    ),
    "calendars_delete_exception": Probe("calendar_exception"),
    "calendars_load_year": Probe(
        "calendar",
        lambda t: {
            "year": 2027, "days": [{"date": "2027-01-01", "is_off_day": True, "name": "元旦"}],
        },
    ),
    "policies_list": _PLAIN,
    "policies_create": Probe(
        body=lambda t: _policy(f"policy-{t.office.number()}"), status=201
    ),
    "policies_order": Probe(body=lambda t: {"names": t.ids.get("policies", "toolkit").split()}),
    "policies_read": Probe("policy"),
    "policies_patch": Probe("policy", lambda t: {"is_active": True}),
    "policies_put_draft": Probe("policy", lambda t: _policy("toolkit")),
    "policies_discard_draft": Probe("policy", status=204),
    "policies_read_version": Probe("policy_version"),
    "policies_diff": Probe("policy"),
    "policies_preview": Probe("policy", lambda t: {"mode": "open_from_now"}, status=202),
    "policies_publish": Probe("policy", lambda t: {"mode": "new"}, status=202),
    "retargets_preview": Probe(body=lambda t: {"mode": "open_from_now"}, status=202),
    "retargets_start": Probe(
        body=lambda t: {"mode": "open_from_now", "preview_id": t.ids.get("preview")}, status=202
    ),
    "retargets_moves": Probe("operation"),
    "backtests_start": Probe(
        body=lambda t: {
            "policy": {"name": "toolkit"},
            "from": format_instant(EARLIER),
            "to": format_instant(NOW),
        },
        status=202,
    ),
    "sop_rules_list": _PLAIN,
    "sop_read_scorecard": _PLAIN,
    "sop_export_scorecard": _PLAIN,
    "sop_read_pauses": _PLAIN,
    "sop_export_pauses": _PLAIN,
    "sop_list_pauses": _PLAIN,
    "sop_rules_create": Probe(body=lambda t: own_rule(t.office.number()), status=201),
    "sop_rules_read": Probe("sop_rule"),
    "sop_rules_change": Probe("sop_rule", lambda t: {"is_active": False}),
    "obligations_list": _PLAIN,
    "obligations_create": Probe(
        body=lambda t: {
            "clock": t.ids["rule"],
            "subject": {"type": "invoice", "ref": f"N{t.office.number()}", "label": "开票申请"},
        },
        status=201,
    ),
    "obligations_read": Probe("obligation"),
    "obligations_change": Probe("obligation", lambda t: {"label": "开票申请(加急)"}),
    "obligations_answer": Probe("obligation", lambda t: {"note": "发票已寄出"}),
    "obligations_cancel": Probe("obligation", _reason),
    "sop_show_scorecard": _PLAIN,
    "deadlines_list": _PLAIN,
    "deadlines_read": Probe("deadline"),
    "deadlines_explain": Probe("deadline"),
    "deadlines_correct": Probe(
        "deadline",
        lambda t: {"claimed_at": format_instant(EARLIER), "reason": "通话录音证明当时已受理"},
        state="overdue",
        never_owner=True,
    ),
    "escalations_list": _PLAIN,
    "escalations_read": Probe("escalation", state="overdue"),
    "rehearsal_read_clock": _PLAIN,
    "rehearsal_advance_clock": Probe(body=lambda t: {"advance_seconds": 0}),
    "lifecycle_read": _PLAIN,
    "lifecycle_publish": Probe(body=lambda t: another_lifecycle(t.office.number())),
    "lifecycle_list_versions": _PLAIN,
    "lifecycle_read_version": Probe("lifecycle_version"),
    "choice_lists_list": _PLAIN,
    "choice_lists_create": Probe(
        body=lambda t: {"code": f"list_{t.office.number()}", "title": {"zh": "付款", "en": "Payment"}},
        status=201,
    ),
    "choice_lists_read": Probe("choice_list"),
    "choice_lists_change": Probe("choice_list", lambda t: {"is_open": True}),
    "custom_fields_list": _PLAIN,
    "custom_fields_create": Probe(
        body=lambda t: {
            "key": f"field_{t.office.number()}", "type": "number", "title": {"zh": "床位", "en": "Beds"},
        },
        status=201,
    ),
    "custom_fields_read": Probe("custom_field"),
    "custom_fields_change": Probe("custom_field", lambda t: {"is_active": False}),
    "tier_policies_list": _PLAIN,
    "tier_policies_publish": Probe(
        body=lambda t: {
            "document": another_tier_policy(t.ids.get("tier_policy", "0")),
            "preview_id": t.ids.get("tier_preview"),
        },
        status=202,
    ),
    "tier_policies_preview": Probe(body=lambda t: another_tier_policy("0"), status=202),
    "tier_policies_recompute": Probe(status=202),
    "tier_policies_read_current": _PLAIN,
    "tier_policies_read": Probe("tier_policy"),
    # --- customers
    "customers_list": _PLAIN,
    "customers_read_funnel": _PLAIN,
    "customers_create": Probe(
        body=lambda t: {"name": "新客户", "source_channel": "phone"}, status=201
    ),
    "customers_search": Probe(query={"q": "华东"}),
    "customers_find_candidates": Probe(body=lambda t: {"name": "华东精密仪器"}),
    "customers_read": Probe("customer"),
    "customers_patch": Probe("customer", lambda t: {"region": "上海"}),
    "customers_put_account_team": Probe(
        "customer", lambda t: {"members": [{"user_id": _somebody(t), "role": "商务"}]}
    ),
    "customers_change_tier": Probe("customer", lambda t: {"tier": "A", "reason": "年度合作额"}),
    "customers_confirm_fresh": Probe(
        "customer", lambda t: {"progress": "二期扩产预算已批", "key_contacts_changed": False}
    ),
    "customers_list_refreshes": Probe("customer"),
    "customers_read_tier": Probe("customer"),
    "customers_withdraw_tier": Probe("customer"),
    "customers_list_tier_changes": Probe("customer"),
    "customers_read_stage": Probe("customer"),
    "customers_move_stage": Probe("customer", lambda t: {"stage": "interested"}),
    "customers_list_stage_changes": Probe("customer"),
    "customers_reveal": Probe("customer", _reason),
    "customers_list_contacts": Probe("customer"),
    "customers_create_contact": Probe("customer", lambda t: {"name": "王芳"}, status=201),
    "customers_read_contact": Probe("contact"),
    "customers_patch_contact": Probe("contact", lambda t: {"title": "采购经理"}),
    "customers_delete_contact": Probe("contact", status=204),
    "customers_reveal_contact": Probe("contact", _reason),
    "consents_list": Probe("contact"),
    "consents_read": Probe("consent"),
    "consents_record": Probe(
        "contact",
        lambda t: {
            "channel": "sms", "is_given": True, "text_version": "2026-01", "method": "web_form",
        },
        status=201,
    ),
    "timeline_list": Probe("customer"),
    "saved_views_list": _PLAIN,
    "saved_views_create": Probe(
        body=lambda t: {
            "name": f"视图 {t.office.number()}", "resource": "customers", "query": {"tier": ["A"]},
        },
        status=201,
    ),
    "saved_views_read": Probe("saved_view"),
    "saved_views_change": Probe("saved_view", lambda t: {"query": {"sort": "name"}}),
    "saved_views_delete": Probe("saved_view", status=204),
    "saved_views_set_default": Probe("saved_view"),
    "saved_views_unset_default": Probe("saved_view"),
    "segments_list": _PLAIN,
    "segments_create": Probe(
        body=lambda t: {"name": f"分群 {t.office.number()}", "condition": CONDITION}, status=201
    ),
    "segments_preview": Probe(body=lambda t: {"condition": CONDITION}),
    "segments_read": Probe("segment"),
    "segments_change": Probe("segment", lambda t: {"is_active": False}),
    "segments_list_customers": Probe("segment"),
    "segments_list_attributes": _PLAIN,
    "segments_list_memberships": Probe("customer"),
    "segments_read_figures": Probe("customer"),
    "segments_read_bands": _PLAIN,
    "segments_put_bands": Probe(
        body=lambda t: {
            "frequency_mid": 4, "frequency_high": 12 + t.office.number(),
            "amount_mid": "10000.00", "amount_high": "100000.00",
        }
    ),
    "timeline_kinds": _PLAIN,
    "service_plans_list": _PLAIN,
    "service_plans_create": Probe(
        body=lambda t: {
            "customer_id": t.ids["customer"], "title": "专属服务计划",
            "items": [{**service_item(), "assignee": "user", "user_id": _somebody(t)}],
        },
        status=201,
    ),
    "service_plans_read": Probe("service_plan"),
    "service_plans_activate": Probe("service_plan"),
    "service_plans_end": Probe("service_plan", _reason),
    "service_plans_add_item": Probe(
        "service_plan",
        lambda t: {**service_item(), "assignee": "user", "user_id": _somebody(t)},
        status=201,
    ),
    "service_plans_end_item": Probe("service_plan_item", _reason),
    "service_occurrences_list": _PLAIN,
    "service_occurrences_read": Probe("service_occurrence"),
    "service_occurrences_done": Probe("service_occurrence", lambda t: {"note": STEPS}),
    "service_occurrences_cancel": Probe("service_occurrence", _reason),
    "duplicates_list": _PLAIN,
    "duplicates_scan": Probe(status=202),
    "duplicates_read": Probe("review"),
    "duplicates_dismiss": Probe("review", lambda t: {"note": "同名的两家公司"}),
    "merges_list": _PLAIN,
    "merges_create": Probe(
        body=lambda t: {
            "winner_id": t.ids["customer"],
            "loser_id": t.ids["other_customer"],
            "reason": "重复建档",
        },
        status=201,
    ),
    "merges_read": Probe("merge"),
    "merges_undo": Probe("merge", _reason),
    "needs_list": _PLAIN,
    "needs_create": Probe(
        body=lambda t: {
            "customer_id": t.ids["customer"], "kind": "custom_service", "title": "二期产线改造",
            "priority": "high", "priority_reasons": ["预算已批"], "is_complex": True,
            "first_owner_id": _somebody(t), "override_reason": "熟悉该产线",
        },
        status=201,
    ),
    "needs_read": Probe("need"),
    "needs_change": Probe(
        "need", lambda t: {"first_owner_id": _somebody(t), "override_reason": "熟悉该产线"}
    ),
    "needs_close": Probe("need", lambda t: {"outcome": "签订合同 HT-2026-118"}),
    "needs_drop": Probe("need", _reason),
    "needs_put_plan": Probe(
        "need", lambda t: {"solution": "双回路恒温系统", "attendee_ids": [_somebody(t)]}
    ),
    "needs_agree_plan": Probe("planned_need"),
    "needs_finish_plan": Probe("agreed_need"),
    "needs_give_responsibility": Probe(
        "need",
        lambda t: {"task": "试制样机", "owner_id": _somebody(t), "due_on": f"{LATER:%Y-%m-%d}"},
        status=201,
    ),
    "needs_responsibility_done": Probe("responsibility", lambda t: {"note": STEPS}),
    "needs_responsibility_cancel": Probe("responsibility", _reason),
    "exports_customers": Probe(body=lambda t: {"fields": ["customer.name", "contact.phones"]}),
    # --- files of others
    "imports_upload": Probe(
        files=lambda: {"file": ("客户.csv", "客户名称,电话\n新客户,\n".encode())}, status=201
    ),
    "imports_list": _PLAIN,
    "imports_read": Probe("import"),
    "imports_start": Probe(
        "import",
        lambda t: {"mode": "dry_run", "columns": [{"column": 0, "field": "customer.name"}]},
        status=202,
    ),
    "imports_download": Probe("import"),
    "imports_refused": Probe("import"),
    "imports_purge": Probe("import", status=204),
    "import_mappings_list": _PLAIN,
    "import_mappings_create": Probe(
        body=lambda t: {
            "name": f"名单 {t.office.number()}", "columns": [{"header": "单位", "field": "customer.name"}],
        },
        status=201,
    ),
    "import_mappings_read": Probe("import_mapping"),
    "import_mappings_patch": Probe("import_mapping", lambda t: {"name": f"改名 {t.office.number()}"}),
    "import_mappings_delete": Probe("import_mapping", status=204),
    # --- tickets
    "ticket_types_list": _PLAIN,
    "ticket_types_create": Probe(
        body=lambda t: {
            "code": f"made_{t.office.number()}", "title": {"zh": "校准", "en": "Calibration"},
            "department_id": _here(t),
        },
        status=201,
    ),
    "ticket_types_read": Probe("ticket_type"),
    "ticket_types_change": Probe("ticket_type", lambda t: {"is_active": False}),
    **_moves(
        list=_PLAIN,
        create=Probe(body=_opening, status=201),
        read=Probe("ticket"),
        change=Probe("ticket", lambda t: {"priority": "urgent"}),
        messages_list=Probe("ticket"),
        history=Probe("ticket"),
        deadlines=Probe("ticket"),
        dispatch=Probe("ticket"),
        waiting=Probe("ticket"),
        messages_create=Probe("ticket", lambda t: {"body": STEPS}, status=201),
        split=Probe(
            "ticket", lambda t: {"subject": "保养合同", "description": "客户顺带问起保养价格。"}, status=201
        ),
        accept=Probe("ticket", owner_only=True),
        assign=Probe("ticket", lambda t: {"owner_id": _somebody(t)}),
        take_back=Probe("ticket", _reason, state="overdue", supervisor=True),
        no_reply_needed=Probe("ticket", _reason),
        agree=Probe(
            "ticket", lambda t: {"due_at": format_instant(LATER), "wish_recorded": True}
        ),
        approve_agreement=Probe("ticket", state="agreed", supervisor=True, never_owner=True),
        task_force=Probe("ticket", lambda t: {"members": [{"user_id": _somebody(t)}]}),
        plan=Probe("ticket", lambda t: {"plan": "1. 今天退回旧版;2. 今晚出差异报告。"}),
        wait=Probe(
            "ticket",
            lambda t: {"question": "请把铭牌上的序列号发给我,好吗?", "reason": "等序列号"},
            state="accepted",
        ),
        resume=Probe("ticket", state="waiting"),
        approve_pause=Probe(
            "ticket", lambda t: {"working_minutes": 60, "reason": "备件在海关"}, supervisor=True
        ),
        resolve=Probe("ticket", lambda t: {"solution": {"steps": STEPS, "result": "恢复"}}),
        confirm=Probe(
            "ticket",
            lambda t: {"answer": "solved", "contact_id": t.ids["contact"], "channel": "phone"},
            state="resolved",
        ),
        reopen=Probe("ticket", _reason, state="resolved"),
        reclassify=Probe("ticket", lambda t: {"complexity": "complex"}),
        merge=Probe("ticket", lambda t: {"into_id": t.ids["other_ticket"]}),
        close=Probe("ticket", lambda t: {"root_cause": "探头老化"}, state="confirmed"),
        cancel=Probe("ticket", _reason),
    ),
}  # fmt: skip

# What has no operation: pages and files that tell nothing of anybody.
PAGES = frozenset({"/openapi.json", "/docs", "/redoc", "/docs/assets", "/metrics"})


def operations(app: FastAPI) -> Iterator[Asked]:
    """Yield every operation of the application, with its probe where the table has one."""
    for route in app.routes:
        if not isinstance(route, APIRoute) or route.path in PAGES:
            continue
        guard = guard_of(route)
        for method in sorted(route.methods or ()):
            yield Asked(
                operation=str(route.operation_id),
                method=method,
                path=route.path,
                permission=guard.permission if guard is not None else None,
                guarded=guard is not None,
                probe=PROBES.get(str(route.operation_id)),
            )


def request_of(asked: Asked, target: Target) -> dict[str, Any]:
    """Return the arguments of a request that succeeds for who may."""
    assert asked.probe is not None
    given: dict[str, Any] = {"method": asked.method, "url": asked.path.format(**target.path)}
    if asked.probe.query is not None:
        given["params"] = dict(asked.probe.query)
    if asked.probe.files is not None:
        given["files"] = asked.probe.files()
    if asked.probe.body is not None:
        given["data" if asked.probe.form else "json"] = asked.probe.body(target)
    return given


__all__ = ["NOW", "PAGES", "PROBES", "VISIBLE", "Asked", "Probe", "operations", "request_of"]
