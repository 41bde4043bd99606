"""Named fault points, so that crash tests can kill a process where it hurts.

A point does nothing unless `HUIYING_FAULTS` armed it when the process started, and production never arms any.
"""

import os
import signal
from collections.abc import Mapping
from typing import Final

POINTS: Final = frozenset(
    {
        "claim.before",
        "claim.after",
        "commit.before",
        "commit.after",
        "send.before",
        "send.after",
        "sweep.claimed",
        "operation.after",
    }
)
_armed: dict[str, int] = {}


def arm(text: str) -> None:
    """Arm points given as `name:n[,name:n]`: the n-th passing of each kills the process; raises `ValueError`."""
    for part in filter(None, text.split(",")):
        name, _, count = part.partition(":")
        if name not in POINTS:
            raise ValueError(f"no fault point {name}")
        _armed[name] = int(count or "1")


def armed() -> Mapping[str, int]:
    """Return the armed points with the passings left."""
    return dict(_armed)


def pass_by(name: str) -> None:
    """Pass a point; kills the process with SIGKILL when its turn has come."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
