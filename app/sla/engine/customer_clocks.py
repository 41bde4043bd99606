"""Rows of the clock register about a customer's needs and the services he is promised; part of `register`."""

from __future__ import annotations

from app.calendars.target import Target, Unit
from app.sla.engine.clock_row import ClockRow, generic_row

CUSTOMER_CLOCKS: tuple[ClockRow, ...] = (
    generic_row(
        rule="CU-6",
        clock="need_plan",
        subject="customer_need",
        target=Target(3, Unit.WORKING_DAYS),
        titles=("需求应对方案", "Need response plan"),
        opens_on="a complex need is recorded",
        answered_by="the plan is on the file",
        source="T, number house",
    ),
    generic_row(
        rule="CU-6",
        clock="need_responsibility",
        subject="need_responsibility",
        target=None,
        titles=("需求应对分工", "Responsibility of a need response plan"),
        opens_on="a responsibility is given, with its own date",
        answered_by="its owner tells what was done",
        source="T",
    ),
    generic_row(
        rule="CU-17",
        clock="service_plan_item",
        subject="service_plan_item",
        target=None,
        titles=("服务计划事项", "Item of a service plan"),
        opens_on="the item's turn before this one is answered or due, at most 35 days ahead",
        answered_by="a note of what was done for the customer",
        source="F, horizon house",
    ),
)
