"""What a search and a look for duplicates take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.customers.matching import Profile, Reason
from app.customers.schemas import CustomerSummary
from app.customers.search_ranking import Extent, MatchKind
from app.customers.values import Asked, CreditCode, Email, Name, Phone, Sentence, Word

LIMIT_MAX = 50


class SearchAsked(BaseModel):
    """What is searched for: words of names, pinyin or initials, digits of a telephone number from its end ..."""

    model_config = ConfigDict(extra="forbid")

    q: Asked = Field(
        description=(
            "Every word must be found: two or more characters of a name (customer, short name, contact), pinyin or"
            " initials (`hwkj`), the last four or more digits of a phone, an e-mail address, a number, a tag, a credit"
            " code. One character finds names that begin with it."
        )
    )
    limit: int = Field(20, ge=1, le=LIMIT_MAX)


class MatchRead(BaseModel):
    """Why a customer was found: what of him answered a word, and how much of it."""

    term: str
    kind: MatchKind
    extent: Extent


class HitRead(BaseModel):
    """A customer found; `score` of 100 is that of the word that he answers worst."""

    score: int
    matches: list[MatchRead]
    customer: CustomerSummary


class SearchRead(BaseModel):
    """The best hits, best first. Not `is_complete` where there are more: a longer question finds them."""

    items: list[HitRead]
    is_complete: bool


class CandidatesAsked(BaseModel):
    """What is known of a customer before he is registered."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "华东精密仪器股份公司", "phones": ["138 0013 8000"]}]
        },
    )

    name: Name
    short_name: Word | None = None
    credit_code: CreditCode | None = None
    address: Sentence | None = None
    phones: Annotated[list[Phone], Field(max_length=20)] = []
    emails: Annotated[list[Email], Field(max_length=20)] = []

    def profile(self) -> Profile:
        """Return it as `matching` compares it."""
        return Profile(
            self.name,
            short_name=self.short_name,
            credit_code=self.credit_code,
            phones=frozenset(self.phones),
            emails=frozenset(self.emails),
            address=self.address,
        )


class DuplicateCandidate(BaseModel):
    """A customer there is who may be the one asked about; a suspected one must be looked at before registering."""

    id: UUID
    number: str
    name: str
    score: float
    is_suspected: bool
    reasons: list[Reason]


class DuplicateCandidates(BaseModel):
    """Candidates, likeliest first, twenty at most."""

    items: list[DuplicateCandidate]
