"""A story as YAML for the case table: the case, and the calendar and policy that it needs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from tests.sla.case_files import Move
from tests.sla.case_form import ATTRIBUTES, MOVES, TICKET_DEFAULTS
from tests.sla.simulation.stories import Document, Story

if TYPE_CHECKING:
    from tests.sla.simulation.comparing import Difference

_EXPECTED = {attribute: key for key, attribute in ATTRIBUTES.items()}


def as_case(story: Story, difference: "Difference") -> str:
    """Return what can be pasted: files for `cases/calendars` and `cases/policies`, then a case file.

    What is expected is what the model says of the row; names carry the seed.
    """
    named = {name: f"seed-{story.seed}-{name}" for name in (*story.calendars, *story.policies)}
    named["24x7"] = "24x7"
    said = [story.case.calendar, story.case.policy] + [
        move.arguments["name"] for move in story.case.history if "name" in move.arguments
    ]
    files: dict[str, Document] = {}
    for name in dict.fromkeys(said):
        if name in story.calendars:
            document = {**story.calendars[name], "name": named[name], "title": {"zh": name}}
            files[f"cases/calendars/{named[name]}.yaml"] = document
        else:
            document = {**story.policies[name], "name": named[name]}
            files[f"cases/policies/{named[name]}.yaml"] = document
    files[f"cases/seed_{story.seed}.yaml"] = _case(story, difference, named)
    return "\n".join(f"# {path}\n{_yaml(document)}" for path, document in files.items())


def _case(story: Story, difference: "Difference", named: Mapping[str, str]) -> Document:
    clock, cycle, revision = difference.key
    ticket = {
        name: value for name, value in story.case.ticket.items() if value != TICKET_DEFAULTS[name]
    }
    case: Document = {
        "name": "what is said here in a sentence",
        "history": [_move(move, named) for move in story.case.history],
        "expect": {"at": _at(difference.at)},
        "runs": ["engine"],
    }
    if difference.model:
        row = {
            name: difference.model[name] for name in difference.names if name in difference.model
        }
        key = {"clock": clock, "cycle": cycle, "revision": revision}
        case["expect"]["deadlines"] = [{**key, **_expected(difference.model, row)}]
    else:
        case["expect"]["none"] = [clock]
    return {
        "calendar": named[story.case.calendar],
        "policy": named[story.case.policy],
        "rule": "TK-5",
        "see": "deadlines 2",
        **({"ticket": ticket} if ticket else {}),
        "cases": [case],
    }


def _expected(row: Document, differing: Document) -> Document:
    """The verdict and due of the row, and all that the engine says otherwise and a case can tell."""
    told: Document = {"state": row["state"], "due": _at(row["due_at"])}
    for name, value in differing.items():
        if name == "levels":
            told["levels"] = {level: _at(at) for level, at in value.items()}
        elif name in _EXPECTED and value is not None:
            told[_EXPECTED[name]] = _at(value) if isinstance(value, datetime) else value
    return told


def _move(move: Move, named: Mapping[str, str]) -> Document:
    defaults = MOVES[move.do]
    given = {
        name: _at(value) if isinstance(value, datetime) else value
        for name, value in move.arguments.items()
        if defaults[name] != value
    }
    if "name" in given:
        given["name"] = named[given["name"]]
    return {"at": _at(move.at), "do": move.do, **given}


def _at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}Z"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(document: Document) -> str:
    return yaml.dump(
        document,
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=None,
        width=100,
    )
