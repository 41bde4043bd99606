"""The ticket types that ship (SOP TK-13), for a first set-up and the demo company."""

from collections.abc import Mapping
from types import MappingProxyType

from app import writing
from app.database import Transaction
from app.tickets import rows
from app.tickets.models import TicketType
from app.tickets.type_schemas import DispatchTo

# code -> (zh, en, who gets it)
SHIPPED: Mapping[str, tuple[str, str, DispatchTo]] = MappingProxyType(
    {
        "consult": ("咨询", "Consulting", DispatchTo.LEAST_LOADED),
        "technical": ("技术故障", "Technical", DispatchTo.LEAST_LOADED),
        "complaint": ("投诉", "Complaint", DispatchTo.HEAD),
        "after_sales": ("售后服务", "After-sales service", DispatchTo.LEAST_LOADED),
    }
)
_NOBODY: Mapping[str, int] = MappingProxyType({})


async def ensure_ticket_types(tx: Transaction, departments: Mapping[str, int] = _NOBODY) -> None:
    """Store the shipped types where they are missing; `departments` maps codes to the keys of who handles them."""
    known = {row["code"] for row in await tx.all(rows.TYPES)}
    for code, (zh, en, dispatch_to) in SHIPPED.items():
        if code in known:
            continue
        await writing.insert(
            tx,
            TicketType,
            code=code,
            title={"zh": zh, "en": en},
            department_id=departments.get(code),
            dispatch_to=dispatch_to.value,
        )
