"""What is asked of choice lists and custom fields, and the conditions on a column that holds custom values.

A custom value is no column: a list filtered by one reads the rows that its other filters leave.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Float, Text, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from app.fields.models import ChoiceList, CustomField
from app.fields.typed_values import FieldType
from app.reading import Listing, one_statement
from app.statements import Statement, any_of

_LISTS, _FIELDS = ChoiceList.__table__, CustomField.__table__

_LIST_SHOWN = tuple(
    (name, _LISTS.c[name]) for name in ("code", "title", "is_open", "choices", "version")
)
_FIELD_SHOWN = tuple(
    (name, _FIELDS.c[name])
    for name in ("key", "type", "title", "choice_list", "is_active", "version")
)

LISTS = Listing(
    name="choice_lists",
    source=_LISTS,
    fields=_LIST_SHOWN,
    key=_LISTS.c.id,
    sorts={"code": _LISTS.c.code},
)
LIST_ONE = one_statement(
    _LISTS, _LIST_SHOWN, _LISTS.c.code == bindparam("code"), version=_LISTS.c.version
)
FIELDS = Listing(
    name="custom_fields",
    source=_FIELDS,
    fields=_FIELD_SHOWN,
    key=_FIELDS.c.id,
    sorts={"key": _FIELDS.c.key},
    filters={"is_active": _FIELDS.c.is_active == bindparam("is_active")},
)
FIELD_ONE = one_statement(
    _FIELDS, _FIELD_SHOWN, _FIELDS.c.key == bindparam("key"), version=_FIELDS.c.version
)

LIST_LOCKED = Statement(
    select(*_LISTS.c).where(_LISTS.c.code == bindparam("code")).with_for_update()
)
LISTS_OF = Statement(select(*_LISTS.c).where(any_of(_LISTS.c.code, "codes")))
ALL_LISTS, ALL_FIELDS = Statement(select(*_LISTS.c)), Statement(select(*_FIELDS.c))
FIELD_LOCKED = Statement(
    select(*_FIELDS.c).where(_FIELDS.c.key == bindparam("key")).with_for_update()
)
FIELDS_OF = Statement(select(*_FIELDS.c).where(any_of(_FIELDS.c.key, "keys")))


class CustomText(FunctionElement[str]):
    """A custom value as text, null where there is none; the key is a checked identifier."""

    type = Text()
    inherit_cache = False
    name = "custom_text"

    def __init__(self, column: Any, key: str) -> None:
        self.key = key
        super().__init__(column)


class CustomNumber(CustomText):
    """A custom number."""

    type = Float()  # type: ignore[assignment]
    inherit_cache = False
    name = "custom_number"


class CustomHolds(FunctionElement[bool]):
    """Whether a custom list of texts holds one."""

    type = Boolean()
    inherit_cache = False
    name = "custom_holds"

    def __init__(self, column: Any, key: str, item: Any) -> None:
        self.key = key
        super().__init__(column, item)


@compiles(CustomText, "postgresql")
def _postgresql_text(element: CustomText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} ->> '{element.key}')"


@compiles(CustomText, "sqlite")
def _sqlite_text(element: CustomText, compiler: SQLCompiler, **kw: Any) -> str:
    column, path = compiler.process(element.clauses, **kw), f"'$.{element.key}'"
    return (
        f"CASE json_type({column}, {path}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
        f"ELSE json_extract({column}, {path}) END"
    )


@compiles(CustomNumber, "postgresql")
def _postgresql_number(element: CustomNumber, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} ->> '{element.key}')::double precision"


@compiles(CustomNumber, "sqlite")
def _sqlite_number(element: CustomNumber, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **kw)}, '$.{element.key}')"


@compiles(CustomHolds, "postgresql")
def _postgresql_holds(element: CustomHolds, compiler: SQLCompiler, **kw: Any) -> str:
    column, item = (compiler.process(clause, **kw) for clause in element.clauses)
    listed = f"json_array_elements_text({column} -> '{element.key}')"
    return f"EXISTS (SELECT 1 FROM {listed} AS t(value) WHERE t.value = {item})"


@compiles(CustomHolds, "sqlite")
def _sqlite_holds(element: CustomHolds, compiler: SQLCompiler, **kw: Any) -> str:
    column, item = (compiler.process(clause, **kw) for clause in element.clauses)
    listed = f"json_each({column}, '$.{element.key}')"
    return f"EXISTS (SELECT 1 FROM {listed} AS t WHERE t.value = {item})"


def custom_condition(
    column: Any, key: str, kind: FieldType, operator: str, name: str
) -> ColumnElement[bool]:
    """Return the condition that a custom value is (`eq`), is at least (`gte`) or lies below (`lt`) the parameter `name`.

    Of a multi-choice `eq` means that it holds the choice. `key` is the key of a stored field.
    """
    if kind is FieldType.MULTI_CHOICE:
        return CustomHolds(column, key, bindparam(name, type_=Text()))
    value: Any = (CustomNumber if kind is FieldType.NUMBER else CustomText)(column, key)
    asked: Any = bindparam(name, type_=value.type)
    if operator == "eq":
        return value == asked  # type: ignore[no-any-return]
    return value >= asked if operator == "gte" else value < asked  # type: ignore[no-any-return]
