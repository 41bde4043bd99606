"""Lines that are announced together are delivered together, and one that cannot be does not hold the others."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import select

from app.database import Database, Transaction
from app.notifications import release, service
from app.notifications.models import Notification
from app.notifications.service import Notice
from app.notifications.wording import Text, Words
from app.outbox.models import OutboxMessage
from app.outbox.relay import Subscriptions, relay
from app.statements import Row, Statement
from app.time import FAR_END
from tests.factories import freeze, make_user

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
LINES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))
MESSAGES = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))
SAID = Text("说过了", "正文")
WORDS = Words(SAID, SAID)


async def speak(tx: Transaction, lines: Sequence[Row], at: datetime) -> None:
    """Deliver whatever it is given."""
    await release.deliver(tx, [release.Delivery(line, WORDS, {}) for line in lines], at=at)


SPEAKING = Subscriptions(
    handlers={service.READY: (partial(release.release, families={"speak": speak}),)}
)


async def tell(database: Database, *kinds: str, later: timedelta = timedelta()) -> None:
    await freeze(database, NOON)
    async with database.transaction() as tx:
        user = await make_user(tx, role="support")
        notices = [Notice(user["id"], kind, NOON + later) for kind in kinds]
        await service.tell(tx, notices, at=NOON)


async def test_one_message_announces_fifty_lines(database: Database) -> None:
    await tell(database, *["somebody.did"] * 51)
    messages = await database.all(MESSAGES)
    assert [len(one["payload"]["notification_keys"]) for one in messages] == [50, 1]


async def test_lines_of_different_instants_are_announced_apart(database: Database) -> None:
    await tell(database, "somebody.did")
    await tell(database, "somebody.did", later=timedelta(hours=8))
    messages = await database.all(MESSAGES)
    assert [one["attempt_at"] for one in messages] == [NOON, NOON + timedelta(hours=8)]


async def test_a_line_that_cannot_be_delivered_does_not_hold_the_others(database: Database) -> None:
    await tell(database, "speak.up", "nobody.knows", "speak.up")
    await relay(database, SPEAKING)
    assert all(row["delivered_at"] == FAR_END for row in await database.all(LINES))
    await freeze(database, NOON + timedelta(minutes=10))
    await relay(database, SPEAKING)
    delivered = [row["kind"] for row in await database.all(LINES) if row["delivered_at"] < FAR_END]
    assert delivered == ["speak.up"] * 2
    pending = [one for one in await database.all(MESSAGES) if one["state"] == "pending"]
    assert [len(one["payload"]["notification_keys"]) for one in pending] == [1]
