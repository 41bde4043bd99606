"""Routes of one's own inbox."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.notifications import queries, service
from app.notifications.schemas import (
    NotificationFilter,
    NotificationPage,
    NotificationRead,
    ReadAll,
    ReadCount,
    UnreadCount,
)
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"], route_class=Route)
Reader = Annotated[Call, permits("notifications:read")]


@router.get(
    "",
    operation_id="notifications_list",
    summary="List one's own notifications",
    response_model=NotificationPage,
)
async def list_notifications(
    asked: Annotated[NotificationFilter, Query()], call: Reader
) -> Response:
    """Newest first. What quiet hours hold back is not there yet."""
    body = await reading.page(
        call.database,
        queries.INBOX,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={
            "unread": asked.unread or None,
            "read": True if asked.unread is False else None,
            "kind": asked.kind,
        },
        values=_values(call),
    )
    return json_response(body)


@router.get(
    "/unread-count",
    operation_id="notifications_count_unread",
    summary="Count one's unread notifications",
    response_model=UnreadCount,
)
async def count_unread(call: Reader) -> Response:
    """For the badge beside the bell."""
    count = await call.database.value(queries.UNREAD_COUNT, user_key=call.principal.user_id)
    return json_response(orjson.dumps({"unread_count": count}))


@router.post(
    "/read-all",
    operation_id="notifications_read_all",
    summary="Mark notifications as read up to a point",
    response_model=ReadCount,
)
async def read_all(call: Reader, command: ReadAll | None = None) -> Response:
    """Give the point up to which the inbox was seen, so that what came since stays unread."""
    async with call.write() as tx:
        asked = command or ReadAll()
        count = await service.read_up_to(tx, call.principal, asked)
        return await call.answer_json(tx, orjson.dumps({"read_count": count}))


@router.get(
    "/{notification_id}",
    operation_id="notifications_read",
    summary="Read one notification",
    response_model=NotificationRead,
)
async def read_notification(notification_id: UUID, call: Reader) -> Response:
    """Reading it here does not mark it as read."""
    return await call.read(queries.ONE, public_id=str(notification_id), **_values(call))


@router.post(
    "/{notification_id}/read",
    operation_id="notifications_mark_read",
    summary="Mark a notification as read",
    response_model=NotificationRead,
)
async def mark_read(notification_id: UUID, call: Reader) -> Response:
    """A second time changes nothing: the first instant stays."""
    async with call.write() as tx:
        await service.mark_read(tx, call.principal, str(notification_id))
        return await call.answer(tx, queries.ONE, public_id=str(notification_id), **_values(call))


def _values(call: Call) -> dict[str, Any]:
    return {"user_key": call.principal.user_id, "english": call.language == "en"}
