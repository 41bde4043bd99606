"""Tables of the customer file: customers, contacts with numbers and addresses, the account team, refreshes, changes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, Money, SortKey, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class Customer(Base):
    """One customer's file (SOP CU-1, CU-3, CU-8). Columns marked personal are encrypted in the audit.

    `trade_kind` and `purchasing_power` are codes of choice lists; `custom` are values by the keys of their fields.
    """

    __tablename__ = "customers"
    __entity__ = "customer"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    number: Mapped[str] = mapped_column(SortKey, unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(SortKey)
    short_name: Mapped[str | None] = mapped_column(String(100))
    credit_code: Mapped[str | None] = mapped_column(String(18))
    website: Mapped[str | None] = mapped_column(String(500))
    address: Mapped[str | None] = mapped_column(String(500))
    industry: Mapped[str | None] = mapped_column(String(100))
    headcount: Mapped[int | None]
    revenue: Mapped[Decimal | None] = mapped_column(Money, info={"personal": True})
    revenue_currency: Mapped[str] = mapped_column(String(3), default="CNY")
    main_business: Mapped[str | None] = mapped_column(String(500))
    region: Mapped[str | None] = mapped_column(String(100))
    trade_kind: Mapped[str | None] = mapped_column(String(40))
    purchasing_power: Mapped[str | None] = mapped_column(String(40))
    purchasing_habits: Mapped[str | None] = mapped_column(Text)
    need_keywords: Mapped[list[str]] = mapped_column(Json, default=list)
    pain_points: Mapped[str | None] = mapped_column(Text)
    goals: Mapped[str | None] = mapped_column(Text)
    source_channel: Mapped[str] = mapped_column(String(20))
    first_contact_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    expected_cooperation_on: Mapped[date | None] = mapped_column(Date)
    cooperation_started_on: Mapped[date | None] = mapped_column(Date)
    contract_ends_on: Mapped[date | None] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(20), default="potential")
    tier: Mapped[str] = mapped_column(String(1), default="C")
    tier_reason: Mapped[str | None] = mapped_column(String(500))
    tier_is_overridden: Mapped[bool] = mapped_column(default=False)
    tier_override_ends_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    account_manager_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    remarks: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    custom: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, info={"personal": True})
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Contact(Base):
    """A person at the customer's. `birthday` is `{calendar, year, month, day, in_leap_month}`, the year may be null."""

    __tablename__ = "contacts"
    __entity__ = "contact"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    name: Mapped[str] = mapped_column(String(100), info={"personal": True})
    title: Mapped[str | None] = mapped_column(String(100))
    birthday: Mapped[dict[str, Any] | None] = mapped_column(Json, info={"personal": True})
    interests: Mapped[list[str]] = mapped_column(Json, default=list, info={"personal": True})
    preferences: Mapped[str | None] = mapped_column(Text, info={"personal": True})
    is_decision_maker: Mapped[bool] = mapped_column(default=False)
    is_primary: Mapped[bool] = mapped_column(default=False)
    remarks: Mapped[str | None] = mapped_column(Text, info={"personal": True})
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ContactPoint(Base):
    """One number (E.164) or address of a contact, in the order of `position`; the first of a kind is the main one."""

    __tablename__ = "contact_points"
    __entity__ = "contact_point"
    __table_args__ = (UniqueConstraint("contact_id", "kind", "value"),)

    id: Mapped[int] = key_column()
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(SortKey, index=True, info={"personal": True})
    label: Mapped[str | None] = mapped_column(String(30))
    position: Mapped[int]


class Consent(Base):
    """What a contact allowed or withdrew for a channel, and how (SOP SE-3); appended only, the newest one counts."""

    __tablename__ = "consents"
    __entity__ = "consent"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    is_given: Mapped[bool]
    text_version: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(20))
    evidence: Mapped[str | None] = mapped_column(String(500), info={"personal": True})
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AccountTeamMember(Base):
    """A member of a key customer's account team (SOP CU-10) with a role in it."""

    __tablename__ = "account_team_members"
    __entity__ = "account_team_member"
    __table_args__ = (UniqueConstraint("customer_id", "user_id"),)

    id: Mapped[int] = key_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(String(60))


