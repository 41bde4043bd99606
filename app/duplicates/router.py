"""Routes of likely duplicates, the scan that finds them, merges and their undoing."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.duplicates import merging, queries, service, undoing
from app.duplicates.schemas import (
    DismissGiven,
    MergeCreate,
    MergeFilter,
    MergePage,
    MergeRead,
    ReviewFilter,
    ReviewPage,
    ReviewRead,
    ReviewState,
    UndoGiven,
)
from app.operations import queries as operation_queries
from app.operations.schemas import OperationRead
from app.reading import PageRequest, json_response

PREFIX = "/api/v1"
router = APIRouter(prefix=PREFIX, tags=["duplicates"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Merger = Annotated[Call, permits("customers:merge")]


async def _merge(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    location = f"{PREFIX}/merges/{public_id}" if status == 201 else None
    return await call.answer(
        tx, queries.MERGE, status=status, location=location, public_id=public_id
    )


@router.get(
    "/duplicates",
    operation_id="duplicates_list",
    summary="List likely duplicates",
    response_model=ReviewPage,
)
async def list_reviews(asked: Annotated[ReviewFilter, Query()], call: Reader) -> Response:
    """Pairs that the scan found, likeliest first; an open pair of which one was merged elsewhere is not shown."""
    standing = True if asked.state is ReviewState.OPEN else None
    body = await reading.page(
        call.database,
        queries.REVIEWS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"state": asked.state, "standing": standing},
    )
    return json_response(body)


@router.post(
    "/duplicates/scan",
    operation_id="duplicates_scan",
    summary="Look through the whole base for duplicates",
    status_code=202,
    response_model=OperationRead,
)
async def scan(call: Merger) -> Response:
    """By the rule that refuses a likely duplicate at registration. Pairs that were decided stay decided."""
    async with call.write() as tx:
        operation = await service.start_scan(tx)
        visible = {
            "public_id": operation["public_id"],
            **operation_queries.visible_to(call.principal),
        }
        row = await reading.one(tx, operation_queries.OPERATION, **visible)
        headers = {"Location": f"/api/v1/operations/{operation['public_id']}"}
        return await call.answer_json(tx, row["body"].encode(), status=202, headers=headers)


@router.get(
    "/duplicates/{review_id}",
    operation_id="duplicates_read",
    summary="Read a pair of likely duplicates",
    response_model=ReviewRead,
)
async def read_review(review_id: UUID, call: Reader) -> Response:
    """With the reasons of the matching rule, strongest first."""
    return await call.read(queries.REVIEW, public_id=str(review_id))


@router.post(
    "/duplicates/{review_id}/dismiss",
    operation_id="duplicates_dismiss",
    summary="Say that two customers are two",
    responses={412: {}},
    response_model=ReviewRead,
)
async def dismiss(review_id: UUID, command: DismissGiven, call: Merger) -> Response:
    """No later scan brings the pair up again."""
    async with call.write() as tx:
        review = await service.lock_review(tx, str(review_id))
        call.check_version(review)
        await service.dismiss(tx, call.principal, review, command.note)
        return await call.answer(tx, queries.REVIEW, public_id=str(review_id))


@router.get("/merges", operation_id="merges_list", summary="List merges", response_model=MergePage)
async def list_merges(asked: Annotated[MergeFilter, Query()], call: Reader) -> Response:
    """Newest first, undone ones among them."""
    customer = None if asked.customer_id is None else str(asked.customer_id)
    body = await reading.page(
        call.database,
        queries.MERGES,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"customer_id": customer},
    )
    return json_response(body)


@router.post(
    "/merges",
    operation_id="merges_create",
    summary="Merge a customer into another",
    status_code=201,
    response_model=MergeRead,
)
async def merge(command: MergeCreate, call: Merger) -> Response:
    """Everything of the loser's names the winner afterwards; the loser's id and number lead to the winner.

    His tickets keep their clocks, his own promises are withdrawn. Reads of the old id answer the winner's file and say
    so in `Content-Location`; changes of it are refused with `customer_merged`.
    """
    async with call.write() as tx:
        row = await merging.merge(tx, call.principal, command)
        return await _merge(call, tx, row["public_id"], 201)


@router.get(
    "/merges/{merge_id}",
    operation_id="merges_read",
    summary="Read a merge",
    response_model=MergeRead,
)
async def read_merge(merge_id: UUID, call: Reader) -> Response:
    """Who was merged into whom, why, and how many rows moved."""
    return await call.read(queries.MERGE, public_id=str(merge_id))


@router.post(
    "/merges/{merge_id}/undo",
    operation_id="merges_undo",
    summary="Undo a merge",
    responses={412: {}},
    response_model=MergeRead,
)
async def undo(merge_id: UUID, command: UndoGiven, call: Merger) -> Response:
    """Every value that the merge changed is as before; refused with the places where one was changed since.

    What came after the merge stays with the winner.
    """
    async with call.write() as tx:
        row = await undoing.lock_merge(tx, str(merge_id))
        call.check_version(row)
        await undoing.undo(tx, call.principal, row, command.reason)
        return await _merge(call, tx, row["public_id"])
