"""Signs of life of worker processes: each writes its own row, everybody can read who lives.

All instants are real time read by the database, so that no two hosts' clocks are compared.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app import writing
from app.columns import new_public_id
from app.database import Database, Reader
from app.heartbeats import queries
from app.heartbeats.models import Heartbeat
from app.settings import Settings
from app.statements import Row
from app.time import FAR_END, format_instant, real_now

BEATS_IN_SILENCE = 6  # a worker is silent once it has missed so many beats in a row
KEPT = timedelta(days=1)


def beat_seconds(settings: Settings) -> float:
    """Return how often a worker gives a sign, and how often the API looks."""
    return settings.worker_silence_seconds / BEATS_IN_SILENCE


@dataclass(slots=True)
class Heart:
    """One worker process: what it remembers of its jobs, and its row."""

    public_id: str = field(default_factory=new_public_id)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call it; it names no host."""
        return f"worker-{self.public_id[-6:]}"

    def note(self, job: str, seconds: float, error: Exception | None) -> None:
        """Remember a run of a job that took `seconds` and ended well, or with an error."""
        before = self.jobs.get(job, {"run_count": 0, "failure_count": 0})
        self.jobs[job] = {
            "ran_at": format_instant(real_now()),
            "seconds": round(seconds, 6),
            "run_count": before["run_count"] + 1,
            "failure_count": before["failure_count"] + (error is not None),
            "error": None if error is None else f"{type(error).__name__}: {error}"[:300],
        }

    async def beat(self, database: Database) -> int:
        """Write that the process lives and how its jobs fare; returns 0, it leaves nothing to do."""
        async with database.transaction() as tx:
            values = {"worker_id": self.public_id, "job_runs": self.jobs}
            if not await writing.change_set(tx, Heartbeat, queries.BEAT, **values):
                now = await tx.value(queries.REAL_NOW)
                given = {"public_id": self.public_id, "name": self.name, "jobs": self.jobs}
                await writing.insert(tx, Heartbeat, started_at=now, beat_at=now, **given)
        return 0

    async def stop(self, database: Database) -> None:
        """Write that the process ends of its own accord."""
        async with database.transaction() as tx:
            await writing.change_set(tx, Heartbeat, queries.STOP, worker_id=self.public_id)


@dataclass(frozen=True, slots=True)
class Signs:
    """Who lives at `now`: rows of living workers, and when any worker gave its last sign (None: none ever did)."""

    now: datetime
    living: tuple[Row, ...]
    last_beat_at: datetime | None

    @property
    def last_beat_seconds(self) -> float | None:
        """Seconds since the last sign of any worker."""
        if self.last_beat_at is None:
            return None
        return max(0.0, round((self.now - self.last_beat_at).total_seconds(), 3))

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return each job as the living workers have it together: the latest run, failures of all."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.living:
            for name, run in row["jobs"].items():
                other = found.get(name)
                later = (
                    run if other is None else max(run, other, key=lambda one: str(one["ran_at"]))
                )
                failures = run["failure_count"] + (other["failure_count"] if other else 0)
                found[name] = {**later, "failure_count": failures}
        return found


async def read_signs(reader: Reader, silence: timedelta) -> Signs:
    """Return who lives: whoever has not stopped and gave a sign within `silence`."""
    rows = await reader.all(queries.BEATS)
    now: datetime = await reader.value(queries.REAL_NOW)
    living = [r for r in rows if r["stopped_at"] == FAR_END and now - r["beat_at"] <= silence]
    return Signs(now, tuple(living), max((row["beat_at"] for row in rows), default=None))


async def purge_heartbeats(database: Database) -> int:
    """Forget processes that gave no sign for a day, but never the last one that did; returns how many."""
    async with database.transaction() as tx:
        dead_before = await tx.value(queries.REAL_NOW) - KEPT
        return len(await writing.change_set(tx, Heartbeat, queries.PURGE, dead_before=dead_before))