class CustomerChange(Base):
    """One thing that happened to a customer's file; appended, never rewritten, for his timeline.

    `public_id` is the event's. `data` holds names of fields, tiers and stages, never a personal value.
    """

    __tablename__ = "customer_changes"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    event: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class CustomerRefresh(Base):
    """A monthly refresh that a file is promised (SOP CU-7): `open`, `refreshed` or `cancelled`; one is open at most.

    `how` it was answered: by an `edit` of the file or its contacts, or by a `confirmation`, which says what `progress`
    the business made and whether key contacts changed.
    """

    __tablename__ = "customer_refreshes"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(String(12), default="open")
    how: Mapped[str | None] = mapped_column(String(12))
    progress: Mapped[str | None] = mapped_column(Text)
    key_contacts_changed: Mapped[bool | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


_open_refresh = text("status = 'open'")
Index(
    "ix_customer_refreshes_open",
    CustomerRefresh.customer_id,
    unique=True,
    postgresql_where=_open_refresh,
    sqlite_where=_open_refresh,
)
Index(
    "ix_customer_refreshes_customer",
    CustomerRefresh.customer_id,
    CustomerRefresh.opened_at,
    CustomerRefresh.id,
)
Index("ix_customer_changes_customer", CustomerChange.customer_id, CustomerChange.id)


class CustomerSearch(Base):
    """What a customer is found by, derived; PostgreSQL indexes the tokens, SQLite copies them into `customer_search_fts`.

    The key is the customer's. `names` and `readings` are lines, `tokens` are parted by blanks (`search_keys.stored`).
    """

    __tablename__ = "customer_search"
    __audited__ = False

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"),
        ForeignKey("customers.id"),
        primary_key=True,
        autoincrement=False,
    )
    names: Mapped[str] = mapped_column(Text)
    readings: Mapped[str] = mapped_column(Text)
    tokens: Mapped[str] = mapped_column(Text)


Index(
    "ix_customers_merged_into_id",
    Customer.merged_into_id,
    postgresql_where=Customer.merged_into_id.is_not(None),
    sqlite_where=Customer.merged_into_id.is_not(None),
)
Index("ix_customers_name_key", Customer.name_key, Customer.id)
Index("ix_customers_created", Customer.created_at, Customer.id)
Index("ix_customers_owner", Customer.owner_id, Customer.id)
Index("ix_customers_tier", Customer.tier, Customer.id)
Index("ix_consents_newest", Consent.contact_id, Consent.channel, Consent.given_at, Consent.id)
Index("ix_customers_trade_kind", Customer.trade_kind, Customer.id)
Index(
    "ix_customers_contract_ends_on",
    Customer.contract_ends_on,
    Customer.id,
    postgresql_where=Customer.contract_ends_on.is_not(None),
    sqlite_where=Customer.contract_ends_on.is_not(None),
)
Index(
    "ix_customers_credit_code",
    Customer.credit_code,
    postgresql_where=Customer.credit_code.is_not(None),
    sqlite_where=Customer.credit_code.is_not(None),
)


class CustomerStageChange(Base):
    """One step of a customer through the lifecycle (SOP CU-11); the first one leads from nothing.

    `owner_id` and `department_id` are whose customer he was then. What changed is audited with the customer himself.
    """

    __tablename__ = "customer_stage_changes"
    __audited__ = False

    id: Mapped[int] = key_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    from_stage: Mapped[str | None] = mapped_column(String(20))
    to_stage: Mapped[str] = mapped_column(String(20))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(500))
    stayed_seconds: Mapped[int | None] = mapped_column(BigInteger)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))


class CustomerTierChange(Base):
    """One change of a customer's tier, or of why he has it (SOP CU-9): computed, overridden, or an override's end.

    `score` and `points` (by factor) are those of the computation that it came from, or that an override set aside.
    """

    __tablename__ = "customer_tier_changes"
    __audited__ = False

    id: Mapped[int] = key_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    from_tier: Mapped[str | None] = mapped_column(String(1))
    to_tier: Mapped[str] = mapped_column(String(1))
    source: Mapped[str] = mapped_column(String(20))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(String(500))
    override_ends_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    score: Mapped[Decimal | None] = mapped_column(Money)
    points: Mapped[dict[str, int] | None] = mapped_column(Json)
    policy_version: Mapped[int | None]


class CustomerTier(Base):
    """What the tier policy says of a customer: derived, and computed anew when `compute_at` has come.

    That is at once after a change, when an override ends, and every night. `manager_asked_at`: when the department's
    head was told that an account manager is missing, the far end of time while nobody was.
    """

    __tablename__ = "customer_tiers"
    __audited__ = False

    id: Mapped[int] = key_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), unique=True)
    tier: Mapped[str | None] = mapped_column(String(1))
    score: Mapped[Decimal | None] = mapped_column(Money)
    points: Mapped[dict[str, int] | None] = mapped_column(Json)
    policy_version: Mapped[int | None]
    computed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    compute_at: Mapped[datetime] = mapped_column(UtcDateTime)
    manager_asked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


_overridden = text("tier_is_overridden")
Index(
    "ix_customers_override_ends",
    Customer.tier_override_ends_at,
    postgresql_where=_overridden,
    sqlite_where=_overridden,
)
Index(
    "ix_customer_stage_changes_customer",
    CustomerStageChange.customer_id,
    CustomerStageChange.changed_at,
    CustomerStageChange.id,
)
Index("ix_customer_stage_changes_changed", CustomerStageChange.changed_at, CustomerStageChange.id)
Index(
    "ix_customer_tier_changes_customer",
    CustomerTierChange.customer_id,
    CustomerTierChange.changed_at,
    CustomerTierChange.id,
)
Index("ix_customer_tiers_due", CustomerTier.compute_at, CustomerTier.id)
