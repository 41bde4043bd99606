"""What the owner of a customer is told of changes of his key contacts, in Chinese and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.notifications.wording import Text, Words, one_line

LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class _Language:
    title: str
    roles: Mapping[str, str]
    added: str
    left: str
    changed: str
    fields: Mapping[str, str]
    between: str
    more: str
    by: str


_ZH = _Language(
    title="关键联系人变动:{customer}",
    roles={"is_decision_maker": "决策人", "is_primary": "首要联系人"},
    added="- {role} {name}:新增",
    left="- {role} {name}:已删除",
    changed="- {role} {name}:{fields}有变更",
    fields={
        "name": "姓名",
        "title": "职务",
        "phones": "电话",
        "emails": "邮箱",
        "is_decision_maker": "决策人身份",
        "is_primary": "首要联系人身份",
    },
    between="、",
    more="……另有 {count} 项",
    by="修改人:{by}",
)
_EN = _Language(
    title="Key contacts changed: {customer}",
    roles={"is_decision_maker": "decision maker", "is_primary": "primary contact"},
    added="- {name} ({role}): added",
    left="- {name} ({role}): removed",
    changed="- {name} ({role}): changed {fields}",
    fields={
        "name": "name",
        "title": "title",
        "phones": "phone",
        "emails": "e-mail",
        "is_decision_maker": "being the decision maker",
        "is_primary": "being the primary contact",
    },
    between=", ",
    more="... and {count} more",
    by="Changed by: {by}",
)


def key_contacts_changed(data: Mapping[str, Any]) -> Words:
    """Return what a line says; `data` holds `customer`, `by` and `items` of {name, roles, change, fields}."""
    return Words(zh=_text(_ZH, data), en=_text(_EN, data))


def _text(say: _Language, data: Mapping[str, Any]) -> Text:
    items: Sequence[Mapping[str, Any]] = data["items"]
    lines = [_line(say, item) for item in items[:LINES_MAX]]
    if len(items) > LINES_MAX:
        lines.append(say.more.format(count=len(items) - LINES_MAX))
    lines.append(say.by.format(by=one_line(data["by"])))
    return Text(one_line(say.title.format(customer=one_line(data["customer"]))), "\n".join(lines))


def _line(say: _Language, item: Mapping[str, Any]) -> str:
    form: str = getattr(say, item["change"])
    return form.format(
        name=one_line(item["name"]),
        role=say.between.join(say.roles[role] for role in item["roles"]),
        fields=say.between.join(say.fields[name] for name in item["fields"]),
    )
