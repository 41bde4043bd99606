"""A row of a file as the API's own commands: cells converted, validated by the very models that the routes take.

Nothing is asked of the database here: who people are and what choices mean comes along as `Words`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from app.customers.contact_schemas import ContactCreate, ContactPatch
from app.customers.schemas import CustomerCreate, CustomerPatch
from app.imports import conversions
from app.imports.headers import Column, plain

M = TypeVar("M", bound=BaseModel)
LABEL_LENGTH_MAX = 30
_DAYS = ("expected_cooperation_on", "cooperation_started_on", "contract_ends_on")
_LISTS = ("tags", "need_keywords", "interests")
_PEOPLE = {"owner": "owner_id", "account_manager": "account_manager_id", "department": "department_id"}  # fmt: skip
NO_PATCH = ("status", "tier", "tier_reason")


@dataclass(frozen=True, slots=True)
class Words:
    """What words in cells stand for: codes by the plain word, for every field of choices; ids of people and departments.

    `kinds` are the types of the deployment's own fields.
    """

    zone: ZoneInfo
    choices: Mapping[str, Mapping[str, str]] = made(default_factory=dict)
    kinds: Mapping[str, str] = made(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row: its column where there is one, its field, a code and its values."""

    code: str
    field: str | None = None
    column: int | None = None
    values: Mapping[str, Any] = made(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        told = {"code": self.code, "field": self.field, "column": self.column}
        return {**told, "values": dict(self.values)}


@dataclass(slots=True)
class WantedRow:
    """What a row wants: values for the customer and his contact, or why it cannot be."""

    line: int
    number: str | None
    customer: dict[str, Any]
    contact: dict[str, Any]
    faults: list[Fault]
    places: Mapping[str, int]

    def create(self, defaults: Mapping[str, Any]) -> CustomerCreate | None:
        """Return the customer to register; None where `faults` say why not."""
        values = {**defaults, **self.customer}
        if defaults.get("tags"):
            values["tags"] = [*self.customer.get("tags", ()), *defaults["tags"]]
        return self._valid(CustomerCreate, "customer", values)

    def patch(self) -> CustomerPatch | None:
        """Return the changes of a customer; stage and tier have their own ways, so they are left out here."""
        values = {name: value for name, value in self.customer.items() if name not in NO_PATCH}
        return self._valid(CustomerPatch, "customer", values)

    def contact_create(self, *, is_primary: bool, name: str) -> ContactCreate | None:
        """Return the contact to add; without a name of his own he goes by the firm's."""
        values = {"name": name[:100], "is_primary": is_primary, **self.contact}
        return self._valid(ContactCreate, "contact", values)

    def contact_patch(self) -> ContactPatch | None:
        """Return the changes of a contact, phones and e-mails apart."""
        values = {k: v for k, v in self.contact.items() if k not in ("phones", "emails")}
        return self._valid(ContactPatch, "contact", values)

    def _valid(self, model: type[M], part: str, values: Mapping[str, Any]) -> M | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            self.faults += [_fault(part, one, self.places) for one in error.errors()[:10]]
            return None


def _fault(part: str, error: Any, places: Mapping[str, int]) -> Fault:
    name = f"{part}.{error['loc'][0]}" if error["loc"] else part
    name = next((f"{part}.{a}" for a, b in _PEOPLE.items() if name == f"{part}.{b}"), name)
    values = {k: v for k, v in (error.get("ctx") or {}).items() if isinstance(v, str | int | float)}
    return Fault(error["type"], name, places.get(name), values)


def wanted_rows(
    rows: Iterable[Sequence[Any]],
    columns: Sequence[Column],
    headers: Sequence[str | None],
    words: Words,
) -> list[WantedRow]:
    """Return what rows want; `rows` are as they were read: number, cells, faults by column."""
    places: dict[str, int] = {}
    for one in columns:
        places.setdefault(one.field, one.column)
    several = {one.field for one in columns if sum(two.field == one.field for two in columns) > 1}
    labels = {one.column: headers[one.column] for one in columns if one.field in several}
    converters = [(one, _converter(one, words, labels.get(one.column))) for one in columns]
    return [_wanted(row, converters, places) for row in rows]


def _wanted(
    row: Sequence[Any], converters: Sequence[tuple[Column, Any]], places: Mapping[str, int]
) -> WantedRow:
    line, cells, marked = row
    parts: dict[str, dict[str, Any]] = {"customer": {}, "contact": {}, "custom": {}}
    faults = [
        Fault(code, None, int(column))
        for column, code in marked.items()
        if code == "cell_beyond_headers" or int(column) in {one.column for one, _ in converters}
    ]
    for one, convert in converters:
        cell = cells[one.column] if one.column < len(cells) else None
        if cell is None:
            continue
        part, _, name = one.field.partition(".")
        value = convert(cell)
        name = _PEOPLE.get(name, name)
        if isinstance(value, list):
            parts[part].setdefault(name, []).extend(value)
        else:
            parts[part][name] = value
    customer = parts["customer"]
    if parts["custom"]:
        customer["custom"] = parts["custom"]
    number = customer.pop("number", None)
    return WantedRow(line, number, customer, _once(parts["contact"]), faults, places)


def _once(contact: dict[str, Any]) -> dict[str, Any]:
    """Leave out numbers and addresses that stand there twice; two spellings of one are found out later."""
    for name, key in (("phones", "number"), ("emails", "address")):
        seen: dict[str, Any] = {}
        for one in contact.get(name, ()):
            seen.setdefault(plain(one[key]), one)
        if seen:
            contact[name] = list(seen.values())
    return contact


def _converter(column: Column, words: Words, label: str | None) -> Any:
    part, _, name = column.field.partition(".")
    if words.kinds.get(column.field) == "multi_choice":
        return partial(_chosen_many, words.choices.get(column.field, {}))
    if column.field in words.choices:
        return partial(_chosen, words.choices[column.field])
    if part == "contact" and name in ("phones", "emails"):
        key = "number" if name == "phones" else "address"
        return partial(_points, key, label[:LABEL_LENGTH_MAX] if label else None)
    if name in _DAYS:
        return conversions.to_day
    if name in _LISTS:
        return conversions.to_list
    if part == "custom":
        return {
            "number": conversions.to_number,
            "date": conversions.to_day,
            "boolean": conversions.to_flag,
        }.get(words.kinds.get(column.field, ""), str)
    return {
        "first_contact_at": partial(conversions.to_instant, zone=words.zone),
        "revenue": partial(conversions.to_amount, scale=column.scale),
        "headcount": partial(conversions.to_count, scale=column.scale),
        "birthday": conversions.to_birthday,
        "is_decision_maker": conversions.to_flag,
    }.get(name, str)


def _chosen(choices: Mapping[str, str], text: str) -> str:
    return choices.get(plain(text), text)


def _chosen_many(choices: Mapping[str, str], text: str) -> list[str]:
    return [_chosen(choices, one) for one in conversions.to_list(text)]


def _points(key: str, label: str | None, text: str) -> list[dict[str, Any]]:
    separated = text.replace("/", ",") if key == "number" else text
    return [{key: one, "label": label} for one in conversions.to_list(separated)]


def is_empty(command: BaseModel) -> bool:
    """Say whether a patch names nothing."""
    return not command.model_fields_set
