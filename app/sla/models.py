"""Tables of the heart: policies, subjects, facts, and the cache of deadlines, levels and escalations."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class PolicyRow(Base):
    """A policy by name. The first active one (by `position`) whose conditions match applies.

    `current_version` is 0 until it is published; `draft` is the document to be published next.
    """

    __tablename__ = "sla_policies"
    __entity__ = "policy"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(SortKey, unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Json)
    position: Mapped[int]
    is_active: Mapped[bool] = mapped_column(default=True)
    current_version: Mapped[int] = mapped_column(default=1)
    draft: Mapped[dict[str, Any] | None] = mapped_column(Json)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PolicyVersion(Base):
    """One version's document; never changed once published."""

    __tablename__ = "sla_policy_versions"
    __entity__ = "policy_version"
    __table_args__ = (UniqueConstraint("policy_id", "number"),)

    id: Mapped[int] = key_column()
    policy_id: Mapped[int] = mapped_column(ForeignKey("sla_policies.id"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    mode: Mapped[str | None] = mapped_column(String(20))
    published_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OwnRule(Base):
    """A rule that the deployment adds to the catalogue: one clock, opened and answered by whoever puts matters on it.

    `answers_department_id`: who answers unless a matter names somebody else.
    """

    __tablename__ = "sop_rules"
    __entity__ = "sop_rule"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    clock: Mapped[str] = mapped_column(SortKey, unique=True)
    rule: Mapped[str] = mapped_column(SortKey, unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Json)
    opens_on: Mapped[dict[str, str]] = mapped_column(Json)
    answered_by: Mapped[dict[str, str]] = mapped_column(Json)
    target_amount: Mapped[int]
    target_unit: Mapped[str] = mapped_column(String(20))
    calendar: Mapped[str] = mapped_column(String(20))
    answers_department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Subject(Base):
    """Whatever has promises (a ticket, later a customer, a survey ...). Its row is the lock of its facts.

    `is_open` until the matter is closed, cancelled or merged. `next_fire_at` is the earliest unfired level of its deadlines, the far end of time when there is none: the
    sweep claims subjects by it, so work grows with what is due, never with what is open.
    """

    __tablename__ = "sla_subjects"
    __audited__ = False
    __table_args__ = (UniqueConstraint("subject_type", "subject_id"),)

    id: Mapped[int] = key_column()
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    subject_public_id: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(300), default="")
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    owner_id: Mapped[int | None] = mapped_column(BigInteger)
    department_id: Mapped[int | None] = mapped_column(BigInteger)
    dedicated_manager_id: Mapped[int | None] = mapped_column(BigInteger)
    tier: Mapped[str | None] = mapped_column(String(1))
    sequence: Mapped[int] = mapped_column(default=0)
    next_fire_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    is_open: Mapped[bool] = mapped_column(default=True)
    fault_count: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str | None] = mapped_column(String(500))


