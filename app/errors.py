"""The kinds of refusal.

A refusal is a fact about the caller's request, never about our machinery: every class here becomes one
problem document (RFC 9457) in `problems`. What goes wrong inside stays an ordinary exception and becomes a 500.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong place in the input: a JSON Pointer (`/subject`, `/query/limit`), a stable code, its message's values."""

    pointer: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    """A request refused for a stated reason.

    `code` names the fact and keys the zh-CN and en texts in `problems`; `values` fill them and are sent as
    extension members, so they hold no secrets and no echo of the caller's input.
    """

    status: ClassVar[int] = 400
    default_code: ClassVar[str] = "bad_request"

    def __init__(
        self,
        code: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> None:
        self.code = code or self.default_code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.values = values
        super().__init__(self.code)


class BadRequest(Refusal):
    """The request cannot be read at all (malformed JSON, bad cursor)."""


class NotAuthenticated(Refusal):
    """Nobody is known to be calling."""

    status = 401
    default_code = "not_authenticated"


class NotPermitted(Refusal):
    """The caller is known, and may see the thing, but not do this."""

    status = 403
    default_code = "not_permitted"


class NotFound(Refusal):
    """There is no such thing, or it is invisible to the caller."""

    status = 404
    default_code = "not_found"


class Conflict(Refusal):
    """The thing's state does not allow this now."""

    status = 409
    default_code = "conflict"


class StaleVersion(Refusal):
    """`If-Match` names a version that is no longer the current one."""

    status = 412
    default_code = "stale_version"


class BodyTooLarge(Refusal):
    """The body is larger than the route takes."""

    status = 413
    default_code = "body_too_large"


class Invalid(Refusal):
    """The input was read, and breaks a rule of its form or of the SOP."""

    status = 422
    default_code = "validation_failed"


class VersionRequired(Refusal):
    """The route wants `If-Match`."""

    status = 428
    default_code = "version_required"


class TooManyRequests(Refusal):
    """A rate limit is used up; `Retry-After` says when to come back."""

    status = 429
    default_code = "too_many_requests"


class Unavailable(Refusal):
    """The database cannot be had just now; the request changed nothing and may be sent again."""

    status = 503
    default_code = "unavailable"


def invalid_field(pointer: str, code: str, **values: Any) -> Invalid:
    """Return the refusal of one field; `pointer` is a JSON Pointer into the body such as `/owner_id`."""
    return Invalid(errors=[FieldError(pointer, code, values)])
