"""Routes of customers' needs: their analysis, the response plan, who does what by when."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.errors import NotFound
from app.needs import plans, queries, service
from app.needs.schemas import (
    NeedCreate,
    NeedDropped,
    NeedFilter,
    NeedOutcome,
    NeedPage,
    NeedPatch,
    NeedPlanPut,
    NeedRead,
    NeedStatus,
    ResponsibilityCancelled,
    ResponsibilityCreate,
    ResponsibilityDone,
    ResponsibilityStatus,
)
from app.reading import PageRequest, json_response

PREFIX = "/api/v1/needs"
router = APIRouter(prefix=PREFIX, tags=["needs"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("customers:write")]


async def _whole(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    location = f"{PREFIX}/{public_id}" if status == 201 else None
    return await call.answer(tx, queries.ONE, status=status, location=location, public_id=public_id)


@router.get("", operation_id="needs_list", summary="List needs", response_model=NeedPage)
async def list_needs(asked: Annotated[NeedFilter, Query()], call: Reader) -> Response:
    """Newest first unless asked otherwise."""
    values = asked.model_dump(exclude={"sort", "limit", "cursor", "total"})
    filters = {n: str(v) if isinstance(v, UUID) else v for n, v in values.items()}
    page = PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total)
    body = await reading.page(
        call.database, queries.LISTING, page, secret=call.secret, filters=filters
    )
    return json_response(body)


@router.post(
    "",
    operation_id="needs_create",
    summary="Record a need",
    status_code=201,
    response_model=NeedRead,
)
async def create_need(command: NeedCreate, call: Writer) -> Response:
    """Its analysis (SOP CU-5). A complex one is promised a response plan within three working days (SOP CU-6)."""
    async with call.write() as tx:
        row = await service.record_need(tx, call.principal, command)
        return await _whole(call, tx, row["public_id"], 201)


@router.get("/{need_id}", operation_id="needs_read", summary="Read a need", response_model=NeedRead)
async def read_need(need_id: UUID, call: Reader) -> Response:
    """With its response plan, responsibilities and clocks."""
    return await call.read(queries.ONE, public_id=str(need_id))


@router.patch(
    "/{need_id}", operation_id="needs_change", summary="Change a need", response_model=NeedRead
)
async def change_need(need_id: UUID, command: NeedPatch, call: Writer) -> Response:
    """What is absent stays. One that becomes complex is promised a plan. Honours `If-Match`."""
    async with call.write() as tx:
        customer, need = await service.hold(tx, call.principal, str(need_id))
        call.check_version(need)
        await service.patch_need(tx, customer, need, command)
        return await _whole(call, tx, str(need_id))


@router.post(
    "/{need_id}/close",
    operation_id="needs_close",
    summary="Close a need as answered",
    responses={412: {}},
    response_model=NeedRead,
)
async def close_need(need_id: UUID, command: NeedOutcome, call: Writer) -> Response:
    """409 while responsibilities are open. Honours `If-Match`."""
    async with call.write() as tx:
        _, need = await service.hold(tx, call.principal, str(need_id))
        call.check_version(need)
        given = (NeedStatus.ANSWERED, command.outcome)
        await service.end_need(tx, need, *given, event="need.closed")
        return await _whole(call, tx, str(need_id))


@router.post(
    "/{need_id}/drop",
    operation_id="needs_drop",
    summary="Drop a need",
    responses={412: {}},
    response_model=NeedRead,
)
async def drop_need(need_id: UUID, command: NeedDropped, call: Writer) -> Response:
    """409 while responsibilities are open. Honours `If-Match`."""
    async with call.write() as tx:
        _, need = await service.hold(tx, call.principal, str(need_id))
        call.check_version(need)
        given = (NeedStatus.DROPPED, command.reason)
        await service.end_need(tx, need, *given, event="need.dropped")
        return await _whole(call, tx, str(need_id))


@router.put(
    "/{need_id}/plan",
    operation_id="needs_put_plan",
    summary="Write the response plan",
    response_model=NeedRead,
)
async def put_plan(need_id: UUID, command: NeedPlanPut, call: Writer) -> Response:
    """The draft as it stands: the internal meeting, its minutes, the solution (SOP CU-6). Honours `If-Match`."""
    async with call.write() as tx:
        _, need = await service.hold(tx, call.principal, str(need_id))
        call.check_version(need)
        await plans.put_plan(tx, need, command)
        return await _whole(call, tx, str(need_id))


@router.post(
    "/{need_id}/plan/agree",
    operation_id="needs_agree_plan",
    summary="Agree the response plan",
    response_model=NeedRead,
)
async def agree_plan(need_id: UUID, call: Writer) -> Response:
    """Answers the plan's promise (SOP CU-6). 422 while the meeting, the solution or responsibilities are missing."""
    async with call.write() as tx:
        _, need = await service.hold(tx, call.principal, str(need_id))
        await plans.agree_plan(tx, need)
        return await _whole(call, tx, str(need_id))


