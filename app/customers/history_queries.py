"""What is asked of a customer's stages and tiers: their histories, and the figures that a tier is computed of."""

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, update

from app.auth.models import Department, User
from app.customers.models import (
    Contact,
    Customer,
    CustomerStageChange,
    CustomerTier,
    CustomerTierChange,
)
from app.reading import Listing
from app.statements import DomainNow, Statement, any_of
from app.time import FAR_END

_CUSTOMERS, _CONTACTS = Customer.__table__, Contact.__table__
_STEPS, _TIERS = CustomerStageChange.__table__, CustomerTier.__table__
_TIER_CHANGES = CustomerTierChange.__table__
_BY, _OWNERS = User.__table__.alias("changed_by_user"), User.__table__.alias("owner_then")
_DEPARTMENTS = Department.__table__
_customer, _contact, _step = _CUSTOMERS.c, _CONTACTS.c, _STEPS.c
_tier, _change = _TIERS.c, _TIER_CHANGES.c

# --- stages

_contacts_of = (
    select(func.count())
    .select_from(_CONTACTS)
    .where(_contact.customer_id == bindparam("customer_key"))
)
CONTACTS_KNOWN = Statement(
    select(
        _contacts_of.scalar_subquery().label("contacts"),
        _contacts_of.where(_contact.is_decision_maker).scalar_subquery().label("deciders"),
    )
)
LAST_STEP = Statement(
    select(_step.changed_at, _step.reason_code, _step.reason)
    .where(_step.customer_id == bindparam("customer_key"))
    .order_by(_step.changed_at.desc(), _step.id.desc())
    .limit(1)
)
STEPS = Listing(
    name="customer_stage_changes",
    source=_STEPS.join(_CUSTOMERS, _customer.id == _step.customer_id)
    .outerjoin(_BY, _BY.c.id == _step.changed_by)
    .outerjoin(_OWNERS, _OWNERS.c.id == _step.owner_id)
    .outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _step.department_id),
    fields=(
        ("from_stage", _step.from_stage),
        ("to_stage", _step.to_stage),
        ("changed_at", _step.changed_at),
        ("changed_by", _BY.c.public_id),
        ("reason_code", _step.reason_code),
        ("reason", _step.reason),
        ("stayed_seconds", _step.stayed_seconds),
        ("owner_id", _OWNERS.c.public_id),
        ("department_id", _DEPARTMENTS.c.public_id),
    ),
    key=_step.id,
    sorts={"changed_at": _step.changed_at},
    filters={"customer_id": _customer.public_id == bindparam("customer_id")},
)

# --- tiers

TIER_CHANGES = Listing(
    name="customer_tier_changes",
    source=_TIER_CHANGES.join(_CUSTOMERS, _customer.id == _change.customer_id).outerjoin(
        _BY, _BY.c.id == _change.changed_by
    ),
    fields=(
        ("from_tier", _change.from_tier),
        ("to_tier", _change.to_tier),
        ("source", _change.source),
        ("changed_at", _change.changed_at),
        ("changed_by", _BY.c.public_id),
        ("reason", _change.reason),
        ("override_ends_at", _change.override_ends_at),
        ("score", _change.score),
        ("points", _change.points),
        ("policy_version", _change.policy_version),
    ),
    key=_change.id,
    sorts={"changed_at": _change.changed_at},
    filters={"customer_id": _customer.public_id == bindparam("customer_id")},
)

_MANAGERS = User.__table__.alias("manager_now")


def needs_manager(manager: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a customer of tier A has no account manager, or one who has left (SOP CU-10).

    `manager` is whether the joined account manager is active.
    """
    return and_(
        _customer.tier == "A", or_(_customer.account_manager_id.is_(None), manager.is_not(True))
    )


_NEEDS = case((needs_manager(_MANAGERS.c.is_active), True), else_=False)
# What a tier is computed of, and what is known of it.
_FIGURES = select(
    *_customer,
    _NEEDS.label("needs_account_manager"),
    _tier.id.label("tier_key"),
    _tier.manager_asked_at,
    _tier.compute_at,
    _tier.computed_at,
    DomainNow().label("now"),
).select_from(
    _CUSTOMERS.outerjoin(_TIERS, _tier.customer_id == _customer.id).outerjoin(
        _MANAGERS, _MANAGERS.c.id == _customer.account_manager_id
    )
)
ONE = Statement(_FIGURES.where(_customer.public_id == bindparam("public_id")))
ONE_LOCKED = Statement(
    _FIGURES.where(_customer.id == bindparam("customer_key")).with_for_update(
        key_share=True, of=_CUSTOMERS
    )
)
BY_KEYS = Statement(_FIGURES.where(any_of(_customer.id, "keys")).order_by(_customer.id))
PAGE = Statement(
    _FIGURES.where(_customer.id > bindparam("after"))
    .order_by(_customer.id)
    .limit(bindparam("batch_size", type_=_customer.id.type))
)
PAGE_KEYS = Statement(
    select(_customer.id)
    .where(_customer.id > bindparam("after"))
    .order_by(_customer.id)
    .limit(bindparam("batch_size", type_=_customer.id.type))
)
# What is held first is read afterwards, so that no change is overlooked whose mark is already taken.
DUE = Statement(
    select(_tier.customer_id)
    .where(_tier.compute_at <= DomainNow())
    .order_by(_tier.compute_at, _tier.id)
    .limit(bindparam("batch_size", type_=_tier.id.type))
    .with_for_update(skip_locked=True)
)
TIERS_LOCKED = Statement(
    select(_tier.id, _tier.customer_id)
    .where(any_of(_tier.customer_id, "keys"))
    .order_by(_tier.customer_id)
    .with_for_update()
)
TIERS_LOCKED_BY_PUBLIC_ID = Statement(
    select(_tier.id)
    .join_from(_TIERS, _CUSTOMERS, _customer.id == _tier.customer_id)
    .where(any_of(_customer.public_id, "public_ids"))
    .order_by(_tier.customer_id)
    .with_for_update(of=_TIERS)
)
COUNT = Statement(select(func.count()).select_from(_CUSTOMERS))
NEXT_OVERRIDE_END = Statement(
    select(func.min(_tier.compute_at).label("at"))
    .join_from(_CUSTOMERS, _TIERS, _tier.customer_id == _customer.id)
    .where(_customer.tier_is_overridden, _customer.tier_override_ends_at < FAR_END)
)
MARK = Statement(
    update(CustomerTier)
    .values(compute_at=bindparam("at", type_=_tier.compute_at.type))
    .where(any_of(CustomerTier.customer_id, "customer_keys"))
    .returning(CustomerTier.customer_id)
)
_HEADS = User.__table__.alias("head")
HEADS = Statement(
    select(
        _DEPARTMENTS.c.id,
        _DEPARTMENTS.c.path,
        _HEADS.c.id.label("head_id"),
        _HEADS.c.zone.label("zone"),
    ).select_from(
        _DEPARTMENTS.outerjoin(
            _HEADS, and_(_HEADS.c.id == _DEPARTMENTS.c.head_id, _HEADS.c.is_active.is_(True))
        )
    )
)
STILL_NEEDED = Statement(
    select(_customer.public_id)
    .select_from(_CUSTOMERS.outerjoin(_MANAGERS, _MANAGERS.c.id == _customer.account_manager_id))
    .where(any_of(_customer.public_id, "public_ids"))
    .where(needs_manager(_MANAGERS.c.is_active))
)
