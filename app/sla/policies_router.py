"""Routes of policies (draft, preview, publish) and of retargets."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Reader as Asked
from app.database import Transaction
from app.dispatch import Route
from app.documents import YAML, prefers_yaml
from app.errors import NotFound, invalid_field
from app.operations import queries as operation_queries
from app.operations.schemas import OperationRead
from app.reading import (
    PageRequest,
    json_response,
    resource_headers,
    resource_response,
    yaml_response,
)
from app.sla import policies
from app.sla.engine.policy_diff import ABSENT, differences
from app.sla.policy_schemas import (
    DiffFilter,
    MoveFilter,
    MovePage,
    PolicyDiff,
    PolicyDocument,
    PolicyFilter,
    PolicyOrder,
    PolicyPage,
    PolicyPatch,
    PolicyPreview,
    PolicyPublish,
    PolicyPublished,
    PolicyRead,
    PolicyVersionRead,
    RetargetPreview,
    RetargetStart,
)
from app.sla.policy_views import MOVES, POLICIES, POLICY, VERSION

PREFIX = "/api/v1/sla"
router = APIRouter(prefix=PREFIX, tags=["sla"], route_class=Route)
Reader = Annotated[Call, permits("sla:read")]
VersionNumber = Annotated[str, Path(pattern=r"^[1-9][0-9]{0,8}$")]
Writer = Annotated[Call, permits("sla:write")]
_YAML = {YAML: {"schema": {"$ref": "#/components/schemas/PolicyDocument"}}}
_TAKES_YAML: dict[str, Any] = {"requestBody": {"content": _YAML}}
_GIVES_YAML: dict[int | str, dict[str, Any]] = {200: {"content": _YAML}}
OperationReader = Annotated[Call, permits("operations:read")]


def _known(name: str) -> str:
    if "\x00" in name:
        raise NotFound
    return name


@router.get(
    "/policies", operation_id="policies_list", summary="List policies", response_model=PolicyPage
)
async def list_policies(asked: Annotated[PolicyFilter, Query()], call: Reader) -> Response:
    """Policies in the order in which they are asked: the first active one whose conditions match applies."""
    page = PageRequest(sort="position", limit=asked.limit, cursor=asked.cursor, total=asked.total)
    return json_response(await reading.page(call.database, POLICIES, page, secret=call.secret))


@router.post(
    "/policies",
    operation_id="policies_create",
    summary="Create a policy",
    status_code=201,
    openapi_extra=_TAKES_YAML,
    response_model=PolicyRead,
)
async def create_policy(document: PolicyDocument, call: Writer) -> Response:
    """As a draft, asked last and not active yet. The document may be YAML."""
    async with call.write() as tx:
        known = await policies.lock_policies(tx)
        row = await policies.create_policy(tx, known, document.root)
        location = f"{PREFIX}/policies/{row['name']}"
        return await call.answer(tx, POLICY, status=201, location=location, name=row["name"])


@router.post(
    "/policies/order",
    operation_id="policies_order",
    summary="Put the policies in order",
    response_model=PolicyPage,
)
async def order_policies(command: PolicyOrder, call: Writer) -> Response:
    """Holds for new matters at once; open ones follow by a retarget. 409 where a policy would never apply."""
    async with call.write() as tx:
        await policies.put_order(tx, await policies.lock_policies(tx), command.names)
        page = PageRequest(sort="position", limit=reading.PAGE_LIMIT_MAX)
        body = await reading.page(tx, POLICIES, page, secret=call.secret)
        return await call.answer_json(tx, body)


@router.get(
    "/policies/{name}",
    operation_id="policies_read",
    summary="Read a policy",
    responses=_GIVES_YAML,
    response_model=PolicyRead,
)
async def read_policy(name: str, call: Reader) -> Response:
    """A policy by its name, with its draft and every version's document, newest first.

    As YAML (`Accept: application/yaml`) its document in force alone, the draft of one that was never published.
    """
    row = await reading.one(call.database, POLICY, name=_known(name))
    if prefers_yaml(call.request.headers.get("accept")):
        policy = orjson.loads(row["body"])
        document = policy["draft"] if policy["document"] is None else policy["document"]
        return yaml_response(document, headers=resource_headers(row))
    return resource_response(row)


@router.patch(
    "/policies/{name}",
    operation_id="policies_patch",
    summary="Activate or deactivate a policy",
    response_model=PolicyRead,
)
async def patch_policy(name: str, command: PolicyPatch, call: Writer) -> Response:
    """Holds for new matters at once; open ones follow by a retarget. 409 where a policy would never apply."""
    async with call.write() as tx:
        known = await policies.lock_policies(tx)
        row = known.named(name)
        call.check_version(row)
        await policies.set_active(tx, known, row, is_active=command.is_active)
        return await call.answer(tx, POLICY, name=name)


@router.put(
    "/policies/{name}/draft",
    operation_id="policies_put_draft",
    summary="Write a policy's draft",
    openapi_extra=_TAKES_YAML,
    response_model=PolicyRead,
)
async def put_draft(name: str, document: PolicyDocument, call: Writer) -> Response:
    """There is one draft; it changes nothing until it is published. The document may be YAML."""
    async with call.write() as tx:
        known = await policies.lock_policies(tx)
        row = known.named(name)
        call.check_version(row)
        await policies.put_draft(tx, known, row, document.root)
        return await call.answer(tx, POLICY, name=name)


@router.delete(
    "/policies/{name}/draft",
    operation_id="policies_discard_draft",
    summary="Discard a policy's draft",
    status_code=204,
)
async def discard_draft(name: str, call: Writer) -> Response:
    """And with it a policy that was never published."""
    async with call.write() as tx:
        row = (await policies.lock_policies(tx)).named(name)
        call.check_version(row)
        await policies.discard_draft(tx, row)
    return Response(status_code=204, headers={"Cache-Control": "private, no-store"})


@router.get(
    "/policies/{name}/versions/{number}",
    operation_id="policies_read_version",
    summary="Read a version of a policy",
    responses=_GIVES_YAML,
    response_model=PolicyVersionRead,
)
async def read_version(name: str, number: VersionNumber, call: Reader) -> Response:
    """Versions never change. As YAML (`Accept: application/yaml`) the document alone."""
    row = await reading.one(call.database, VERSION, name=_known(name), number=int(number))
    if prefers_yaml(call.request.headers.get("accept")):
        return yaml_response(orjson.loads(row["body"])["document"])
    return resource_response(row)


@router.get(
    "/policies/{name}/diff",
    operation_id="policies_diff",
    summary="Compare two versions of a policy",
    response_model=PolicyDiff,
)
async def diff_policy(name: str, asked: Annotated[DiffFilter, Query()], call: Reader) -> Response:
    """Place by place, targets, lists and levels as a whole; by default the draft against the current version."""
    row = await reading.one(call.database, POLICY, name=_known(name))
    policy = orjson.loads(row["body"])
    before, after = _document(policy, asked.before, "from"), _document(policy, asked.after, "to")
    found = [
        {
            "pointer": one.pointer,
            **({} if one.before is ABSENT else {"before": one.before}),
            **({} if one.after is ABSENT else {"after": one.after}),
            "text": str(one),
        }
        for one in differences(before, after)
    ]
    told = {"before": asked.before, "after": asked.after, "differences": found}
    return json_response(orjson.dumps(told))


def _document(policy: dict[str, Any], version: str, parameter: str) -> dict[str, Any]:
    if version in ("draft", "current"):
        found = policy["draft" if version == "draft" else "document"]
    else:
        numbers = {str(one["number"]): one["document"] for one in policy["versions"]}
        found = numbers.get(version)
    if found is None:
        raise invalid_field(f"/query/{parameter}", "policy_version_unknown")
    return found  # type: ignore[no-any-return]


@router.post(
    "/policies/{name}/preview",
    operation_id="policies_preview",
    summary="Preview the publication of a draft",
    status_code=202,
    response_model=OperationRead,
)
async def preview_policy(name: str, command: PolicyPreview, call: Writer) -> Response:
    """An operation that writes no deadline: its result counts what would move, `/sla/retargets/{id}/moves` lists it."""
    async with call.write() as tx:
        known = await policies.lock_policies(tx)
        operation = await policies.preview(tx, known, known.named(name), command.mode)
        return await _accepted(tx, call, operation)


@router.post(
    "/policies/{name}/publish",
    operation_id="policies_publish",
    summary="Publish a draft",
    status_code=202,
    responses={412: {}},
    response_model=PolicyPublished,
)
async def publish_policy(name: str, command: PolicyPublish, call: Writer) -> Response:
    """The version of new matters from now on. An operation takes open ones over too, as it was previewed first."""
    async with call.write() as tx:
        known = await policies.lock_policies(tx)
        row = known.named(name)
        call.check_version(row)
        operation = await policies.publish(tx, known, row, command.mode, command.preview_id)
        policy = await reading.one(tx, POLICY, name=name)
        headers, told = resource_headers(policy), b"null"
        if operation is not None:
            headers |= {"Location": f"/api/v1/operations/{operation['public_id']}"}
            told = await _operation(tx, call, operation)
        body = b'{"policy":%b,"operation":%b}' % (policy["body"].encode(), told)
        return await call.answer_json(tx, body, status=202, headers=headers)


# --- retargets


@router.post(
    "/retargets/preview",
    operation_id="retargets_preview",
    summary="Preview a retarget",
    status_code=202,
    response_model=OperationRead,
)
async def preview_retarget(command: RetargetPreview, call: Writer) -> Response:
    """What would move if open matters went over to the policies, or the calendar, that are in force; writes no deadline."""
    async with call.write() as tx:
        operation = await policies.preview_retarget(
            tx, command.mode, command.policy, command.calendar
        )
        return await _accepted(tx, call, operation)


@router.post(
    "/retargets",
    operation_id="retargets_start",
    summary="Take open matters over",
    status_code=202,
    response_model=OperationRead,
)
async def start_retarget(command: RetargetStart, call: Writer) -> Response:
    """Open matters go over to the policies, or the calendar, that are in force. Never due before; what is late is told once."""
    async with call.write() as tx:
        operation = await policies.start_retarget(
            tx, command.mode, command.policy, command.calendar, command.preview_id
        )
        return await _accepted(tx, call, operation)


@router.get(
    "/retargets/{operation_id}/moves",
    operation_id="retargets_moves",
    summary="List what a retarget moves",
    response_model=MovePage,
)
async def list_moves(
    operation_id: UUID, asked: Annotated[MoveFilter, Query()], call: OperationReader
) -> Response:
    """Of a preview: what would move. Of a retarget: what moved, what began, what was withdrawn."""
    visible = {
        "public_id": str(operation_id),
        **operation_queries.visible_to(call.principal),
    }
    await reading.one(call.database, operation_queries.OPERATION, **visible)
    late = {"late": True if asked.late else None, "in_time": True if asked.late is False else None}
    body = await reading.page(
        call.database,
        MOVES,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"change": asked.change, "clock": asked.clock, **late},
        values={"operation_id": str(operation_id)},
    )
    return json_response(body)


async def _operation(reader: Asked, call: Call, operation: dict[str, Any]) -> bytes:
    visible = {
        "public_id": operation["public_id"],
        **operation_queries.visible_to(call.principal),
    }
    row = await reading.one(reader, operation_queries.OPERATION, **visible)
    return str(row["body"]).encode()


async def _accepted(tx: Transaction, call: Call, operation: dict[str, Any]) -> Response:
    headers = {"Location": f"/api/v1/operations/{operation['public_id']}"}
    body = await _operation(tx, call, operation)
    return await call.answer_json(tx, body, status=202, headers=headers)
