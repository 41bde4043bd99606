"""What calendars publish: one event, `calendar.changed`, and its payload.

Subscribers read a payload with `CalendarChanged.of`. A process may pin the version before for up to two seconds
after the commit (it remembers which versions are current): whoever re-pins looks once more after that.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

CALENDAR_CHANGED = "calendar.changed"


@dataclass(frozen=True, slots=True)
class CalendarChanged:
    """A calendar, by name, went from one version to the next; the message's subject is the calendar.

    `from_version` is 0 for a new calendar, and equal to `to_version` where only `is_working` changed (each of the two
    calendars concerned has its event). `loaded_years` are the years whose dated exceptions are known from now on and
    were not before, ascending: what was provisional because of them can be pinned anew. `is_working` says whether it
    is the deployment's working calendar now.
    """

    calendar: str
    from_version: int
    to_version: int
    loaded_years: tuple[int, ...]
    is_working: bool

    @property
    def payload(self) -> dict[str, Any]:
        """The message's payload, as JSON holds it."""
        return {**asdict(self), "loaded_years": list(self.loaded_years)}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """Return the event that a message's payload tells."""
        return cls(**{**payload, "loaded_years": tuple(payload["loaded_years"])})
