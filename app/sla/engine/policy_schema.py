"""The JSON Schema of a policy document, made of the register and the units that the parser itself reads.

It says what has the right form; what needs two places at once (a pause of a clock that the policy has, levels in
order) only the parser knows.
"""

from __future__ import annotations

from typing import Any

from app.calendars.target import Unit
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.policy import INPUT_NAMES, Tell
from app.sla.engine.policy_document import AMOUNT_MOST, NAME_PATTERN, STEPS_MOST
from app.sla.engine.register import REGISTER

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_TEXTS: Schema = {"type": "array", "items": _TEXT, "minItems": 1}
_ROLES: Schema = {"type": "object", "additionalProperties": _TEXT}
_AMOUNT: Schema = {"type": "integer", "minimum": 1, "maximum": AMOUNT_MOST}


def policy_schema() -> Schema:
    """Return the schema (2020-12) of a whole document."""
    return {
        "title": "PolicyDocument",
        "description": "A policy: for whom it applies, its targets, calendars, pauses and ladder.",
        **_record(
            {
                "name": {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
                "title": _record({"zh": _TEXT, "en": _TEXT}),
                "description": _TEXT,
                "conditions": _condition(),
                "calendars": {
                    **_ROLES,
                    "description": "Calendars by tier; `otherwise` for all others. `working`, `24x7`, or a name",
                },
                "clocks": _record({row.clock: _clock(row) for row in REGISTER}),
                "waiting": _or_null(_waiting()),
                "ladder": {"type": "array", "maxItems": STEPS_MOST, "items": _step()},
            },
            required=("name",),
        ),
    }


def _record(fields: Schema, required: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": fields}
    return {**schema, "required": list(required)} if required else schema


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _condition() -> Schema:
    return {
        **_record(dict.fromkeys(sorted(INPUT_NAMES), _TEXTS)),
        "description": "Allowed values by input; every one named must fit, a tag fits if any is carried",
    }


def _target(*units: Unit) -> Schema:
    chosen = units or tuple(Unit)
    short = {
        **_record({unit.value: _AMOUNT for unit in chosen}),
        "minProperties": 1,
        "maxProperties": 1,
    }
    unit = {"enum": [unit.value for unit in chosen]}
    long = _record({"amount": _AMOUNT, "unit": unit}, required=("amount", "unit"))
    return {"anyOf": [short, long]}


def _clock(row: ClockRow) -> Schema:
    fields: Schema = {"calendar": _or_null({"anyOf": [_TEXT, _ROLES]})}
    if row.target is not None:
        case = _record({"when": _condition(), "target": _target()}, required=("when", "target"))
        fields |= {"target": _target(), "cases": {"type": "array", "items": case}}
    if row.policy_chooses:
        kinds = {"enum": sorted(on.kind.value for on in row.answers)}
        fields["answered_by"] = _or_null({"type": "array", "items": kinds, "minItems": 1})
    else:
        fields["answered_by"] = {"type": "null"}
    if row.clock == "confirm":
        fields["close_after"] = _target()
    schema = {**_record(fields), "description": f"{row.title_en} (SOP {row.rule})"}
    if row.target is not None:
        schema["anyOf"] = [{"required": ["target"]}, {"required": ["cases"]}]
    return schema


def _waiting() -> Schema:
    return _record(
        {
            "pauses": _TEXTS,
            "limit": _target(),
            "budget": _or_null(_target(Unit.MINUTES, Unit.HOURS)),
        },
        required=("pauses",),
    )


def _step() -> Schema:
    tell = {"type": "array", "minItems": 1, "items": {"enum": [role.value for role in Tell]}}
    fields = {
        "level": _AMOUNT,
        "percent": {"type": "integer", "minimum": -99, "maximum": -1},
        "minutes": {"type": "integer", "minimum": -AMOUNT_MOST, "maximum": AMOUNT_MOST},
        "tell": tell,
    }
    one_time = [{"required": ["percent"]}, {"required": ["minutes"]}]
    return {**_record(fields, required=("level", "tell")), "oneOf": one_time}
