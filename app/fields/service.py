"""Changes of choice lists and custom fields, and the check of a file's values against them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app import writing
from app.database import Database, Reader, Transaction
from app.errors import Conflict, FieldError, NotFound, invalid_field
from app.fields import queries
from app.fields.models import ChoiceList, CustomField
from app.fields.schemas import (
    ChoiceListCreate,
    ChoiceListPatch,
    CustomFieldCreate,
    CustomFieldPatch,
)
from app.fields.shipped import SHIPPED
from app.fields.typed_values import CHOOSING, FieldType, ValueInvalid, to_value
from app.statements import Row

_COPY = "fields"
Check = Callable[[Row], None]


# --- the configuration


async def create_list(tx: Transaction, command: ChoiceListCreate) -> Row:
    """Add a list of choices and return its row; raises `Conflict`."""
    if await tx.all(queries.LISTS_OF, codes=[command.code]):
        raise Conflict("choice_list_exists")
    return await writing.insert(tx, ChoiceList, **command.model_dump(mode="json"))


async def change_list(tx: Transaction, code: str, command: ChoiceListPatch, check: Check) -> Row:
    """Change a list and return its row; raises `Invalid` at `/choices` where a code would be lost."""
    row = await tx.one(queries.LIST_LOCKED, code=code)
    if row is None:
        raise NotFound
    check(row)
    values = command.model_dump(mode="json", exclude_unset=True)
    if "choices" in values:
        kept = {one["code"] for one in values["choices"]}
        if any(one["code"] not in kept for one in row["choices"]):
            raise invalid_field("/choices", "choice_lost")
    return await writing.update(tx, ChoiceList, row, **values)


async def create_field(tx: Transaction, command: CustomFieldCreate) -> Row:
    """Add a custom field and return its row; raises `Conflict`, and `Invalid` at `/choice_list`."""
    if await tx.all(queries.FIELDS_OF, keys=[command.key]):
        raise Conflict("custom_field_exists")
    if (command.type in CHOOSING) != (command.choice_list is not None):
        raise invalid_field("/choice_list", "choice_list_misplaced")
    if command.choice_list is not None and not await tx.all(
        queries.LISTS_OF, codes=[command.choice_list]
    ):
        raise invalid_field("/choice_list", "unknown_reference")
    return await writing.insert(tx, CustomField, **command.model_dump(mode="json"))


async def change_field(tx: Transaction, key: str, command: CustomFieldPatch, check: Check) -> Row:
    """Change a custom field and return its row."""
    row = await tx.one(queries.FIELD_LOCKED, key=key)
    if row is None:
        raise NotFound
    check(row)
    values = command.model_dump(mode="json", exclude_unset=True)
    return await writing.update(tx, CustomField, row, **values)


# --- what a file may hold


@dataclass(frozen=True, slots=True)
class FieldBook:
    """The choice lists and custom fields in force; `choices` are codes that may be chosen, None where any text may be."""

    choices: Mapping[str, frozenset[str] | None]
    fields: Mapping[str, Row]

    def check_choices(self, values: Mapping[str, Any], old: Mapping[str, Any]) -> list[FieldError]:
        """Return the wrong places of values that belong to lists of their names; what was there before may stay."""
        return [
            FieldError(f"/{name}", "not_in_list")
            for name, value in values.items()
            if value is not None
            and value != old.get(name)
            and (known := self.choices[name]) is not None
            and value not in known
        ]

    def merge_custom(
        self, given: Mapping[str, Any], old: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[FieldError]]:
        """Return `old` with the given values set, by key, and the wrong places; null or an empty list takes one out."""
        merged, errors = dict(old), []
        for key, value in given.items():
            if value is None or value == []:
                merged.pop(key, None)
            if key not in self.fields:
                errors.append(FieldError(f"/custom/{key}", "extra_forbidden"))
            elif value not in (None, []) and not _is_same(value, old.get(key)):
                try:
                    merged[key] = self._value(key, value)
                except ValueInvalid as fault:
                    errors.append(FieldError(f"/custom/{key}", fault.code, fault.values))
        return dict(sorted(merged.items())), errors

    def _value(self, key: str, value: Any) -> Any:
        field = self.fields[key]
        if not field["is_active"]:
            raise ValueInvalid("field_inactive")
        choices = self.choices.get(field["choice_list"] or "", frozenset())
        return to_value(FieldType(field["type"]), value, choices)


def _is_same(value: Any, old: Any) -> bool:
    return type(value) is type(old) and bool(value == old)


async def read_book(reader: Reader, database: Database) -> FieldBook:
    """Return the lists and fields in force; what another process changed is seen within two seconds."""
    known: FieldBook | None = database.recall(_COPY)
    if known is None:
        lists = {**SHIPPED, **{row["code"]: row for row in await reader.all(queries.ALL_LISTS)}}
        fields = {row["key"]: dict(row) for row in await reader.all(queries.ALL_FIELDS)}
        known = FieldBook({code: _choices(one) for code, one in lists.items()}, fields)
        database.remember(_COPY, known, of=(ChoiceList, CustomField))
    return known


def _choices(one: Mapping[str, Any]) -> frozenset[str] | None:
    if one["is_open"]:
        return None
    return frozenset(choice["code"] for choice in one["choices"] if choice["is_active"])
