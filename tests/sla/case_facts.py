"""A case's moves as the facts of its ticket, as the services would append them.

Here lives only the mirror of the moves (deadlines 1.1 and 3): which facts a move leaves, in which
order. Not here: the form of a case (`case_files`), and what the facts mean for a clock (the engine).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from app.interactions.vagueness import judge
from app.sla.engine.facts import Fact, FactKind
from app.tickets.courtesy import is_courtesy
from tests.sla.case_files import Case, Move
from tests.sla.case_form import DEFAULT_TEXTS

REOPENING_DAYS = timedelta(minutes=10_080)
ROUND_THE_CLOCK = ["24x7", 1]

_Facts = list[tuple[FactKind, dict[str, Any]]]

# Moves that are one fact with the move's own arguments as its data.
_PLAIN: Mapping[str, FactKind] = {
    "accept": FactKind.ACCEPTED,
    "no-reply-needed": FactKind.NO_REPLY_NEEDED,
    "agree": FactKind.AGREED,
    "approve-agreement": FactKind.AGREEMENT_APPROVED,
    "task-force": FactKind.TASK_FORCE_FORMED,
    "plan": FactKind.PLAN_STATED,
    "resume": FactKind.RESUMED,
    "resolve": FactKind.RESOLVED,
    "reopen": FactKind.REOPENED,
    "tier": FactKind.TIER_CHANGED,
    "cancel": FactKind.CANCELLED,
    "close": FactKind.CLOSED,
    "correct": FactKind.CORRECTED,
    "reclassify": FactKind.RECLASSIFIED,
}


def facts_of(case: Case) -> list[Fact]:
    """The facts that the case's history leaves, sequences from 1, recorded when they happened."""
    facts: list[Fact] = []
    closed_at: datetime | None = None
    for move in case.history:
        for kind, data in _facts_of_move(case, move, closed_at):
            facts.append(Fact(len(facts) + 1, kind, move.at, data, move.at))
            if kind is FactKind.CLOSED:
                closed_at = move.at
            elif kind is FactKind.REOPENED:
                closed_at = None
    return facts


def _facts_of_move(case: Case, move: Move, closed_at: datetime | None) -> _Facts:
    if move.do in _PLAIN:
        return [(_PLAIN[move.do], dict(move.arguments))]
    if move.do == "open":
        return [(FactKind.OPENED, _opening(case, move))]
    if move.do == "message":
        return _message(move, closed_at)
    return _COMPOSED[move.do](move.arguments)


def _opening(case: Case, move: Move) -> dict[str, Any]:
    by_himself = move.arguments.get("owner") == "self"
    return {
        "inputs": {**case.ticket, "owner": "opener" if by_himself else "member"},
        "policy": [case.policy, 1],
        "calendars": _calendars(case.calendar),
        "accepted": by_himself,
    }


def _calendars(working: str) -> dict[str, Any]:
    return {"working": [working, 1], "24x7": ROUND_THE_CLOCK}


def _message(move: Move, closed_at: datetime | None) -> _Facts:
    """The message, and the reopening that a word within 7 days after closing is.

    Later it would open another ticket; what a courtesy or staff write to a closed one stays a message.
    """
    given = move.arguments
    by = given["by"]
    text = given.get("text", DEFAULT_TEXTS[by])
    courtesy = by == "customer" and given.get("courtesy", is_courtesy(text))
    said = {
        "by": by,
        "public": given["public"],
        "automatic": given["automatic"],
        "vague": by == "staff" and given.get("vague", judge(text).vague),
        "courtesy": courtesy,
        "question": False,
    }
    message: _Facts = [(FactKind.MESSAGE, said)]
    if closed_at is None or by == "staff" or courtesy:
        return message
    if move.at - closed_at > REOPENING_DAYS:
        return []
    return [*message, (FactKind.REOPENED, {"reason": "customer message"})]


def _wait(given: Mapping[str, Any]) -> _Facts:
    question = {
        "by": "staff",
        "public": True,
        "automatic": False,
        "vague": False,
        "courtesy": False,
        "question": True,
    }
    return [(FactKind.MESSAGE, question), (FactKind.WAITING, {"reason": given["reason"]})]


def _confirm(given: Mapping[str, Any]) -> _Facts:
    confirmed: _Facts = [(FactKind.CONFIRMED, {"answer": given["answer"]})]
    if given["answer"] == "partly":
        return [*confirmed, (FactKind.REOPENED, {"reason": "partly solved"})]
    if given["answer"] == "none":
        return [*confirmed, (FactKind.CLOSED, {"reason": "no confirmation"})]
    return confirmed


def _assign(given: Mapping[str, Any]) -> _Facts:
    return [(FactKind.ASSIGNED, {"owner": given["owner"], "department": given.get("department")})]


def _policy(given: Mapping[str, Any]) -> _Facts:
    return [(FactKind.POLICY_ASSIGNED, {"policy": [given["name"], 1], **_counted(given)})]


def _calendar(given: Mapping[str, Any]) -> _Facts:
    data = {"calendars": _calendars(given["name"]), **_counted(given)}
    return [(FactKind.CALENDAR_ASSIGNED, data)]


def _counted(given: Mapping[str, Any]) -> dict[str, bool]:
    return {"from_start": True} if given["from_start"] else {}


def _merge(given: Mapping[str, Any]) -> _Facts:
    return [(FactKind.MERGED, {"into": "survivor", "reason": given["reason"]})]


_COMPOSED: Mapping[str, Callable[[Mapping[str, Any]], _Facts]] = {
    "wait": _wait,
    "confirm": _confirm,
    "assign": _assign,
    "policy": _policy,
    "calendar": _calendar,
    "merge": _merge,
}
