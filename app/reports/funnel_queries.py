"""What is asked for the funnel: steps into stages with what followed, and how long stages were stayed in."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, null, or_, select, tuple_
from sqlalchemy.types import BigInteger, Boolean

from app.auth.models import User
from app.customers.models import CustomerStageChange
from app.reports.funnel_schemas import FunnelGroupBy
from app.statements import Statement, any_of

_step = CustomerStageChange.__table__.c
_next = CustomerStageChange.__table__.alias("next_step").c
_GROUPS: dict[FunnelGroupBy | None, ColumnElement[Any]] = {
    None: null().cast(BigInteger),
    FunnelGroupBy.OWNER: _step.owner_id,
    FunnelGroupBy.DEPARTMENT: _step.department_id,
}
_begins, _ends = (bindparam(name, type_=_step.changed_at.type) for name in ("begins_at", "ends_at"))
_ASKED = and_(
    _step.changed_at >= _begins,
    _step.changed_at < _ends,
    or_(bindparam("every_owner", type_=Boolean()), _step.owner_id == bindparam("owner_key")),
    or_(bindparam("every_department", type_=Boolean()), any_of(_step.department_id, "departments")),
)
_FOLLOWING = (
    select(_next.to_stage)
    .where(
        _next.customer_id == _step.customer_id,
        tuple_(_next.changed_at, _next.id) > tuple_(_step.changed_at, _step.id),
    )
    .order_by(_next.changed_at, _next.id)
    .limit(1)
    .correlate(CustomerStageChange.__table__)
    .scalar_subquery()
)


def _entries(group: ColumnElement[Any]) -> Statement:
    steps = select(
        group.label("group_key"), _step.to_stage.label("stage"), _FOLLOWING.label("following")
    ).where(_ASKED)
    each = steps.subquery("entry")
    keys = (each.c.group_key, each.c.stage, each.c.following)
    return Statement(select(*keys, func.count().label("count")).group_by(*keys))


def _stays(group: ColumnElement[Any]) -> Statement:
    """A percentile is the least stay whose rank reaches it, on both engines."""
    alike: dict[str, Any] = {"partition_by": [group, _step.from_stage]}
    ranked = (
        select(
            group.label("group_key"),
            _step.from_stage.label("stage"),
            _step.stayed_seconds,
            func.row_number().over(**alike, order_by=_step.stayed_seconds).label("place"),
            func.count().over(**alike).label("count"),
        )
        .where(_ASKED, _step.stayed_seconds.is_not(None))
        .subquery("stay")
    )
    stay = ranked.c

    def percentile(percent: int) -> ColumnElement[int]:
        reached = stay.place * 100 >= stay.count * percent
        return func.min(case((reached, stay.stayed_seconds)))

    keys = (stay.group_key, stay.stage)
    return Statement(
        select(
            *keys,
            func.count().label("count"),
            percentile(50).label("median_seconds"),
            percentile(90).label("p90_seconds"),
        ).group_by(*keys)
    )


ENTRIES = {name: _entries(group) for name, group in _GROUPS.items()}
STAYS = {name: _stays(group) for name, group in _GROUPS.items()}
USERS = Statement(select(User.id, User.public_id, User.name).where(any_of(User.id, "keys")))
