"""The only reader of wall time, and how instants are written.

Two times live side by side. *Real* time (`real_now`) is for tokens, limits, leases, logs. *Domain* time is what
promises run on: the database answers it (`database.DomainNow`), real or from the rehearsal's row, after the lock.
"""

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def real_now() -> datetime:
    """Return the wall's instant, aware, in UTC, with microseconds."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds of a clock that never goes back, for measuring durations."""
    return time.monotonic()


def to_micros(at: datetime) -> int:
    """Return whole microseconds since the epoch; a naive instant is refused with `ValueError`."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant of whole microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=micros)


def format_instant(at: datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and six digits: text that sorts as time and is the same on both engines."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError("an instant needs its zone")
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant of an RFC 3339 text; raises `ValueError` for a naive or malformed one."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return at.astimezone(UTC)
