"""The commands that make derived tables anew from what they are derived from: `huiying rebuild-... [--check]`.

They import what they run when they run it, as all commands do.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.database import Database

Check = Annotated[bool, typer.Option("--check", help="Only compare; exit 1 on a difference")]


def rebuild_deadlines(check: Check = False) -> None:
    """Compute every deadline anew from its facts, and write (or with --check only report) what differs."""
    from app.sla import rebuild

    _run(rebuild.check_deadlines if check else None, rebuild.rebuild_deadlines)


def rebuild_timeline(check: Check = False) -> None:
    """Make every customer's timeline anew from its histories, and write (or with --check only report) what differs."""
    from app.timeline import rebuild

    _run(rebuild.check_timeline if check else None, rebuild.rebuild_timeline)


def _run(
    check: "Callable[[Database], Awaitable[Sequence[Any]]] | None",
    rebuild: "Callable[[Database], Awaitable[int]]",
) -> None:
    from app import deployment

    if check is None:
        print(f"{deployment.with_database(rebuild)} rows written anew")
        return
    differences = deployment.with_database(check)
    for difference in differences:
        print(difference)
    print(f"{len(differences)} differences")
    raise typer.Exit(1 if differences else 0)
