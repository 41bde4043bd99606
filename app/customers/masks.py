"""How numbers and addresses read where they are masked, and what a masked one stands for: pure.

Who may not read a number sends back what he was shown: it keeps the number that it stands for.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# Kind -> how many characters stay in front and at the end (`reading.masked` writes the same).
MASKS: Mapping[str, tuple[int, int]] = MappingProxyType({"phone": (3, 4), "email": (1, 4)})
STARS = "****"
_MASKED = re.compile(r"[^*@]{0,3}\*{4}[^*@]{0,4}")


class MaskUnclear(ValueError):
    """What a masked value stands for is not there, or could be several: `place` is where it stands in the list."""

    def __init__(self, place: int, *, is_ambiguous: bool) -> None:
        self.place, self.is_ambiguous = place, is_ambiguous
        super().__init__(place)


def is_masked(text: str) -> bool:
    """Return whether a text is what a masked number or address looks like; no valid one does."""
    return _MASKED.fullmatch(text) is not None


def mask(value: str, kind: str) -> str:
    """Return a value as who need not know it reads it."""
    head, tail = MASKS[kind]
    if len(value) <= head + tail + 2:
        return STARS
    return f"{value[:head]}{STARS}{value[-tail:]}"


def unmasked(kind: str, sent: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the values that are meant, masked ones being those of `known` in their order.

    Raises `MaskUnclear`: nothing of that mask is left, or more than were sent.
    """
    free = [value for value in known if value not in sent]
    left = {text: [v for v in free if mask(v, kind) == text] for text in sent if is_masked(text)}
    meant = []
    for place, text in enumerate(sent):
        if text not in left:
            meant.append(text)
        elif len(known_ones := left[text]) != sent[place:].count(text):
            raise MaskUnclear(place, is_ambiguous=bool(known_ones))
        else:
            meant.append(known_ones.pop(0))
    return meant
