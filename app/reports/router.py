"""Routes of the scorecard and of the report of pauses: as JSON, as CSV, and the scorecard as a page for managers."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app.auth.principal import Call, permits
from app.dispatch import Route
from app.reading import json_response
from app.reports import pauses, service
from app.reports.page import scorecard_page
from app.reports.pause_schemas import PauseFilter, PausePage, PauseRowFilter, PausesRead
from app.reports.schemas import ScorecardFilter, ScorecardRead, ScorecardScope
from app.reports.spreadsheet import pauses_csv, scorecard_csv

router = APIRouter(prefix="/api/v1/sop", tags=["sop"], route_class=Route)
Reader = Annotated[Call, permits("scorecard:read")]
PRIVATE = {"Cache-Control": "private, no-store"}
# The page runs no script and loads nothing.
PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get(
    "/scorecard",
    operation_id="sop_read_scorecard",
    summary="Read the scorecard",
    response_model=ScorecardRead,
)
async def read_scorecard(asked: Annotated[ScorecardFilter, Query()], call: Reader) -> Response:
    """How often every promise was kept in a period (SOP AN-4), equal to counting the deadlines one by one.

    One's own figures; a manager's department and those below it; everything for analysts and admins. `links` ask
    `GET /deadlines` for exactly the counted rows.
    """
    answer = await service.scorecard_json(call.database, call.principal, asked)
    return json_response(orjson.dumps(answer))


@router.get(
    "/scorecard.csv",
    operation_id="sop_export_scorecard",
    summary="Read the scorecard as CSV",
    response_class=Response,
    responses={
        200: {
            "description": "UTF-8 with a byte order mark, headings in the caller's language",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "条款,承诺,按时率\r\nTK-2,受理,0.95\r\n",
                }
            },
        }
    },
)
async def export_scorecard(asked: Annotated[ScorecardFilter, Query()], call: Reader) -> Response:
    """The same figures as `GET /sop/scorecard` (SOP AN-4), for spreadsheets: no text in it is taken for a formula."""
    scope = await service.resolve_scope(call.database, call.principal, asked)
    card = await service.read_scorecard(call.database, scope, asked.group_by)
    name = f"scorecard_{scope.first}_{scope.last}.csv"
    return _csv(scorecard_csv(card, call.language), name)


def _csv(text: str, name: str) -> Response:
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get(
    "/scorecard/page",
    operation_id="sop_show_scorecard",
    summary="Show the scorecard as a page",
    response_class=Response,
    responses={
        200: {
            "description": "One HTML document, complete in itself",
            "content": {
                "text/html": {
                    "schema": {"type": "string"},
                    "example": "<!doctype html><html>...</html>",
                }
            },
        }
    },
)
async def show_scorecard(asked: Annotated[ScorecardScope, Query()], call: Reader) -> Response:
    """The scorecard (SOP AN-4) for people: shares against the goal, a year's trend, teams, longest delays, what is due next.

    Chinese, or English by `Accept-Language`; no script, nothing loaded from elsewhere; prints.
    """
    scope = await service.resolve_scope(call.database, call.principal, asked)
    html = await scorecard_page(call.database, scope, call.language)
    return Response(html, media_type="text/html; charset=utf-8", headers={**PRIVATE, **PAGE_POLICY})


# --- pauses


@router.get(
    "/pauses",
    operation_id="sop_read_pauses",
    summary="Read the report of pauses",
    response_model=PausesRead,
)
async def read_pauses(asked: Annotated[PauseFilter, Query()], call: Reader) -> Response:
    """Who let tickets wait for the customer, why, how long, and how it ended (SOP TK-5, TK-6), by where each wait began.

    One's own waits; those on tickets of a manager's department and those below it; all for analysts and admins. At
    most 400 days and 20,000 waits.
    """
    return json_response(
        orjson.dumps(await pauses.pauses_json(call.database, call.principal, asked))
    )


@router.get(
    "/pauses.csv",
    operation_id="sop_export_pauses",
    summary="Read the report of pauses as CSV",
    response_class=Response,
    responses={
        200: {
            "description": "UTF-8 with a byte order mark, headings in the caller's language",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "人员,原因,等待次数\r\n李雷,等序列号,3\r\n",
                }
            },
        }
    },
)
async def export_pauses(asked: Annotated[PauseFilter, Query()], call: Reader) -> Response:
    """The same figures as `GET /sop/pauses` (SOP TK-5, TK-6), for spreadsheets: no text in it is taken for a formula."""
    scope = await pauses.resolve_pauses(call.database, call.principal, asked)
    report = await pauses.read_report(call.database, scope, asked.group_by)
    name = f"pauses_{scope.period.first}_{scope.period.last}.csv"
    return _csv(pauses_csv(report, call.language), name)


@router.get(
    "/pauses/rows",
    operation_id="sop_list_pauses",
    summary="List pauses",
    response_model=PausePage,
)
async def list_pauses(asked: Annotated[PauseRowFilter, Query()], call: Reader) -> Response:
    """The waits behind the report, newest first: ticket, who, why, from when to when, how it ended, who approved it."""
    body = await pauses.pause_rows(call.database, call.principal, asked, secret=call.secret)
    return json_response(body)
