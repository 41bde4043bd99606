"""What every notice's words have in common: one text in two languages, and lines that stay lines.

Pure. What a kind of notice says is written by the feature that the notice speaks of.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

TITLE_LENGTH_MAX = 200
# Characters that turn the direction of what follows them: a label must not rewrite the sentence around it.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Text:
    """A title of one line and a body of several."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a notice says, in Chinese and in English."""

    zh: Text
    en: Text

    def in_language(self, language: str) -> Text:
        """Return the English text for `en`, else the Chinese one."""
        return self.en if language.startswith("en") else self.zh


def one_line(text: str, length_max: int = TITLE_LENGTH_MAX) -> str:
    """Return a text that others wrote as one line: breaks become blanks, controls vanish, too long ends with an ellipsis."""
    shown = text if text.isprintable() else "".join(filter(_is_shown, text))
    kept = " ".join(shown.split())
    return kept if len(kept) <= length_max else kept[: length_max - 1] + "…"


def _is_shown(character: str) -> bool:
    if character in _TURNING:
        return False
    return character.isspace() or unicodedata.category(character) not in ("Cc", "Cs")
