"""The naughty strings of the public list through every text that a writing route takes: identical, or refused clearly.

What is refused is predicted here from the contract's lengths alone, and the refusal must name exactly those fields.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.auth.permissions import Role
from app.database import Database
from tests.conftest import SHARED, AsUser
from tests.routes.office import Office, Relation, fingerprint, make_office
from tests.routes.targets import STEPS, make_target

NAUGHTY = SHARED / "data" / "adversarial" / "blns.json"
pytestmark = pytest.mark.skipif(not NAUGHTY.exists(), reason="the naughty strings are not here")
API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Text:
    """What a text field does: its greatest length, whether it is stripped, whether it may be empty."""

    length_max: int
    stripped: bool = True
    may_be_empty: bool = False

    def kept(self, text: str) -> str:
        """Return what should be given back."""
        return text.strip() if self.stripped else text

    def refuses(self, text: str) -> bool:
        """Say whether the contract refuses it."""
        if not text.strip():
            return not self.may_be_empty
        return len(self.kept(text)) > self.length_max


WORD, NAME, SENTENCE = Text(100), Text(200), Text(500)
LONG = Text(10_000, stripped=False)


def naughty() -> list[str]:
    texts: list[str] = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    assert len(texts) == 515
    return texts


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


@dataclass
class Desk:
    """Sends texts to one writing route, as the admin."""

    client: httpx.AsyncClient
    office: Office
    method: str
    url: str
    fields: Mapping[str, Text]
    rest: Mapping[str, Any]

    async def send(self, texts: Mapping[str, Any]) -> httpx.Response:
        """Send fields in place of the plain ones; a list's name ends in []."""
        body = {**self.rest}
        for name, text in texts.items():
            outer, _, inner = name.partition("/")
            if inner:
                body[outer] = {**body.get(outer, {}), inner: text}
            else:
                body[name.removesuffix("[]")] = [text] if name.endswith("[]") else text
        headers = self.office.callers[Role.ADMIN]
        answer = await self.client.request(self.method, self.url, json=body, headers=headers)
        if answer.status_code == 409 and answer.json()["code"] == "duplicate_suspected":
            # Some of the texts differ in case or width alone.
            body["duplicates_checked"] = [
                one["id"] for one in answer.json()["values"]["candidates"]
            ]
            answer = await self.client.request(self.method, self.url, json=body, headers=headers)
        return answer

    async def try_text(self, text: str) -> None:
        """Send the text in every field; then, where some must refuse it, in the others."""
        refusing = {name for name, rule in self.fields.items() if rule.refuses(text)}
        answer = await self.send(dict.fromkeys(self.fields, text))
        if refusing:
            assert answer.status_code == 422, (text, answer.text)
            pointers = {one["pointer"] for one in answer.json()["errors"]}
            assert pointers == {f"/{n.replace('[]', '/0')}" for n in refusing}, (text, answer.text)
            taking = [name for name in self.fields if name not in refusing]
            if not taking:
                return
            answer = await self.send(dict.fromkeys(taking, text))
        assert answer.is_success, (text, answer.text)
        self.check(answer.json(), text, refusing)

    def check(self, shown: Mapping[str, Any], text: str, refusing: set[str]) -> None:
        """Hold every taken field against the text."""
        for name, rule in self.fields.items():
            if name in refusing:
                continue
            value: Any = shown
            for part in name.removesuffix("[]").split("/"):
                value = value[part]
            wanted = [rule.kept(text)] if name.endswith("[]") else rule.kept(text)
            assert value == wanted, (name, text, value)


async def try_all(desk: Desk) -> None:
    for text in naughty():
        await desk.try_text(text)


async def test_a_customer_keeps_every_text(client: httpx.AsyncClient, office: Office) -> None:
    fields = {
        "name": NAME, "industry": WORD, "region": WORD, "main_business": SENTENCE, "remarks": LONG,
        "pain_points": LONG, "goals": LONG, "tier_reason": SENTENCE, "tags[]": Text(50),
    }  # fmt: skip
    rest = {"name": "新客户", "source_channel": "phone", "tier": "B"}
    await try_all(Desk(client, office, "POST", f"{API}/customers", fields, rest))


async def test_a_contact_keeps_every_text(client: httpx.AsyncClient, office: Office) -> None:
    customer, _ = await office.customer(office.callers[Role.ADMIN], Relation.OTHER)
    url = f"{API}/customers/{customer['public_id']}/contacts"
    fields = {"name": WORD, "title": WORD, "remarks": LONG}
    await try_all(Desk(client, office, "POST", url, fields, {"name": "王芳"}))


async def test_phones_and_addresses_are_normal_or_refused(
    client: httpx.AsyncClient, office: Office
) -> None:
    customer, _ = await office.customer(office.callers[Role.ADMIN], Relation.OTHER)
    url = f"{API}/customers/{customer['public_id']}/contacts"
    before = await fingerprint(office.database)
    for text in naughty():
        body = {"name": "王芳", "phones": [{"number": text}], "emails": [{"address": text}]}
        answer = await client.post(url, json=body, headers=office.callers[Role.ADMIN])
        assert answer.status_code == 422, (text, answer.text)
        assert {one["pointer"] for one in answer.json()["errors"]} <= {
            "/phones/0/number", "/emails/0/address",
        }  # fmt: skip
    assert await fingerprint(office.database) == before


