"""What is asked of the tier policy's versions."""

from sqlalchemy import bindparam, select

from app.auth.models import User
from app.reading import Listing, one_statement
from app.statements import Statement
from app.tiering.models import TierPolicyVersion

_VERSIONS, _PUBLISHERS = TierPolicyVersion.__table__, User.__table__.alias("publisher")
_SHOWN = (
    ("number", _VERSIONS.c.number),
    ("document", _VERSIONS.c.document),
    ("published_by", _PUBLISHERS.c.public_id),
    ("created_at", _VERSIONS.c.created_at),
)
_SOURCE = _VERSIONS.outerjoin(_PUBLISHERS, _PUBLISHERS.c.id == _VERSIONS.c.published_by)

NEWEST = Statement(
    select(_VERSIONS.c.number, _VERSIONS.c.document).order_by(_VERSIONS.c.number.desc()).limit(1)
)
VERSION = one_statement(
    _SOURCE, _SHOWN, _VERSIONS.c.number == bindparam("number"), version=_VERSIONS.c.number
)
LISTING = Listing(
    name="tier_policy_versions",
    source=_SOURCE,
    fields=_SHOWN,
    key=_VERSIONS.c.id,
    sorts={"number": _VERSIONS.c.number},
)
