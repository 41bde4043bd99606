"""The alarm when no worker lives: raised by the API processes, since a dead worker tells nobody.

Every API process looks; an outage is told once, in one transaction with its row. The inbox line is delivered at once,
the mails are sent by the API process itself through the outbox's leases: at least once, by whoever gets to it first.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from app import writing
from app.database import Database, Transaction
from app.heartbeats import queries
from app.heartbeats.models import Outage
from app.heartbeats.service import Signs, beat_seconds, read_signs
from app.heartbeats.wording import back, silent
from app.notifications import mail
from app.notifications.models import Notification
from app.notifications.release import columns
from app.outbox.relay import Subscriptions
from app.outbox.sending import send
from app.statements import Row
from app.time import EPOCH, format_instant

KIND = "workers.silent"
MAIL_READY = "alarm_mail.ready"
NEVER = EPOCH  # the silent_since of a deployment in which no worker ever lived
_ALARM_LOCK = 7_105_202
# An event of its own: while nobody else works, this process sends the alarm and leaves all other mail alone.
SENDERS = Subscriptions(senders={MAIL_READY: mail.send_mail})
log = structlog.get_logger("huiying.workers")


@dataclass(slots=True)
class WorkerWatch:
    """One API process's look at the workers. Until it has looked for a whole silence itself, it accuses nobody."""

    database: Database
    since: datetime | None = None

    @property
    def silence(self) -> timedelta:
        """After how long without any sign the workers count as dead."""
        return timedelta(seconds=self.database.settings.worker_silence_seconds)

    async def signs(self) -> Signs:
        """Return who lives; the first call begins the watch."""
        signs = await read_signs(self.database, self.silence)
        self.since = self.since or signs.now
        return signs

    def is_silent(self, signs: Signs) -> bool:
        """Return whether no worker lives, and that for long enough, this process' own start included."""
        heard_at = max(filter(None, (signs.last_beat_at, self.since)), default=signs.now)
        return not signs.living and signs.now - heard_at > self.silence

    async def look(self) -> None:
        """Raise or end the alarm as the signs of this moment say, and send the alarm's mails."""
        signs = await self.signs()
        if signs.living:
            await self._end(signs)
        elif self.is_silent(signs):
            await self._tell(signs)
            await send(self.database, SENDERS)

    async def watch(self) -> None:
        """Look for ever, whatever happens to the database."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("worker_watch_failed")
            await asyncio.sleep(beat_seconds(self.database.settings))

    async def _tell(self, signs: Signs) -> None:
        since = signs.last_beat_at or NEVER
        if await self.database.one(queries.TOLD, silent_since=since) is not None:
            return
        async with self.database.transaction() as tx:
            if not await tx.lock_name(_ALARM_LOCK):
                return  # another process is at it
            if await tx.one(queries.TOLD, silent_since=since) is not None:
                return
            for outage in await tx.all(queries.ONGOING):
                await _settle(tx, outage, since)  # a worker lived in between, unseen
            keys = [await _tell_admin(tx, one, signs) for one in await tx.all(queries.ADMINS)]
            values = {"silent_since": since, "told_at": signs.now, "notification_keys": keys}
            await writing.insert(tx, Outage, **values)
        log.error("no_worker_lives", since=format_instant(since), told_count=len(keys))

    async def _end(self, signs: Signs) -> None:
        if not await self.database.all(queries.ONGOING):
            return
        async with self.database.transaction() as tx:
            if not await tx.lock_name(_ALARM_LOCK):
                return
            for outage in await tx.all(queries.ONGOING):
                await _settle(tx, outage, signs.now)
        log.info("worker_lives_again")


async def _tell_admin(tx: Transaction, admin: Row, signs: Signs) -> int:
    """Put the line into an administrator's inbox, whatever the hour, and hold back the mail; returns its key."""
    words = silent(signs.last_beat_at, ZoneInfo(admin["zone"]))
    at = await tx.now()
    since = signs.last_beat_at
    line = await writing.insert(
        tx,
        Notification,
        user_id=admin["id"],
        kind=KIND,
        data={"silent_since": None if since is None else format_instant(since), "ended_at": None},
        created_at=at,
        deliver_at=at,
        delivered_at=at,
        **columns(words),
    )
    await mail.write_mail(tx, admin, line["id"], words, at, event=MAIL_READY)
    return int(line["id"])


async def _settle(tx: Transaction, outage: Mapping[str, Any], ended_at: datetime) -> None:
    """Write down that an outage is over, say so in the lines that told it, and by mail to whoever had one."""
    since = None if outage["silent_since"] == NEVER else outage["silent_since"]
    at, rows = await tx.now(), []
    for line in await tx.all(queries.LINES, keys=outage["notification_keys"]):
        words = back(since, ended_at, ZoneInfo(line["zone"]))
        data = {**line["data"], "ended_at": format_instant(ended_at)}
        rows.append({"id": line["id"], "settled": True, "data": data, **columns(words)})
        await mail.write_mail(tx, line, None, words, at)
    await writing.update_many(tx, Notification, rows)
    await writing.update_many(tx, Outage, [{"id": outage["id"], "ended_at": ended_at}])
