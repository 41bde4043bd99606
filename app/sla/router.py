"""Routes of the heart: deadlines and escalations. Policies and rules have routers of their own."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.reading import PageRequest, json_response
from app.sla import corrections
from app.sla.escalation_views import ESCALATION, ESCALATIONS
from app.sla.explaining import explain_deadline
from app.sla.explanation_schemas import ExplainFilter, ExplanationRead
from app.sla.schemas import (
    DeadlineCorrect,
    DeadlineFilter,
    DeadlinePage,
    DeadlineRead,
    EscalationFilter,
    EscalationPage,
    EscalationProof,
)
from app.sla.views import CHARGES, DEADLINE, DEADLINES, charge_filters, state_filters

router = APIRouter(prefix="/api/v1", route_class=Route)
DeadlineReader = Annotated[Call, permits("deadlines:read")]
Corrector = Annotated[Call, permits("deadlines:correct")]
EscalationReader = Annotated[Call, permits("escalations:read")]


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


# --- deadlines


@router.get(
    "/deadlines",
    operation_id="deadlines_list",
    summary="List deadlines",
    tags=["deadlines"],
    response_model=DeadlinePage,
)
async def list_deadlines(
    asked: Annotated[DeadlineFilter, Query()], call: DeadlineReader
) -> Response:
    """Every promise with its state at this moment, soonest due first; several `state` are alternatives."""
    filters: dict[str, Any] = {
        **state_filters(asked.state),
        "rule": asked.rule,
        "clock": asked.clock,
        "owner_id": _text(asked.owner_id),
        "department_id": _text(asked.department_id),
        "customer_id": _text(asked.customer_id),
        "subject_type": asked.subject_type,
        "subject_id": _text(asked.subject_id),
        "due_from": asked.due_from,
        "due_before": asked.due_before,
        "policy": asked.policy,
        "charged_within_id": _text(asked.charged_within_id),
        **charge_filters(asked.model_dump(include=set(CHARGES))),
    }
    page = PageRequest(
        sort=asked.sort.value, limit=asked.limit, cursor=asked.cursor, total=asked.total
    )
    return json_response(
        await reading.page(call.database, DEADLINES, page, secret=call.secret, filters=filters)
    )


@router.get(
    "/deadlines/{deadline_id}",
    operation_id="deadlines_read",
    summary="Read a deadline",
    tags=["deadlines"],
    response_model=DeadlineRead,
)
async def read_deadline(deadline_id: UUID, call: DeadlineReader) -> Response:
    """One promise with its state at this moment and its levels; the ETag counts the facts of its subject."""
    return await call.read(DEADLINE, public_id=str(deadline_id))


@router.get(
    "/deadlines/{deadline_id}/explain",
    operation_id="deadlines_explain",
    summary="Explain a deadline",
    tags=["deadlines"],
    response_model=ExplanationRead,
)
async def explain(
    deadline_id: UUID, asked: Annotated[ExplainFilter, Query()], call: DeadlineReader
) -> Response:
    """Why it is due when it is, evaluated from the facts known at `at` (now, when absent); first data, then words."""
    answer = await explain_deadline(call.database, str(deadline_id), asked.at, call.language)
    return json_response(answer)


@router.post(
    "/deadlines/{deadline_id}/correct",
    operation_id="deadlines_correct",
    summary="Correct a missed or late deadline",
    tags=["deadlines"],
    responses={412: {}},
    response_model=DeadlineRead,
)
async def correct(deadline_id: UUID, command: DeadlineCorrect, call: Corrector) -> Response:
    """A supervisor states, with a reason, when the promise was really kept; both verdicts stay visible.

    Not for the deadline's own owner; 409 where no miss stands. Honours `If-Match`.
    """
    public_id = str(deadline_id)
    async with call.write() as tx:
        subject = await corrections.lock_subject(tx, public_id)
        call.check_version({"version": subject.row["sequence"]})
        await corrections.correct_deadline(tx, call.principal, subject, public_id, command)
        return await call.answer(tx, DEADLINE, public_id=public_id)


# --- escalations


@router.get(
    "/escalations",
    operation_id="escalations_list",
    summary="List escalations",
    tags=["escalations"],
    response_model=EscalationPage,
)
async def list_escalations(
    asked: Annotated[EscalationFilter, Query()], call: EscalationReader
) -> Response:
    """Levels that fired, newest first; `told_to=me` asks for what the caller was told."""
    mine = asked.told_to == "me"
    filters: dict[str, Any] = {
        "deadline_id": _text(asked.deadline_id),
        "level": asked.level,
        "rule": asked.rule,
        "subject_type": asked.subject_type,
        "subject_id": _text(asked.subject_id),
        "told_to": call.principal.user_id if mine else None,
        "told_to_id": call.principal.public_id if mine else None,
        "detected_from": asked.detected_from,
        "detected_before": asked.detected_before,
    }
    page = PageRequest(
        sort=asked.sort.value, limit=asked.limit, cursor=asked.cursor, total=asked.total
    )
    return json_response(
        await reading.page(call.database, ESCALATIONS, page, secret=call.secret, filters=filters)
    )


@router.get(
    "/escalations/{escalation_id}",
    operation_id="escalations_read",
    summary="Prove an escalation",
    tags=["escalations"],
    response_model=EscalationProof,
)
async def read_escalation(escalation_id: UUID, call: EscalationReader) -> Response:
    """Due, planned, detected, told to whom and why, by which channel, delivered when."""
    return await call.read(ESCALATION, public_id=str(escalation_id))