class FactRow(Base):
    """One thing that happened; appended, never rewritten (deadlines 1.1)."""

    __tablename__ = "sla_facts"
    __audited__ = False
    __table_args__ = (UniqueConstraint("subject_key", "sequence"),)

    id: Mapped[int] = key_column()
    subject_key: Mapped[int] = mapped_column(ForeignKey("sla_subjects.id"))
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class DeadlineRow(Base):
    """One promise's clock and verdict: a cache of what `clock.evaluate` says of the subject's facts.

    `due_at` of a paused clock is the due as if resumed at the pause's limit (`pause_ends_at`). Absent instants
    are the far end of time. A running row whose due has passed reads as missed, whether or not the sweep was there.
    `owner_id` and `department_id` are whose matter it is now, or was at the end. The `charged_` columns are to whom
    the verdict belongs: they follow owner, department and tier until the row is ended or missed, and then stay.
    """

    __tablename__ = "deadlines"
    __audited__ = False
    __table_args__ = (UniqueConstraint("subject_key", "clock", "cycle", "revision"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    subject_key: Mapped[int] = mapped_column(ForeignKey("sla_subjects.id"))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    subject_public_id: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(300), default="")
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    owner_id: Mapped[int | None] = mapped_column(BigInteger)
    department_id: Mapped[int | None] = mapped_column(BigInteger)
    charged_owner_id: Mapped[int | None] = mapped_column(BigInteger)
    charged_department_id: Mapped[int | None] = mapped_column(BigInteger)
    charged_tier: Mapped[str | None] = mapped_column(String(1))
    clock: Mapped[str] = mapped_column(String(40))
    rule: Mapped[str] = mapped_column(String(20))
    cycle: Mapped[int]
    revision: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    pause_ends_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    missed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    detected_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    target_amount: Mapped[int | None]
    target_unit: Mapped[str | None] = mapped_column(String(20))
    calendar: Mapped[str | None] = mapped_column(String(100))
    calendar_version: Mapped[int | None]
    policy: Mapped[str | None] = mapped_column(String(100))
    policy_version: Mapped[int | None]
    on_retarget: Mapped[bool] = mapped_column(default=False)
    provisional: Mapped[bool] = mapped_column(default=False)
    intervals_skipped: Mapped[int] = mapped_column(default=0)
    used_seconds: Mapped[int] = mapped_column(BigInteger, default=0)
    early_seconds: Mapped[int | None] = mapped_column(BigInteger)
    early_elapsed_seconds: Mapped[int | None] = mapped_column(BigInteger)
    late_seconds: Mapped[int | None] = mapped_column(BigInteger)
    late_elapsed_seconds: Mapped[int | None] = mapped_column(BigInteger)
    adjustment: Mapped[dict[str, Any] | None] = mapped_column(Json)


class DeadlineChange(Base):
    """A mark that a deadline due at this instant reads otherwise than before; whoever counts deadlines takes it away.

    Written in the transaction of the change, one row an instant, so that nobody waits for anybody and a change that
    commits late is seen late, never overlooked. What time alone brings about (running to missed) leaves no mark.
    """

    __tablename__ = "deadline_changes"
    __audited__ = False

    id: Mapped[int] = key_column()
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class DeadlineLevel(Base):
    """One rung of a deadline's ladder. The unique (deadline, level) is the proof that it fires once."""

    __tablename__ = "deadline_levels"
    __audited__ = False
    __table_args__ = (UniqueConstraint("deadline_id", "level"),)

    id: Mapped[int] = key_column()
    deadline_id: Mapped[int] = mapped_column(ForeignKey("deadlines.id"))
    subject_key: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[int]
    fire_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fired_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


class Escalation(Base):
    """A level that fired: due, fired, detected, who was told and why. `told` is [{user_id, name, why}].

    What a retarget made due at once is told in the digest of its operation.
    """

    __tablename__ = "escalations"
    __audited__ = False
    __table_args__ = (UniqueConstraint("deadline_id", "level"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    deadline_id: Mapped[int] = mapped_column(ForeignKey("deadlines.id"))
    level: Mapped[int]
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    subject_public_id: Mapped[str] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    owner_id: Mapped[int | None] = mapped_column(BigInteger)
    department_id: Mapped[int | None] = mapped_column(BigInteger)
    rule: Mapped[str] = mapped_column(String(20))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fire_at: Mapped[datetime] = mapped_column(UtcDateTime)
    detected_at: Mapped[datetime] = mapped_column(UtcDateTime)
    overtaken: Mapped[bool] = mapped_column(default=False)
    told: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))


class Move(Base):
    """What a retarget moves, or would move, of one deadline: `moved`, `opened` or `withdrawn`.

    `late` is what became due at the retarget itself, because its target was used up already.
    """

    __tablename__ = "sla_moves"
    __audited__ = False

    id: Mapped[int] = key_column()
    operation_id: Mapped[int] = mapped_column(ForeignKey("operations.id"))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_public_id: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(300))
    clock: Mapped[str] = mapped_column(String(40))
    rule: Mapped[str] = mapped_column(String(20))
    change: Mapped[str] = mapped_column(String(10))
    state_before: Mapped[str | None] = mapped_column(String(12))
    due_before: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    due_after: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    late: Mapped[bool] = mapped_column(default=False)


Index("ix_sla_subjects_due", Subject.next_fire_at)
Index("ix_sla_subjects_customer", Subject.customer_id, Subject.id)
_open = text("is_open")
Index("ix_sla_subjects_open", Subject.id, postgresql_where=_open, sqlite_where=_open)
_waiting = text("kind = 'waiting'")
Index(
    "ix_sla_facts_waiting",
    FactRow.occurred_at,
    FactRow.id,
    postgresql_where=_waiting,
    sqlite_where=_waiting,
)
Index("ix_sla_moves_operation", Move.operation_id, Move.id)
_of_operation = text("operation_id IS NOT NULL")
Index(
    "ix_escalations_operation",
    Escalation.operation_id,
    postgresql_where=_of_operation,
    sqlite_where=_of_operation,
)
Index("ix_sla_subjects_public_id", Subject.subject_public_id)
Index("ix_deadlines_due", DeadlineRow.due_at, DeadlineRow.id)
_unanswered = text("state IN ('running', 'paused', 'missed')")
Index(
    "ix_deadlines_unanswered",
    DeadlineRow.due_at,
    DeadlineRow.id,
    postgresql_where=_unanswered,
    sqlite_where=_unanswered,
)
Index("ix_deadlines_started", DeadlineRow.started_at, DeadlineRow.id)
Index("ix_deadlines_owner", DeadlineRow.owner_id, DeadlineRow.due_at, DeadlineRow.id)
Index("ix_deadlines_customer", DeadlineRow.customer_id, DeadlineRow.due_at, DeadlineRow.id)
# A customer's file tells until when it is fresh, and lists ask for stale ones: one row a customer and month.
_refreshes = text("clock = 'refresh'")
Index(
    "ix_deadlines_refresh",
    DeadlineRow.customer_id,
    DeadlineRow.ended_at,
    DeadlineRow.due_at,
    postgresql_where=_refreshes,
    sqlite_where=_refreshes,
)
Index("ix_deadline_levels_subject", DeadlineLevel.subject_key)
Index("ix_escalations_detected", Escalation.detected_at, Escalation.id)
Index("ix_escalations_subject", Escalation.subject_type, Escalation.subject_id)
