"""What one ticket's clocks cost the pure engine: `python -m scripts.bench_engine [--profile]`.

Two tickets of twenty facts, an ordinary and an eventful one, under the shipped `toolkit`, on the shipped
calendar with a lunch break, around the National Day holiday and its make-up days. What is measured is
the processor's time, so that neighbours on the machine do not count. The aim is 200 microseconds.
"""

import argparse
import cProfile
import gc
import pstats
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median, quantiles
from time import process_time_ns
from typing import Any
from zoneinfo import ZoneInfo

from app.calendars.document import parse_calendar
from app.calendars.shipped import shipped_document
from app.calendars.working_time import compile_calendar
from app.sla.engine.clock import evaluate
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.terms import Rulebook
from app.sla.shipped import load_pack

ROUNDS, TIMES = 200, 25
SHANGHAI = ZoneInfo("Asia/Shanghai")
WITH_LUNCH = [["09:00", "12:00"], ["13:30", "18:00"]]
OPENING: dict[str, Any] = {
    "inputs": {"type": "technical", "complexity": "normal", "tier": "B", "channel": "phone"},
    "policy": ["toolkit", 1],
    "calendars": {"working": ["office", 1], "24x7": ["24x7", 1]},
}
STAFF = {"by": "staff", "public": True, "automatic": False, "vague": False}
CUSTOMER = {"by": "customer", "public": True, "automatic": False, "courtesy": False}
History = Sequence[tuple[str, FactKind, dict[str, Any]]]
# An ordinary ticket: talked over in house, told of twice, asked about once, resolved and confirmed.
ORDINARY: History = (
    ("09-28 10:05", FactKind.OPENED, OPENING),
    ("09-28 10:06", FactKind.ASSIGNED, {"owner": 7, "department": "support"}),
    ("09-28 10:20", FactKind.ACCEPTED, {}),
    ("09-28 10:25", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-28 10:40", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-28 11:30", FactKind.MESSAGE, STAFF),
    ("09-28 11:31", FactKind.WAITING, {"reason": "a screenshot"}),
    ("09-28 15:00", FactKind.MESSAGE, CUSTOMER),
    ("09-28 15:10", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-28 15:20", FactKind.ASSIGNED, {"owner": 8, "department": "support"}),
    ("09-28 15:30", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-28 16:00", FactKind.RECLASSIFIED, {"complexity": "complex"}),
    ("09-28 16:30", FactKind.MESSAGE, STAFF),
    ("09-28 16:40", FactKind.MESSAGE, {**CUSTOMER, "courtesy": True}),
    ("09-29 09:20", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-29 10:10", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-29 10:40", FactKind.RESOLVED, {}),
    ("09-30 09:30", FactKind.CONFIRMED, {"answer": "solved"}),
    ("09-30 09:31", FactKind.MESSAGE, {**CUSTOMER, "courtesy": True}),
    ("10-08 09:00", FactKind.CLOSED, {"reason": "confirmed"}),
)
# An eventful one: told of seven times, reopened after the holiday, moved to tier A, late in the end.
EVENTFUL: History = (
    ("09-28 10:05", FactKind.OPENED, OPENING),
    ("09-28 10:20", FactKind.ACCEPTED, {}),
    ("09-28 10:21", FactKind.ASSIGNED, {"owner": 7, "department": "support"}),
    ("09-28 11:50", FactKind.MESSAGE, STAFF),
    ("09-28 14:10", FactKind.MESSAGE, CUSTOMER),
    ("09-28 15:00", FactKind.MESSAGE, STAFF),
    ("09-28 15:00", FactKind.WAITING, {"reason": "a screenshot"}),
    ("09-29 09:40", FactKind.MESSAGE, CUSTOMER),
    ("09-29 10:10", FactKind.RECLASSIFIED, {"complexity": "complex"}),
    ("09-29 11:00", FactKind.MESSAGE, {**STAFF, "public": False}),
    ("09-29 13:50", FactKind.MESSAGE, STAFF),
    ("09-29 17:20", FactKind.MESSAGE, STAFF),
    ("09-30 11:40", FactKind.RESOLVED, {}),
    ("10-08 09:30", FactKind.MESSAGE, CUSTOMER),
    ("10-08 09:45", FactKind.REOPENED, {"reason": "again"}),
    ("10-08 10:30", FactKind.MESSAGE, STAFF),
    ("10-08 14:00", FactKind.TIER_CHANGED, {"tier": "A"}),
    ("10-08 16:20", FactKind.RESOLVED, {}),
    ("10-10 10:00", FactKind.MESSAGE, {**CUSTOMER, "courtesy": True}),
    ("10-12 10:00", FactKind.CONFIRMED, {"answer": "solved"}),
)


def main() -> None:
    """Measure, print median and tenth slowest, or where the time goes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--profile", action="store_true")
    if options.parse_args().profile:
        profile(*ticket(ORDINARY))
        return
    for name, history in (("ordinary", ORDINARY), ("eventful", EVENTFUL)):
        facts, rulebook = ticket(history)
        micros = measure(facts, rulebook)
        rows = len(evaluate(facts, rulebook))
        sys.stdout.write(
            f"{name} ticket, {len(facts)} facts, {rows} rows: median {median(micros):.0f} µs,"
            f" 90 % within {quantiles(micros, n=10)[-1]:.0f} µs of processor time\n"
        )


def ticket(history: History = ORDINARY) -> tuple[list[Fact], Rulebook]:
    """The ticket's facts and what they were made under."""
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), WITH_LUNCH)
    office = {**shipped_document("office"), "week": week}
    documents = {"office": office, "24x7": shipped_document("24x7")}
    rulebook = Rulebook(
        {("toolkit", 1): load_pack("toolkit")},
        {(name, 1): compile_calendar(parse_calendar(one)) for name, one in documents.items()},
    )
    facts = [
        Fact(number, kind, _utc(at), data) for number, (at, kind, data) in enumerate(history, 1)
    ]
    return facts, rulebook


def _utc(local: str) -> datetime:
    """A local time of 2026 in UTC, as stored facts have it."""
    return datetime.fromisoformat(f"2026-{local}").replace(tzinfo=SHANGHAI).astimezone(UTC)


def measure(facts: list[Fact], rulebook: Rulebook) -> list[float]:
    """Microseconds of one evaluation, averaged over a few at a time."""
    gc.collect()
    gc.disable()
    taken = []
    for _ in range(ROUNDS):
        began = process_time_ns()
        for _ in range(TIMES):
            evaluate(facts, rulebook)
        taken.append((process_time_ns() - began) / TIMES / 1000)
    gc.enable()
    return taken


def profile(facts: list[Fact], rulebook: Rulebook) -> None:
    """Print where the time of 3,000 evaluations goes."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(3000):
        evaluate(facts, rulebook)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
