"""Makes the moves of the demo's tickets through the services, each as the person who made it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.database import Transaction
from app.rehearsal.demo_company import Cast
from app.rehearsal.story import DemoDay, Scene
from app.tickets import (
    agreements,
    assigning,
    editing,
    linking,
    messages,
    opening,
    solving,
    teams,
    waiting,
)
from app.tickets.move_schemas import (
    Agree,
    ApprovePause,
    Assign,
    Close,
    Confirm,
    Merge,
    MessageCreate,
    Plan,
    Reason,
    Reclassify,
    Resolve,
    Split,
    TakeBack,
    TaskForce,
    Wait,
)
from app.tickets.schemas import TicketCreate

_OPENING = ("type", "complexity", "channel", "priority", "tags", "subject", "description")
_SAME_MATTER = "同一故障重复报修"


@dataclass(slots=True)
class Telling:
    """The company, the day, and the tickets opened so far by key: their ids, and whose they are."""

    cast: Cast
    day: DemoDay
    tickets: dict[str, UUID] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)

    def contact(self, key: str, name: str | None) -> UUID | None:
        """Return the id of a contact of a ticket's customer by name."""
        return None if name is None else self.cast.contacts[self.customers[key], name]

    def opened(self, key: str, customer: str, public_id: str) -> None:
        """Note a ticket that has just been opened."""
        self.tickets[key], self.customers[key] = UUID(public_id), customer


async def make(tx: Transaction, telling: Telling, scene: Scene) -> None:
    """Let one scene happen."""
    await _MOVES[scene.do](tx, telling, scene)


async def _open(tx: Transaction, telling: Telling, scene: Scene) -> None:
    entry, cast, day = scene.entry, telling.cast, telling.day
    telling.customers[scene.key] = entry["customer"]
    instants = {
        name: day.instant(entry[name]) for name in ("happened_at", "wished_at") if name in entry
    }
    command = TicketCreate.model_validate(
        {
            **{name: entry[name] for name in _OPENING if name in entry},
            **instants,
            "customer_id": cast.customers[entry["customer"]],
            "contact_id": telling.contact(scene.key, entry.get("contact")),
            "owner_id": cast.user(entry.get("owner")),
            "for_myself": entry.get("owner") == entry["by"],
        }
    )
    row = await opening.open_ticket(tx, cast.callers[entry["by"]], command)
    telling.opened(scene.key, entry["customer"], row["public_id"])


async def _say(tx: Transaction, telling: Telling, scene: Scene) -> None:
    """Post a message; a vague one is recorded here as a deployment would that only counts them (SOP IN-2)."""
    entry = scene.entry
    command = MessageCreate.model_validate(
        {
            "body": entry["body"],
            "author": entry.get("from", "staff"),
            "public": entry.get("public", True),
            "progress": entry.get("progress"),
            "channel": entry.get("channel"),
            "contact_id": telling.contact(scene.key, entry.get("contact")),
        }
    )
    caller = telling.cast.callers[entry["by"]]
    posted = await messages.post(tx, caller, _id(telling, scene), command, refuse_vague=False)
    if posted.opened is not None:
        telling.opened(entry["opens"], telling.customers[scene.key], posted.opened["public_id"])


async def _split(tx: Transaction, telling: Telling, scene: Scene) -> None:
    entry = scene.entry
    command = Split.model_validate(
        {
            **{name: entry[name] for name in _OPENING if name in entry},
            "owner_id": telling.cast.user(entry.get("owner")),
        }
    )
    row = await linking.split(tx, telling.cast.callers[entry["by"]], _id(telling, scene), command)
    telling.opened(entry["into"], telling.customers[scene.key], row["public_id"])


def _id(telling: Telling, scene: Scene) -> str:
    return str(telling.tickets[scene.key])


Move = Callable[[Transaction, Telling, Scene], Awaitable[None]]


def _plain(service: Any, command: Callable[[Telling, Scene], Any] | None = None) -> Move:
    """Return a move that is one call of a service, with a command made of the scene where it takes one."""

    async def move(tx: Transaction, telling: Telling, scene: Scene) -> None:
        given = [] if command is None else [command(telling, scene)]
        await service(tx, telling.cast.callers[scene.entry["by"]], _id(telling, scene), *given)

    return move


def _reason(_: Telling, scene: Scene) -> Reason:
    return Reason(reason=scene.entry["reason"])


def _members(telling: Telling, scene: Scene) -> TaskForce:
    members = [
        {"user_id": telling.cast.users[one["user"]], "duty": one["duty"]}
        for one in scene.entry["members"]
    ]
    return TaskForce.model_validate({"members": members})


def _confirmed(telling: Telling, scene: Scene) -> Confirm:
    fields = ("answer", "channel", "rating", "feedback")
    return Confirm.model_validate(
        {
            **{name: scene.entry[name] for name in fields if name in scene.entry},
            "contact_id": telling.contact(scene.key, scene.entry["contact"]),
        }
    )


def _own(model: Any, *names: str) -> Callable[[Telling, Scene], Any]:
    """Return how a command is made of the entry's fields of the same names."""
    return lambda _, scene: model.model_validate(
        {name: scene.entry[name] for name in names if name in scene.entry}
    )


_MOVES: Mapping[str, Move] = {
    "open": _open,
    "message": _say,
    "split": _split,
    "accept": _plain(assigning.accept),
    "assign": _plain(
        assigning.assign,
        lambda telling, scene: Assign(owner_id=telling.cast.users[scene.entry["owner"]]),
    ),
    "take-back": _plain(assigning.take_back, lambda _, __: TakeBack()),
    "wait": _plain(messages.wait, _own(Wait, "question", "reason")),
    "resume": _plain(messages.resume),
    "approve-pause": _plain(waiting.approve_pause, _own(ApprovePause, "working_minutes", "reason")),
    "no-reply-needed": _plain(messages.need_no_reply, _reason),
    "agree": _plain(
        agreements.agree,
        lambda telling, scene: Agree(
            due_at=telling.day.instant(scene.entry["due_at"]),
            wish_recorded=scene.entry["wish_recorded"],
        ),
    ),
    "approve-agreement": _plain(agreements.approve),
    "task-force": _plain(teams.form_task_force, _members),
    "plan": _plain(teams.state_plan, _own(Plan, "plan")),
    "resolve": _plain(solving.resolve, _own(Resolve, "solution")),
    "confirm": _plain(solving.confirm, _confirmed),
    "reopen": _plain(solving.reopen, _reason),
    "reclassify": _plain(
        editing.reclassify, _own(Reclassify, "type", "complexity", "priority", "tags")
    ),
    "merge": _plain(
        linking.merge,
        lambda telling, scene: Merge(
            into_id=telling.tickets[scene.entry["into"]], reason=_SAME_MATTER
        ),
    ),
    "close": _plain(solving.close, _own(Close, "root_cause", "improvement_suggestion")),
    "cancel": _plain(solving.cancel, _reason),
}
