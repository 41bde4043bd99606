"""The demo company: every key is somebody, every move is possible, and every clock reads what is promised."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import phonenumbers
import pytest
from email_validator import validate_email

from app.auth.permissions import Permission, Role, RowScope, row_scope
from app.interactions.vagueness import judge
from app.rehearsal.story import DemoDay, calendar, company, tickets
from app.sla.engine.clock import evaluate
from app.tickets.courtesy import is_courtesy
from app.tickets.lifecycle import (
    Move,
    TicketStatus,
    after_closed,
    apply,
    may_move,
    missing_fields,
)
from tests.rehearsal.demo import (
    case_of,
    closed_by_the_system_at,
    head_of_type,
    opening_of,
    rulebook,
)
from tests.sla.case_facts import facts_of

# A Wednesday, a Monday, a Friday, the first day after Spring Festival, a Saturday worked for National Day,
# and the last working day of the last year whose statutory calendar is known.
DAYS = [
    DemoDay(date(2026, 3, 11)),
    DemoDay(date(2026, 3, 16)),
    DemoDay(date(2026, 11, 20)),
    DemoDay(date(2026, 2, 24)),
    DemoDay(date(2026, 10, 10)),
    DemoDay(date(2026, 12, 31)),
]
KEYS = sorted(tickets())
USERS = {user["key"]: user for user in company()["users"]}
DEPARTMENTS = {department["key"]: department for department in company()["departments"]}
CUSTOMERS = {customer["key"]: customer for customer in company()["customers"]}
# Fields of the file -> fields of the API's move, where they differ.
RENAMED = {"owner": "owner_id", "into": "into_id", "contact": "contact_id"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def up_the_line(user: str) -> list[str]:
    line: list[str] = []
    while (manager := USERS[user].get("manager")) is not None:
        assert manager not in line
        line.append(manager)
        user = manager
    return line


def subtree(department: str) -> set[str]:
    inside = {department}
    for entry in company()["departments"]:
        if entry.get("parent") in inside:
            inside.add(entry["key"])
    return inside


def test_the_days_tried_are_working_days() -> None:
    assert all(calendar("office").is_working_day(day.today) for day in DAYS)


def test_keys_are_unique() -> None:
    for rows in ("departments", "users", "customers"):
        keys = Counter(row["key"] for row in company()[rows])
        assert max(keys.values()) == 1


def test_departments_form_a_tree_whose_parents_come_first() -> None:
    seen: set[str] = set()
    for department in company()["departments"]:
        parent = department.get("parent")
        assert parent in seen or (parent is None and not seen)
        seen.add(department["key"])
        assert {department["head"], *department.get("on_call", [])} <= set(USERS)


def test_every_line_of_managers_ends_at_the_top() -> None:
    top = {user for user in USERS if "manager" not in USERS[user]}
    assert top == {"zhou.mingyuan"}
    for user in USERS.keys() - top:
        assert up_the_line(user)[-1] == "zhou.mingyuan"


def test_users_have_a_role_a_department_and_a_pinyin_key() -> None:
    for user in USERS.values():
        assert re.fullmatch(r"[a-z]+\.[a-z]+", user["key"])
        assert Role(user["role"])
        assert user["department"] in DEPARTMENTS
    assert {user["role"] for user in USERS.values()} == set(Role) - {Role.ADMIN}


def test_somebody_is_absent_now_and_the_delegate_is_present() -> None:
    absent = [user for user in USERS.values() if "absent" in user]
    assert absent
    for user in absent:
        for day in DAYS:
            start, end = (day.instant(user["absent"][name]) for name in ("from", "until"))
            assert start <= day.now < end
        assert "absent" not in USERS[user["absent"]["delegate"]]


def test_no_password_or_secret_is_written_down() -> None:
    names = {name for user in USERS.values() for name in user}
    assert names <= {"key", "name", "title", "role", "department", "manager", "absent"}


def test_customers_of_each_tier_have_an_owner_and_tier_a_a_dedicated_manager() -> None:
    tiers = Counter(customer["tier"] for customer in CUSTOMERS.values())
    assert set(tiers) == {"A", "B", "C"}
    assert min(tiers.values()) >= 5
    for customer in CUSTOMERS.values():
        assert customer["owner"] in USERS
        assert customer["tier"] != "A" or customer["account_manager"] in USERS
        assert {member["user"] for member in customer.get("account_team", [])} <= set(USERS)
        assert len([c for c in customer["contacts"] if c.get("primary")]) == 1
    assert {"lost" if "lost" in one else one["status"] for one in CUSTOMERS.values()} == {
        "potential",
        "interested",
        "won",
        "lost",
    }


def test_contacts_have_valid_numbers_and_addresses_that_nobody_answers() -> None:
    contacts = [contact for customer in CUSTOMERS.values() for contact in customer["contacts"]]
    for contact in contacts:
        assert re.fullmatch(r"\+86145000000\d\d", contact["phone"])
        assert phonenumbers.is_valid_number(phonenumbers.parse(contact["phone"]))
        address = validate_email(contact["email"], check_deliverability=False)
        assert address.domain.endswith(".example")
    for field in ("phone", "email"):
        assert max(Counter(contact[field] for contact in contacts).values()) == 1


def test_chinese_text_is_punctuated_like_chinese() -> None:
    for text in texts([company(), list(tickets().values())]):
        assert not re.search(r"[\u3400-\u9fff][,!?;:()]|[,!?;:()][\u3400-\u9fff]", text), text


@pytest.mark.parametrize("key", KEYS)
def test_a_ticket_names_people_and_contacts_that_exist(key: str) -> None:
    opening, ticket = opening_of(key), tickets()[key]
    contacts = {contact["name"] for contact in CUSTOMERS[opening["customer"]]["contacts"]}
    for entry in [opening, *ticket["history"]]:
        assert entry["by"] in USERS
        assert entry.get("contact", next(iter(contacts))) in contacts
        assert entry.get("owner", "li.siyuan") in USERS
        assert {member["user"] for member in entry.get("members", [])} <= set(USERS)
        assert entry.get("do") not in {"split", "merge"} or entry["into"] in tickets()
    if "comes_from" not in ticket:
        assert opening["type"] in {entry["code"] for entry in company()["ticket_types"]}


@pytest.mark.parametrize("day", DAYS, ids=lambda day: str(day.today))
@pytest.mark.parametrize("key", KEYS)
def test_a_history_runs_forward_and_ends_before_now(key: str, day: DemoDay) -> None:
    opening = opening_of(key)
    instants = [day.instant(entry["at"]) for entry in [opening, *tickets()[key]["history"]]]
    assert instants == sorted(instants)
    assert instants[-1] <= day.now
    assert day.instant(CUSTOMERS[opening["customer"]]["first_contact_at"]) < instants[0]


class Story:
    """A ticket while its moves are checked: where it stands, whose it is, who is in it."""

    def __init__(self, key: str, day: DemoDay) -> None:
        opening = opening_of(key)
        self.day = day
        self.owner: str | None = opening.get("owner") or head_of_type(opening["type"])
        by_himself = self.owner == opening["by"]
        self.status = TicketStatus.ACCEPTED if by_himself else TicketStatus.NEW
        self.closed_at: datetime | None = None
        self.own = {opening["by"], CUSTOMERS[opening["customer"]]["owner"]}
        types = {entry["code"]: entry["department"] for entry in company()["ticket_types"]}
        self.department = types[opening["type"]]

    def make(self, entry: Mapping[str, Any]) -> None:
        for move in self._moves(entry):
            given = frozenset(RENAMED.get(name, name) for name in entry)
            assert not missing_fields(move, given | {"reason"} if move is Move.REOPEN else given)
            assert self._may(move, entry["by"]), entry
            self.status = apply(self.status, move)
        self._note(entry)

    def _moves(self, entry: Mapping[str, Any]) -> list[Move]:
        match entry:
            case {"do": "message", "from": "customer"}:
                return [Move.CUSTOMER_MESSAGE, *self._after_closed(entry)]
            case {"do": "message", "public": False}:
                return [Move.NOTE]
            case {"do": "confirm", "answer": "partly"}:
                return [Move.CONFIRM, Move.REOPEN]
            case _:
                return [Move(entry["do"])]

    def _after_closed(self, entry: Mapping[str, Any]) -> list[Move]:
        if self.closed_at is None or is_courtesy(entry["body"]):
            return []
        effect = after_closed(self.closed_at, self.day.instant(entry["at"]))
        assert (effect == "new_ticket") == ("opens" in entry)
        return [Move.REOPEN] if effect == "reopen" else []

    def _may(self, move: Move, user: str) -> bool:
        role = Role(USERS[user]["role"])
        in_department = self.department in subtree(USERS[user]["department"])
        can_write = user == self.owner or user in self.own or in_department
        approves = row_scope(role, Permission.TICKETS_APPROVE) is RowScope.DEPARTMENT
        return row_scope(role, Permission.TICKETS_WRITE) is not None and may_move(
            move,
            can_write=can_write,
            can_approve=approves and in_department,
            is_owner=user == self.owner,
            has_owner=self.owner is not None,
        )

    def _note(self, entry: Mapping[str, Any]) -> None:
        match entry["do"]:
            case "assign":
                self.owner = entry["owner"]
            case "take-back":
                self.owner = None
            case "task-force":
                self.own |= {member["user"] for member in entry["members"]}
            case "close":
                self.closed_at = self.day.instant(entry["at"])


@pytest.mark.parametrize("day", DAYS, ids=lambda day: str(day.today))
@pytest.mark.parametrize("key", KEYS)
def test_every_move_is_possible_and_permitted_and_leads_to_the_status_promised(
    key: str, day: DemoDay
) -> None:
    story = Story(key, day)
    for entry in tickets()[key]["history"]:
        story.make(entry)
    if closed_by_the_system_at(key, day):
        story.status = apply(story.status, Move.CLOSE)
    assert story.status == tickets()[key]["status"]


def test_the_tickets_stand_in_every_status_and_the_clocks_in_every_state() -> None:
    assert {ticket["status"] for ticket in tickets().values()} == set(TicketStatus)
    states = {state for ticket in tickets().values() for state in ticket["shows"].values()}
    assert states == {"running", "paused", "met", "missed", "late", "superseded", "cancelled"}
    assert len(tickets()) >= 25


def test_the_histories_make_every_kind_of_move() -> None:
    made = {entry["do"] for ticket in tickets().values() for entry in ticket["history"]}
    everything = {move.value for move in Move} - {"internal-message", "customer-message"}
    # A wait ends by the customer's word and a reopening comes of "partly": nobody needs to press them.
    assert everything - made == {"resume", "reopen", "message"} - made


@pytest.mark.sop("TK-2", "TK-4", "TK-5", "TK-6", "TK-7", "TK-1")
@pytest.mark.parametrize("day", DAYS, ids=lambda day: str(day.today))
@pytest.mark.parametrize("key", KEYS)
def test_the_clocks_read_now_what_the_file_promises(key: str, day: DemoDay) -> None:
    rows = evaluate(facts_of(case_of(key, day)), rulebook(), day.now)
    last = {row.clock: str(row.state) for row in sorted(rows, key=lambda row: row.key)}
    assert {clock: last.get(clock) for clock in tickets()[key]["shows"]} == tickets()[key]["shows"]


def test_staff_write_to_customers_in_words_that_say_something_but_once() -> None:
    said = [
        entry["body"]
        for ticket in tickets().values()
        for entry in ticket["history"]
        if entry["do"] == "message" and entry.get("public", True) and "from" not in entry
    ]
    assert [body for body in said if judge(body).vague] == ["您好，正常跟进中，请耐心等待。"]
    assert len(said) > 30


def test_solutions_plans_and_causes_say_something() -> None:
    fields = ("solution", "plan", "question", "root_cause", "improvement_suggestion", "reason")
    written = [
        text
        for ticket in tickets().values()
        for entry in ticket["history"]
        for text in texts([entry.get(field) for field in fields])
    ]
    assert [text for text in written if judge(text).vague] == []
    assert len(written) >= 40


def test_customers_say_thanks_where_no_answer_is_owed() -> None:
    thanks = [
        entry["body"]
        for ticket in tickets().values()
        for entry in ticket["history"]
        if entry.get("from") == "customer" and is_courtesy(entry["body"])
    ]
    assert len(thanks) == 2
