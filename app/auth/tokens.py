"""Access tokens, refresh tokens and API keys: made, read, refused.

The one module that imports python-jose, which left to itself accepts tokens without an end, an audience
or a known header. Not here: revocation (by token id and session, in the database), who the caller is and
what he may do (`principal`), and the wall clock, which the caller passes in.
"""

import hashlib
import hmac
import json
import re
import secrets
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NoReturn

from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

ALGORITHM: Final = "HS256"
TOKEN_TYPE: Final = "at+jwt"  # RFC 9068: an access token is no other kind of token
ISSUER: Final = "huiying"
AUDIENCE: Final = "huiying-api"

MAX_TOKEN_BYTES: Final = 8 * 1024
MIN_SECRET_BYTES: Final = 32
MIN_SECRET_DISTINCT_BYTES: Final = 8
MAX_LIFETIME: Final = timedelta(days=1)
CLOCK_SKEW: Final = timedelta(seconds=10)  # between the hosts that issue and verify

_HEADER: Final = {"alg": ALGORITHM, "typ": TOKEN_TYPE}
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
_MAX_NAME_CHARACTERS: Final = 200
_LATEST_SECOND: Final = 253_402_300_799  # the end of the year 9999, where datetime ends

_KEY_ID_ALPHABET: Final = string.ascii_lowercase + string.digits
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits
_SECRET_CHARACTERS: Final = 43  # 256 bits in 62 letters and digits, which a double click selects
_REFRESH_TOKEN: Final = re.compile(rf"hyr_[A-Za-z0-9]{{{_SECRET_CHARACTERS}}}")
_API_KEY: Final = re.compile(rf"hy_([a-z0-9]{{12}})_[A-Za-z0-9]{{{_SECRET_CHARACTERS}}}")


class TokenFault(StrEnum):
    """Why a token is refused; for the log and the audit, the answer to the caller is always a plain 401."""

    TOO_LONG = "token_too_long"
    MALFORMED = "token_malformed"
    HEADER = "token_header_refused"
    SIGNATURE = "token_signature_wrong"
    CLAIMS = "token_claims_refused"
    NOT_YET_VALID = "token_not_yet_valid"
    EXPIRED = "token_expired"


class TokenInvalid(Exception):
    """The presented token or key proves nothing; `code` says why and never quotes it."""

    def __init__(self, code: TokenFault) -> None:
        super().__init__(code.value)
        self.code = code


class WeakSecret(ValueError):
    """The signing secret is too short or too uniform to be random."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says; instants are UTC in whole seconds, `expires_at` is exclusive."""

    subject: str
    session: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """An opaque refresh token: `plain` for the client, `token_hash` (SHA-256, hex) for the database."""

    plain: str
    token_hash: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A new API key: `plain` is shown once, `key_id` finds the row, `key_hash` (SHA-256, hex) proves it."""

    plain: str
    key_id: str
    key_hash: str


@dataclass(frozen=True, slots=True)
class PresentedApiKey:
    """A well-formed key as presented: compare `key_hash` with the stored one by `hashes_equal`."""

    key_id: str
    key_hash: str


def issue_access_token(
    secret: bytes, *, subject: str, session: str, now: datetime, lifetime: timedelta
) -> tuple[str, AccessClaims]:
    """Return a signed token and what it says.

    `now` is aware and real time; the token is valid from its whole second on, for `lifetime` (over zero,
    at most a day) rounded down to seconds. Raises WeakSecret, and ValueError for other bad arguments.
    """
    if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
        raise ValueError("an access token lives between one second and one day")
    if not (0 < len(subject) <= _MAX_NAME_CHARACTERS and 0 < len(session) <= _MAX_NAME_CHARACTERS):
        raise ValueError("subject and session are short, non-empty strings")
    issued = _seconds(now)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "sid": session,
        "jti": secrets.token_urlsafe(16),
        "iat": issued,
        "exp": issued + lifetime // timedelta(seconds=1),
    }
    token: str = jws.sign(claims, _signing_key(secret), headers=_HEADER, algorithm=ALGORITHM)
    return token, _read_claims(claims)


def verify_access_token(secret: bytes, token: str, *, now: datetime) -> AccessClaims:
    """Return what the token says; raises TokenInvalid with its reason, and WeakSecret.

    `now` is aware and real time. Valid from `iat` (less a small skew between hosts) up to, not including,
    `exp`. Whether the session still lives is asked elsewhere.
    """
    key = _signing_key(secret)
    header, _payload, _signature = _split(token)
    if _read_object(header, TokenFault.HEADER) != _HEADER:
        # An exact header: whatever else may be there (crit, jku, jwk, x5u, kid) is refused with it.
        raise TokenInvalid(TokenFault.HEADER)
    try:
        payload = jws.verify(token, key, [ALGORITHM])
    except JOSEError:
        raise TokenInvalid(TokenFault.SIGNATURE) from None
    claims = _read_claims(_read_object(payload, TokenFault.CLAIMS))
    _check_times(claims, now)
    return claims


def new_refresh_token() -> RefreshToken:
    """Return a fresh opaque token of 256 random bits."""
    plain = f"hyr_{_random(_SECRET_ALPHABET, _SECRET_CHARACTERS)}"
    return RefreshToken(plain, _sha256(plain))


def hash_refresh_token(plain: str) -> str:
    """Return the hash under which the token is stored; raises TokenInvalid when it cannot be one of ours."""
    if not _REFRESH_TOKEN.fullmatch(plain):
        raise TokenInvalid(TokenFault.MALFORMED)
    return _sha256(plain)


def new_api_key() -> ApiKey:
    """Return a fresh key `hy_<keyid>_<secret>` of 256 random bits."""
    key_id = _random(_KEY_ID_ALPHABET, 12)
    plain = f"hy_{key_id}_{_random(_SECRET_ALPHABET, _SECRET_CHARACTERS)}"
    return ApiKey(plain, key_id, _sha256(plain))


def parse_api_key(plain: str) -> PresentedApiKey:
    """Return the parts of a presented key; raises TokenInvalid when it is not of our form."""
    match = _API_KEY.fullmatch(plain)
    if match is None:
        raise TokenInvalid(TokenFault.MALFORMED)
    return PresentedApiKey(match[1], _sha256(plain))


def hashes_equal(stored: str, presented: str) -> bool:
    """Whether two hashes are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(stored.encode(), presented.encode())


