"""The clock register: every rule of the catalogue that has a clock, as data.

One row a clock: what opens, answers and cancels it, whether waiting may pause it, its default
target and calendar, its source. The engine (`clock`), `GET /sop/rules`, the documentation and the
tests are driven by these rows; the numbers in force are those of a policy.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from app.calendars.target import Target, Unit
from app.sla.engine.clock_row import ENDS, ClockRow, Flag, On, generic_row
from app.sla.engine.customer_clocks import CUSTOMER_CLOCKS
from app.sla.engine.facts import FactKind

_YES: frozenset[Any] = frozenset({True})
_NO: frozenset[Any] = frozenset({False, None})
_ENDS = tuple(On(kind) for kind in ENDS)
_TOLD_BY_STAFF = (("by", frozenset({"staff"})), ("public", _YES), ("automatic", _NO))
STAFF_REPLY = On(FactKind.MESSAGE, _TOLD_BY_STAFF)
STAFF_PROGRESS = On(FactKind.MESSAGE, (*_TOLD_BY_STAFF, ("vague", _NO)))
_BY_CUSTOMER = (("by", frozenset({"customer"})), ("automatic", _NO))
CUSTOMER_MESSAGE = On(FactKind.MESSAGE, _BY_CUSTOMER)
CUSTOMER_QUESTION = On(FactKind.MESSAGE, (*_BY_CUSTOMER, ("courtesy", _NO)))
_OPENED_FOR_ONESELF = On(FactKind.OPENED, (("accepted", _YES),))
_SOLVED_OR_PARTLY = On(FactKind.CONFIRMED, (("answer", frozenset({"solved", "partly"})),))
_BECOMES_SUPER = On(FactKind.RECLASSIFIED, (("complexity", frozenset({"super"})),))
_LEAVES_SUPER = On(FactKind.RECLASSIFIED, (("complexity", frozenset({"normal", "complex"})),))


def _corrected(clock: str) -> On:
    return On(FactKind.CORRECTED, (("clock", frozenset({clock})),))


# What facts say about the situation: (fact, flags that then hold, flags that no longer do).
# `super` follows the ticket's complexity, `postponed` an agreement later than the target.
SITUATION: tuple[tuple[On, frozenset[Flag], frozenset[Flag]], ...] = (
    (_OPENED_FOR_ONESELF, frozenset({Flag.ACCEPTED}), frozenset()),
    (On(FactKind.ACCEPTED), frozenset({Flag.ACCEPTED}), frozenset()),
    (On(FactKind.PLAN_STATED), frozenset({Flag.PLANNED}), frozenset()),
    (CUSTOMER_QUESTION, frozenset({Flag.ASKED}), frozenset()),
    (STAFF_REPLY, frozenset(), frozenset({Flag.ASKED})),
    (On(FactKind.NO_REPLY_NEEDED), frozenset(), frozenset({Flag.ASKED})),
    (STAFF_PROGRESS, frozenset({Flag.FIRST_ANSWERED}), frozenset()),
    (
        On(FactKind.RESOLVED),
        frozenset({Flag.RESOLVED, Flag.ACCEPTED}),
        frozenset({Flag.CONFIRMED}),
    ),
    (_SOLVED_OR_PARTLY, frozenset({Flag.CONFIRMED}), frozenset()),
    (
        On(FactKind.REOPENED),
        frozenset(),
        frozenset({Flag.RESOLVED, Flag.CONFIRMED, Flag.POSTPONED, Flag.ENDED}),
    ),
    *((end, frozenset({Flag.ENDED}), frozenset({Flag.ASKED})) for end in _ENDS),
)

# What starts and what ends a wait for the customer (its limit ends it too).
WAIT_STARTS = (On(FactKind.WAITING),)
WAIT_ENDS = (
    On(FactKind.RESUMED),
    CUSTOMER_MESSAGE,
    On(FactKind.RESOLVED),
    On(FactKind.REOPENED),
    *_ENDS,
)

# A customer's message that reopens a closed ticket, up to and including this long after closing.
REOPENS_BY_ITSELF = CUSTOMER_QUESTION
REOPENS_WITHIN = timedelta(minutes=10_080)

TICKET_CLOCKS: tuple[ClockRow, ...] = (
    ClockRow(
        clock="accept",
        rule="TK-2",
        subject="ticket",
        title_zh="受理",
        title_en="Acceptance",
        opens_on="opened",
        answered_by="accepted, resolved or opened for oneself; assignment does not restart it",
        target=Target(30, Unit.MINUTES),
        source="T",
        calendar="by tier",
        opens=(On(FactKind.OPENED),),
        answers=(On(FactKind.ACCEPTED), On(FactKind.RESOLVED)),
        cancels=_ENDS,
        unless=frozenset({Flag.ENDED}),
        done=Flag.ACCEPTED,
    ),
    ClockRow(
        clock="plan",
        rule="TK-4",
        subject="ticket",
        title_zh="超复杂工单初步方案",
        title_en="First plan of a super-complex ticket",
        opens_on="complexity becomes super",
        answered_by="a plan stated; one stated before counts as met at the start",
        target=Target(2, Unit.HOURS),
        source="T",
        calendar="by tier",
        opens=(On(FactKind.OPENED), _BECOMES_SUPER),
        answers=(On(FactKind.PLAN_STATED),),
        cancels=(_LEAVES_SUPER, On(FactKind.RESOLVED), *_ENDS),
        needs=frozenset({Flag.SUPER}),
        unless=frozenset({Flag.RESOLVED, Flag.ENDED}),
        done=Flag.PLANNED,
    ),
    ClockRow(
        clock="progress",
        rule="TK-6",
        subject="ticket",
        title_zh="进度告知",
        title_en="Progress told to the customer",
        opens_on="accepted; then each answer opens the next",
        answered_by="a public, human, concrete staff message",
        target=Target(4, Unit.HOURS),
        source="T",
        calendar="by tier",
        opens=(
            On(FactKind.ACCEPTED),
            _OPENED_FOR_ONESELF,
            STAFF_PROGRESS,
            _corrected("progress"),
        ),
        answers=(STAFF_PROGRESS,),
        cancels=(On(FactKind.RESOLVED), *_ENDS),
        needs=frozenset({Flag.ACCEPTED}),
        unless=frozenset({Flag.RESOLVED, Flag.ENDED}),
        pausable=True,
        repeats=True,
    ),
    ClockRow(
        clock="next_reply",
        rule="TK-6b",
        subject="ticket",
        title_zh="回复客户消息",
        title_en="Reply to the customer",
        opens_on="the oldest unanswered customer message that is no courtesy",
        answered_by="the next public staff message, or no reply needed with a reason",
        target=Target(4, Unit.HOURS),
        source="house",
        calendar="by tier",
        opens=(CUSTOMER_QUESTION,),
        answers=(STAFF_REPLY, On(FactKind.NO_REPLY_NEEDED)),
        cancels=_ENDS,
        needs=frozenset({Flag.ASKED}),
        unless=frozenset({Flag.ENDED}),
        open_question=Flag.ASKED,
    ),
    ClockRow(
        clock="resolve",
        rule="TK-5",
        subject="ticket",
        title_zh="解决",
        title_en="Solution",
        opens_on="opened",
        answered_by="resolved, or closed where the policy says so",
        target=Target(4, Unit.HOURS),
        source="T",
        calendar="by tier",
        shipped_in=("toolkit", "tiered-cases"),
        opens=(On(FactKind.OPENED),),
        answers=(On(FactKind.RESOLVED), On(FactKind.CLOSED)),
        cancels=_ENDS,
        unless=frozenset({Flag.RESOLVED, Flag.POSTPONED, Flag.ENDED}),
        pausable=True,
        policy_chooses=True,
        carries=True,
    ),
    ClockRow(
        clock="agreed",
        rule="TK-1",
        subject="ticket",
        title_zh="约定完成时间",
        title_en="Agreed instant",
        opens_on="staff agree to the instant that the customer wished",
        answered_by="as the solution",
        target=None,
        source="T",
        calendar="by tier",
        shipped_in=("toolkit", "tiered-cases", "none"),
        answers=(On(FactKind.RESOLVED), On(FactKind.CLOSED)),
        cancels=_ENDS,
        policy_chooses=True,
        policy_free=True,
    ),
    ClockRow(
        clock="first_answer",
        rule="TK-5",
        subject="ticket",
        title_zh="首次答复",
        title_en="First answer",
        opens_on="opened",
        answered_by="the first public, human, concrete staff message",
        target=Target(72, Unit.ELAPSED_HOURS),
        source="C",
        calendar="24x7",
        shipped_in=("tiered-cases",),
        opens=(On(FactKind.OPENED),),
        answers=(STAFF_PROGRESS,),
        cancels=_ENDS,
        unless=frozenset({Flag.ENDED}),
        done=Flag.FIRST_ANSWERED,
    ),
    ClockRow(
        clock="confirm",
        rule="TK-7",
        subject="ticket",
        title_zh="客户确认",
        title_en="Confirmation by the customer",
        opens_on="resolved",
        answered_by="the customer's answer (solved or partly), with contact and channel",
        target=Target(2, Unit.WORKING_DAYS),
        source="T, number house",
        opens=(On(FactKind.RESOLVED),),
        answers=(_SOLVED_OR_PARTLY,),
        cancels=(On(FactKind.REOPENED), *_ENDS),
        needs=frozenset({Flag.RESOLVED}),
        unless=frozenset({Flag.ENDED}),
        done=Flag.CONFIRMED,
    ),
)

# The clocks of section 4: one to a subject, opened by the feature that knows the subject. Where
# the rule is more than an amount and a unit, the feature computes the instant and opens with it.
OTHER_CLOCKS: tuple[ClockRow, ...] = (
    generic_row(
        rule="FU-1",
        clock="first_visit",
        subject="follow_up",
        target=Target(1, Unit.DAYS),
        titles=("首次回访", "First visit"),
        opens_on="the customer's file is created",
        answered_by="the first logged contact",
        source="T",
    ),
    generic_row(
        rule="FU-2",
        clock="return_visit",
        subject="follow_up",
        target=Target(3, Unit.WORKING_DAYS),
        titles=("再次回访", "Return visit"),
        opens_on="the contact that answered the first visit, in time or late",
        answered_by="a second contact",
        source="T",
    ),
    generic_row(
        rule="FU-3",
        clock="refresh",
        subject="customer_refresh",
        target=Target(1, Unit.MONTHS),
        titles=("每月更新", "Monthly update"),
        opens_on="the last refresh, or the file's creation; a date on a closed day moves to the next working day",
        answered_by="an edit of the file or its contacts, or a word that it is fresh (CU-7)",
        source="T",
        on_working_day=True,
    ),
    generic_row(
        rule="FU-4",
        clock="cadence",
        subject="follow_up",
        target=Target(90, Unit.CALENDAR_DAYS),
        titles=("分级回访", "Cadence by tier"),
        opens_on="the last contact; tier A every 30, B every 60, C every 90 days",
        answered_by="a logged contact",
        source="S, number house",
    ),
    generic_row(
        rule="SV-1",
        clock="milestone_survey",
        subject="survey",
        target=None,
        titles=("周期满意度调查", "Milestone survey"),
        opens_on="3, 6 and 12 months after cooperation started, 10:00 local, next working day if closed",
        answered_by="the survey is sent",
        source="T",
    ),
    generic_row(
        rule="SV-2",
        clock="service_survey",
        subject="survey",
        target=Target(48, Unit.ELAPSED_HOURS),
        titles=("服务完成调查", "Survey after a service"),
        opens_on="resolved; due at the last permitted hour within 48 elapsed hours",
        answered_by="the survey is sent; withdrawn on reopening",
        source="T",
    ),
    generic_row(
        rule="SV-5",
        clock="survey_reminder",
        subject="survey",
        target=None,
        titles=("调查电话提醒", "Reminder by phone"),
        opens_on="3 calendar days after sending without an answer; due at the next working day's end",
        answered_by="a reminder by phone, or the survey's answer",
        source="T",
    ),
    generic_row(
        rule="SV-7",
        clock="improvement_plan",
        subject="improvement",
        target=Target(15, Unit.WORKING_DAYS),
        titles=("改进计划", "Improvement plan"),
        opens_on="a low item is flagged",
        answered_by="the plan is done",
        source="T",
    ),
    generic_row(
        rule="SV-7",
        clock="improvement_acceptance",
        subject="improvement",
        target=Target(3, Unit.WORKING_DAYS),
        titles=("接收改进计划", "Improvement plan accepted"),
        opens_on="a low item is flagged",
        answered_by="the department accepts the plan",
        source="house",
    ),
    generic_row(
        rule="SV-10",
        clock="feedback",
        subject="feedback",
        target=Target(3, Unit.WORKING_DAYS),
        titles=("意见反馈答复", "Answer to feedback"),
        opens_on="an opinion or suggestion arrives",
        answered_by="an answer to its sender",
        source="S, number house",
    ),
    *CUSTOMER_CLOCKS,
    generic_row(
        rule="CH-2",
        clock="churn_acknowledgement",
        subject="churn_alert",
        target=Target(1, Unit.WORKING_DAYS),
        titles=("流失预警确认", "Churn alert acknowledged"),
        opens_on="an alert is raised",
        answered_by="owner or supervisor acknowledges it",
        source="T, number house",
    ),
    generic_row(
        rule="CH-3",
        clock="win_back_step",
        subject="win_back",
        target=None,
        titles=("挽回步骤", "Win-back step"),
        opens_on="a step is planned with its own instant",
        answered_by="the step is done",
        source="T",
    ),
)

REGISTER: tuple[ClockRow, ...] = TICKET_CLOCKS + OTHER_CLOCKS
_BY_CLOCK = {row.clock: row for row in REGISTER}


@cache
def unknown_row(clock: str, rule: str) -> ClockRow:
    """Return the row of a clock of which nothing but its name and its rule is known."""
    return generic_row(
        clock=clock,
        rule=rule,
        subject="obligation",
        target=None,
        titles=(clock, clock),
        opens_on="opened",
        answered_by="answered",
        source="deployment",
        opens_on_zh="开始",
        answered_by_zh="完成",
    )


def row_of(clock: str) -> ClockRow | None:
    """Return the register's row of a clock, None for a clock that a deployment brought along."""
    return _BY_CLOCK.get(clock)