@router.post(
    "/{need_id}/plan/done",
    operation_id="needs_finish_plan",
    summary="Say that the response plan is carried out",
    response_model=NeedRead,
)
async def finish_plan(need_id: UUID, call: Writer) -> Response:
    """409 while responsibilities are open."""
    async with call.write() as tx:
        _, need = await service.hold(tx, call.principal, str(need_id))
        await plans.finish_plan(tx, need)
        return await _whole(call, tx, str(need_id))


@router.post(
    "/{need_id}/responsibilities",
    operation_id="needs_give_responsibility",
    summary="Give somebody a responsibility",
    status_code=201,
    response_model=NeedRead,
)
async def give_responsibility(
    need_id: UUID, command: ResponsibilityCreate, call: Writer
) -> Response:
    """A promise of its own, due at the end of its day (SOP CU-6)."""
    async with call.write() as tx:
        customer, need = await service.hold(tx, call.principal, str(need_id))
        await plans.give_responsibility(tx, customer, need, command)
        return await _whole(call, tx, str(need_id), 201)


@router.post(
    "/{need_id}/responsibilities/{responsibility_id}/done",
    operation_id="needs_responsibility_done",
    summary="Tell that a responsibility is done",
    response_model=NeedRead,
)
async def responsibility_done(
    need_id: UUID, responsibility_id: UUID, command: ResponsibilityDone, call: Writer
) -> Response:
    """By its owner or whoever may write the file; a vague note is refused (SOP IN-2)."""
    given = (ResponsibilityStatus.DONE, command.note)
    return await _end_responsibility(call, need_id, responsibility_id, given)


@router.post(
    "/{need_id}/responsibilities/{responsibility_id}/cancel",
    operation_id="needs_responsibility_cancel",
    summary="Cancel a responsibility",
    response_model=NeedRead,
)
async def responsibility_cancel(
    need_id: UUID, responsibility_id: UUID, command: ResponsibilityCancelled, call: Writer
) -> Response:
    """Ends it without a verdict; one that is missed stays missed."""
    given = (ResponsibilityStatus.CANCELLED, command.reason)
    return await _end_responsibility(call, need_id, responsibility_id, given)


async def _end_responsibility(
    call: Call, need_id: UUID, responsibility_id: UUID, given: tuple[ResponsibilityStatus, str]
) -> Response:
    async with call.write() as tx:
        found = await tx.one(queries.FOUND, public_id=str(need_id))
        if found is None:
            raise NotFound
        task = await plans.find_responsibility(tx, found["id"], str(responsibility_id))
        _, need = await service.hold(tx, call.principal, str(need_id), also=task["owner_id"])
        task = await plans.find_responsibility(tx, found["id"], str(responsibility_id))
        await plans.end_responsibility(tx, need, task, *given)
        return await _whole(call, tx, str(need_id))
