"""Records what a contact allows and withdraws; nothing recorded is changed, the newest by `given_at` counts."""

from app import writing
from app.customers.changes import publish_change
from app.customers.consent_schemas import ConsentCreate
from app.customers.models import Consent
from app.database import Transaction
from app.errors import invalid_field
from app.statements import Row


async def record_consent(
    tx: Transaction, customer: Row, contact: Row, command: ConsentCreate
) -> Row:
    """Append what a contact said and return its row; publishes `contact.consent_given` or `_withdrawn`.

    Raises `Invalid` at `/given_at` for an instant that is still to come.
    """
    at = await tx.now()
    given_at = command.given_at or at
    if given_at > at:
        raise invalid_field("/given_at", "in_the_future")
    values = command.model_dump(mode="json") | {"given_at": given_at}
    row = await writing.insert(
        tx,
        Consent,
        **values,
        contact_id=contact["id"],
        customer_id=customer["id"],
        recorded_by=tx.actor.user_id,
        recorded_at=at,
    )
    event = "contact.consent_given" if command.is_given else "contact.consent_withdrawn"
    data = {"channel": command.channel.value}
    await publish_change(tx, event, customer, at=at, contact=contact, data=data)
    return row