@lru_cache(maxsize=4)
def _signing_key(secret: bytes) -> Key:
    """The key of access tokens alone: what else the deployment's secret signs can never pass as a token."""
    if len(secret) < MIN_SECRET_BYTES or len(set(secret)) < MIN_SECRET_DISTINCT_BYTES:
        raise WeakSecret(f"the secret needs at least {MIN_SECRET_BYTES} random bytes")
    derived = hmac.digest(secret, b"huiying access token v1", hashlib.sha256)
    return jwk.construct(derived, ALGORITHM)


def _split(token: str) -> tuple[bytes, bytes, bytes]:
    """The three decoded segments; there is exactly one spelling of each that is taken."""
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenInvalid(TokenFault.TOO_LONG)
    segments = token.split(".")
    if len(segments) != 3:
        raise TokenInvalid(TokenFault.MALFORMED)
    header, payload, signature = (_decode(segment) for segment in segments)
    return header, payload, signature


def _decode(segment: str) -> bytes:
    if not _SEGMENT.fullmatch(segment):
        raise TokenInvalid(TokenFault.MALFORMED)
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except Base64Error:
        raise TokenInvalid(TokenFault.MALFORMED) from None
    # The last letter may carry bits that decode to nothing: one token would have many spellings.
    if urlsafe_b64encode(decoded).rstrip(b"=") != segment.encode():
        raise TokenInvalid(TokenFault.MALFORMED)
    return decoded


def _read_object(data: bytes, fault: TokenFault) -> dict[str, Any]:
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise TokenInvalid(fault) from None
    if not isinstance(value, dict):
        raise TokenInvalid(fault)
    return value


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_claims(claims: Mapping[str, Any]) -> AccessClaims:
    """The claims as values; all of ours are required, with our issuer and our audience alone."""
    # We issue no `nbf`; a token with one is not ours, and to ignore it would be to take it too early.
    if claims.get("iss") != ISSUER or claims.get("aud") != AUDIENCE or "nbf" in claims:
        raise TokenInvalid(TokenFault.CLAIMS)
    read = AccessClaims(
        subject=_read_name(claims, "sub"),
        session=_read_name(claims, "sid"),
        token_id=_read_name(claims, "jti"),
        issued_at=_read_instant(claims, "iat"),
        expires_at=_read_instant(claims, "exp"),
    )
    if not timedelta() < read.expires_at - read.issued_at <= MAX_LIFETIME:
        raise TokenInvalid(TokenFault.CLAIMS)
    return read


def _read_name(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME_CHARACTERS:
        raise TokenInvalid(TokenFault.CLAIMS)
    return value


def _read_instant(claims: Mapping[str, Any], claim: str) -> datetime:
    value = claims.get(claim)
    # Exactly an int: a bool is one to isinstance, and a float would round the end.
    if type(value) is not int or not 0 <= value <= _LATEST_SECOND:
        raise TokenInvalid(TokenFault.CLAIMS)
    return datetime.fromtimestamp(value, UTC)


def _check_times(claims: AccessClaims, now: datetime) -> None:
    if now < claims.issued_at - CLOCK_SKEW:
        raise TokenInvalid(TokenFault.NOT_YET_VALID)
    if now >= claims.expires_at:
        raise TokenInvalid(TokenFault.EXPIRED)


def _seconds(instant: datetime) -> int:
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone is no instant")
    return int(instant.timestamp() // 1)


def _sha256(plain: str) -> str:
    # Unsalted and fast is right here: the input is 256 random bits, not something a person chose.
    return hashlib.sha256(plain.encode()).hexdigest()


def _random(alphabet: str, count: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(count))
