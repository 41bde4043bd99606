"""Whom a customer about to be made may be already: the candidates that `matching` suspects, with reasons.

The one question of registration, forms and imports. Two registrations at the same instant do not see each other; the
scan of `duplicates` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.customers import search, search_queries
from app.customers.matching import Likeness, Profile, asked_keys_of, compare
from app.customers.search_keys import TOKEN_LENGTH_MAX, Group, Token, Wanted
from app.database import Reader, Transaction
from app.errors import Conflict, FieldError, Invalid
from app.statements import Row

SHOWN_MIN = 0.5
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer there is, and how like he is; `source` has the columns of `search_queries.SOURCES`."""

    source: Row
    likeness: Likeness

    def shown(self) -> dict[str, Any]:
        """Return what the API tells of a candidate."""
        return {
            "id": self.source["public_id"],
            "number": self.source["number"],
            "name": self.source["name"],
            "score": self.likeness.score,
            "is_suspected": self.likeness.is_suspected,
            "reasons": [reason.value for reason in self.likeness.reasons],
        }


async def find_candidates(
    reader: Reader, kind: str, profile: Profile, *, but: int | None = None
) -> list[Candidate]:
    """Return who is like `profile`, likeliest first, twenty at most; `but` is the key of whoever is meant himself.

    `kind` is the engine's (`Database.kind`). A brand alone is looked up for the first hundred of its bearers.
    """
    wanted = _wanted(profile)
    if wanted is None:
        return []
    texts = search.texts_of(kind, wanted)
    rows = await reader.all(search_queries.CANDIDATES, **texts)
    keys = sorted({row["id"] for row in rows} - {but})
    sources = await reader.all(search_queries.SOURCES, keys=keys) if keys else []
    compared = [
        Candidate(source, compare(profile, search.profile_of(source))) for source in sources
    ]
    likely = [one for one in compared if one.likeness.score >= SHOWN_MIN]
    likely.sort(key=lambda one: (-one.likeness.score, one.source["id"]))
    return likely[:SHOWN_MAX]


def _wanted(profile: Profile) -> tuple[Wanted, Wanted] | None:
    """Return the questions for what hardly two customers share, and for the brand; None where nothing is known."""
    keys = sorted(key[:TOKEN_LENGTH_MAX] for key in asked_keys_of(profile))
    sharp = tuple(Token(key) for key in keys if not key.startswith("b"))
    brands = tuple(Token(key) for key in keys if key.startswith("b"))
    if not sharp:
        return None
    return Group("or", sharp), Group("or", brands or sharp)


async def refuse_suspected(tx: Transaction, profile: Profile, checked: Sequence[UUID]) -> None:
    """Raise `Conflict` with the candidates while any suspected one is not among the `checked`.

    Raises `Invalid` at `/duplicates_checked/N` for what is no customer's id.
    """
    named = [str(one) for one in checked]
    rows = await tx.all(search_queries.NAMED, public_ids=named) if named else []
    known = {row["public_id"] for row in rows}
    errors = [
        FieldError(f"/duplicates_checked/{place}", "unknown_reference")
        for place, one in enumerate(named)
        if one not in known
    ]
    if errors:
        raise Invalid(errors=errors)
    unchecked = [
        one
        for one in await find_candidates(tx, tx.database.kind, profile)
        if one.likeness.is_suspected and one.source["public_id"] not in known
    ]
    if unchecked:
        raise Conflict("duplicate_suspected", candidates=[one.shown() for one in unchecked])
