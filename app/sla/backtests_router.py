"""The route of backtests; how far one is and what it found is read as its operation."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.operations import queries as operation_queries
from app.operations.schemas import OperationRead
from app.sla import backtests
from app.sla.backtest_schemas import BacktestStart
from app.sla.book import read_current_book

router = APIRouter(prefix="/api/v1/sla/backtests", tags=["sla"], route_class=Route)
Tester = Annotated[Call, permits("sla:backtest")]


@router.post(
    "",
    operation_id="backtests_start",
    summary="Backtest a policy or a calendar",
    status_code=202,
    response_model=OperationRead,
)
async def start_backtest(command: BacktestStart, call: Tester) -> Response:
    """How closed matters of a period would have ended under other rules, from their start; changes no matter.

    The operation's result tells before and after, whole and by rule, team, tier and month of opening (the working
    calendar's zone): kept, late, missed, kept share, margins in working time (negative: late), and `most_changed`, the
    matters with the most changed verdicts, then with the most changed margin. What people did stays as it was.
    A manager's is about the matters of his department and those below it.
    """
    async with call.write() as tx:
        book = await read_current_book(tx)
        operation = await backtests.start(tx, call.principal, book, command)
        visible = {
            "public_id": operation["public_id"],
            **operation_queries.visible_to(call.principal),
        }
        row = await reading.one(tx, operation_queries.OPERATION, **visible)
        headers = {"Location": f"/api/v1/operations/{operation['public_id']}"}
        return await call.answer_json(tx, row["body"].encode(), status=202, headers=headers)
