"""Routes of the rules with a clock: the register, and what a deployment adds to it."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app.auth.principal import Call, permits
from app.dispatch import Route
from app.reading import json_response
from app.sla import own_rules
from app.sla.policy_views import OWN_RULE, rules
from app.sla.rule_schemas import (
    OwnRuleRead,
    RuleCreate,
    RuleFilter,
    RulePage,
    RulePatch,
)
from app.sla.schemas import Code

PREFIX = "/api/v1/sop/rules"
router = APIRouter(prefix=PREFIX, tags=["sop"], route_class=Route)
Reader = Annotated[Call, permits("sop:read")]
Writer = Annotated[Call, permits("sop:write")]


@router.get(
    "",
    operation_id="sop_rules_list",
    summary="List the rules with a clock",
    response_model=RulePage,
)
async def list_rules(asked: Annotated[RuleFilter, Query()], call: Reader) -> Response:
    """The clock register, whole, then the deployment's own rules that are active; few enough for one page."""
    own = await call.database.all(own_rules.OWN_RULES)
    added = [own_rules.own_row(row) for row in own if row["is_active"]]
    items = rules(added, asked.rule, asked.subject)
    return json_response(orjson.dumps({"items": items, "next_cursor": None, "has_more": False}))


@router.post(
    "",
    operation_id="sop_rules_create",
    summary="Add a rule of your own",
    status_code=201,
    response_model=OwnRuleRead,
)
async def create_rule(command: RuleCreate, call: Writer) -> Response:
    """A promise that the catalogue does not know, with its clock; matters are put on it by `POST /obligations`."""
    async with call.write() as tx:
        row = await own_rules.create_rule(tx, command)
        location = f"{PREFIX}/{row['clock']}"
        return await call.answer(tx, OWN_RULE, status=201, location=location, clock=row["clock"])


@router.get(
    "/{clock}",
    operation_id="sop_rules_read",
    summary="Read a rule of your own",
    response_model=OwnRuleRead,
)
async def read_rule(clock: Code, call: Reader) -> Response:
    """Active or not; what ships with the catalogue stands in the list."""
    return await call.read(OWN_RULE, clock=clock)


@router.patch(
    "/{clock}",
    operation_id="sop_rules_change",
    summary="Change a rule of your own",
    response_model=OwnRuleRead,
)
async def change_rule(clock: Code, command: RulePatch, call: Writer) -> Response:
    """What is absent stays. Matters that have begun keep their target; the words change for all. Honours `If-Match`."""
    async with call.write() as tx:
        row = await own_rules.find_rule(tx, clock)
        call.check_version(row)
        await own_rules.patch_rule(tx, row, command)
        return await call.answer(tx, OWN_RULE, clock=clock)