async def test_a_ticket_keeps_every_text(client: httpx.AsyncClient, office: Office) -> None:
    target = await make_target(office, office.callers[Role.ADMIN], None, Relation.OTHER)
    rest = {
        "customer_id": target.ids["customer"], "type": "technical", "channel": "phone",
        "subject": "恒温培养箱温度漂移", "description": STEPS,
        "owner_id": office.people["colleague"]["public_id"],
    }  # fmt: skip
    fields = {"subject": NAME, "description": LONG, "tags[]": Text(50)}
    await try_all(Desk(client, office, "POST", f"{API}/tickets", fields, rest))


async def test_a_message_keeps_every_text(client: httpx.AsyncClient, office: Office) -> None:
    admin, texts = office.callers[Role.ADMIN], naughty()
    for first in range(0, len(texts), 50):  # each ticket's facts are read at every move
        target = await make_target(office, admin, "ticket", Relation.OTHER)
        url = f"{API}/tickets/{target.path['ticket_id']}/messages"
        desk = Desk(client, office, "POST", url, {"body": LONG}, {"public": False})
        for text in texts[first : first + 50]:
            await desk.try_text(text)
        listed = await client.get(url, params={"limit": 200}, headers=admin)
        bodies = [one["body"] for one in listed.json()["items"]]
        assert bodies == [text for text in texts[first : first + 50] if not LONG.refuses(text)]


# What else takes words: a share of the list is enough, since the kinds of fields are those above.
A_SHARE = 9


async def test_what_is_written_on_a_ticket_is_kept(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin = office.callers[Role.ADMIN]
    target = await make_target(office, admin, "ticket", Relation.OTHER)
    url = f"{API}/tickets/{target.path['ticket_id']}"
    member = office.people["colleague"]["public_id"]
    plan = Desk(client, office, "POST", f"{url}/plan", {"plan": LONG}, {})
    tags = Desk(client, office, "POST", f"{url}/reclassify", {"tags[]": Text(50)}, {})
    for text in naughty()[::A_SHARE]:
        await plan.try_text(text)
        await tags.try_text(text)
        body = {"members": [{"user_id": member, "duty": text}]}
        answer = await client.post(f"{url}/task-force", json=body, headers=admin)
        if len(text.strip()) > 200:
            assert answer.status_code == 422, text
        else:
            assert answer.json()["task_force"][0]["duty"] == text.strip()


async def test_how_a_ticket_ends_is_kept_in_the_customers_and_in_our_words(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin = office.callers[Role.ADMIN]
    for text in naughty()[::A_SHARE]:
        target = await make_target(office, admin, "ticket", Relation.OTHER, "resolved")
        url = f"{API}/tickets/{target.path['ticket_id']}"
        said = {
            "answer": "solved", "contact_id": target.ids["contact"], "channel": "phone",
            "feedback": text,
        }  # fmt: skip
        answer = await client.post(f"{url}/confirm", json=said, headers=admin)
        ending = {"root_cause": text, "improvement_suggestion": text}
        if LONG.refuses(text):
            assert answer.status_code == 422
            answer = await client.post(f"{url}/close", json=ending, headers=admin)
            assert answer.status_code == 422
            continue
        assert answer.json()["customer_feedback"] == text
        answer = await client.post(f"{url}/close", json=ending, headers=admin)
        shown = answer.json()
        assert (shown["root_cause"], shown["improvement_suggestion"]) == (text, text)


async def test_people_departments_types_and_keys_keep_texts(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin = office.callers[Role.ADMIN]
    user = f"{API}/users/{office.people['colleague']['public_id']}"
    department = f"{API}/departments/{office.south['public_id']}"
    kind = await make_target(office, admin, "ticket_type", Relation.OTHER)
    types = f"{API}/ticket-types/{kind.path['code']}"
    title = Text(100, may_be_empty=True)
    desks = (
        Desk(client, office, "PATCH", user, {"name": WORD, "title": title}, {}),
        Desk(client, office, "PATCH", department, {"name": WORD}, {}),
        Desk(client, office, "POST", f"{API}/api-keys", {"name": WORD}, {"scopes": ["sla:read"]}),
        Desk(client, office, "PATCH", types, {"title/zh": WORD, "title/en": WORD}, {}),
    )
    for text in naughty()[::A_SHARE]:
        for desk in desks:
            await desk.try_text(text)


async def test_lists_are_asked_for_every_text_without_a_fault(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin = office.callers[Role.ADMIN]
    asked = {
        "customers": ("q", "tag", "industry"), "tickets": ("tag", "number", "type"), "users": ("email",),
        "deadlines": ("rule", "clock", "subject_type"), "escalations": ("rule",), "audit": ("action", "entity"),
        "notifications": ("kind",), "sop/rules": ("rule", "subject"),
    }  # fmt: skip
    for text in naughty()[:: A_SHARE // 3]:
        for path, names in asked.items():
            answer = await client.get(
                f"{API}/{path}", params=dict.fromkeys(names, text), headers=admin
            )
            assert answer.status_code in (200, 422), (path, text, answer.text)
            assert answer.is_error or answer.json()["items"] == [], (path, text)
