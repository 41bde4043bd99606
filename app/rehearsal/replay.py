"""`huiying replay`: a real log, a mapping and a policy in, a report out.

Everything happens in a database of its own (`scratch`); how the log is played is in `player`.
"""

import asyncio
import time
from importlib.resources import files
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import Progress as ProgressBar

from app.calendars.document import CalendarInvalid, parse_calendar
from app.calendars.shipped import SHIPPED_NAMES
from app.rehearsal.logs import Log, LogUnreadable, read_log
from app.rehearsal.mapping import LogMapping, MappingInvalid, parse_mapping
from app.rehearsal.player import Player, Progress
from app.rehearsal.report import Outcome, report
from app.rehearsal.scratch import ScratchUnavailable, open_scratch, scratch_settings
from app.settings import Settings
from app.time import monotonic

SHIPPED = ("helpdesk", "boston311")
DEFAULT_POLICY = "toolkit"
REFUSED = (MappingInvalid, LogUnreadable, ScratchUnavailable, OSError)


def load_mapping(name: str) -> LogMapping:
    """Return a shipped mapping by name, or that of a YAML file; raises `MappingInvalid`, `OSError`."""
    if name in SHIPPED:
        text = files("app.rehearsal").joinpath("mappings", f"{name}.yaml").read_text("utf-8")
    else:
        text = _mapping_text(Path(name))
    try:
        mapping = parse_mapping(yaml.safe_load(text))
        if not isinstance(mapping.calendar, str):
            parse_calendar(mapping.calendar)
        elif mapping.calendar not in SHIPPED_NAMES:
            raise MappingInvalid(f"calendar: none of {', '.join(SHIPPED_NAMES)}, nor a document")
    except (yaml.YAMLError, CalendarInvalid) as error:
        raise MappingInvalid(str(error)) from error
    return mapping


def _mapping_text(path: Path) -> str:
    if not path.is_file():
        raise MappingInvalid(f"{path} is neither a file nor one of {', '.join(SHIPPED)}")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise MappingInvalid(f"{path} is not UTF-8") from error


def replay_file(
    settings: Settings,
    path: Path,
    mapping_name: str,
    *,
    policy: str | None = None,
    limit: int | None = None,
) -> tuple[str, str]:
    """Replay a file with a progress bar on stderr; returns the report, and a line about the speed.

    The report of the same file is the same to the byte. Raises what `REFUSED` names.
    """
    mapping = load_mapping(mapping_name)
    log = read_log(path, mapping, limit=limit)
    began, used = monotonic(), time.process_time()
    with ProgressBar(console=Console(stderr=True)) as bar:
        task = bar.add_task(path.name, total=len(log.events))
        outcome = replay_log(
            settings,
            log,
            mapping,
            name=path.name,
            policy=policy,
            progress=lambda count: bar.update(task, completed=count),
        )
    seconds, used = monotonic() - began, time.process_time() - used
    count = len(log.events)
    speed = (
        f"{count:,} events in {seconds:.1f} s: {count / seconds:,.0f} events/s, {used:.1f} s of CPU"
    )
    return report(outcome), speed


def replay_log(
    settings: Settings,
    log: Log,
    mapping: LogMapping,
    *,
    name: str,
    policy: str | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Replay a log in a database of its own and return what was found; `progress` is told how many events are done.

    `policy` is a shipped pack; without one the mapping's own, else `toolkit`.
    """
    pack = policy or mapping.policy or DEFAULT_POLICY

    async def run(scratch: Settings) -> Outcome:
        outcome = Outcome(name, mapping.name, pack)
        async with open_scratch(scratch) as database:
            await Player(database, mapping, outcome).run(log, pack, progress)
        return outcome

    with scratch_settings(settings) as scratch:
        return asyncio.run(run(scratch))
