"""The whole scorecard as files, for whoever looks without a token: the page, and the figures by month, rule and clock."""

from pydantic import ValidationError

from app.database import Database
from app.errors import Invalid
from app.reports.page import scorecard_page
from app.reports.schemas import GroupBy, ScorecardScope
from app.reports.service import read_scorecard, resolve_scope
from app.reports.spreadsheet import scorecard_csv

GROUPS = (GroupBy.MONTH, GroupBy.RULE, GroupBy.CLOCK)


class NoPeriod(ValueError):
    """What was given is no period; the message says what would be one."""


async def write_scorecard(
    database: Database, first: str | None, last: str | None, language: str, *, html: bool
) -> dict[str, str]:
    """Return the texts by kind: `csv`, and `html` where it is wanted; raises `NoPeriod`."""
    try:
        asked = ScorecardScope.model_validate({"from": first, "to": last})
        scope = await resolve_scope(database, None, asked)
    except (ValidationError, Invalid) as error:
        raise NoPeriod(
            "--from and --to are dates such as 2026-03-01, at most 1100 days apart"
        ) from error
    card = await read_scorecard(database, scope, GROUPS)
    page = await scorecard_page(database, scope, language) if html else ""
    return {"csv": scorecard_csv(card, language), "html": page}
