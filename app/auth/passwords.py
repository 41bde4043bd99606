"""Passwords: hashed with argon2id, checked in equal time, held to a few rules, made up for newcomers.

Hashing costs tens of milliseconds and 19 MiB on purpose: request handlers go through `hashing`, which
keeps it off the event loop and bounds how many run at once. Not here: users, sessions, rate limits.
"""

import secrets
import unicodedata
from enum import StrEnum
from functools import cache
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

MIN_CHARACTERS: Final = 10
MAX_CHARACTERS: Final = 128
MIN_DISTINCT_CHARACTERS: Final = 5

# OWASP's second argon2id profile. One lane: a login waits for one core, not for all of them.
_HASHER: Final = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)
_LEGIBLE: Final = (
    "abcdefghjkmnpqrstuvwxyz23456789"  # no 0 o 1 l i: it is read aloud and copied by hand
)

# The commonest of those long enough to pass the first rule, Chinese habits included (5201314: "I love
# you for ever"). Compared without case.
_COMMON: Final = frozenset(
    """
    0123456789 1234567890 12345678910 123456789a 1234567890a 123456789qq 123456789abc 0987654321
    9876543210 987654321a 1029384756 1122334455 1234554321 12344321aa
    1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz@wsx3edc q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv zaq12wsxcde3
    qwertyuiop qwerty12345 qwerty123456 qwertyuiop123 qwerty1234 asdfghjkl123 asdfghjkl; zxcvbnm123
    zxcvbnm,./ asdf123456 qwer123456 qwe123456789 abc1234567 abc123456789 abcd123456 abcd12345678
    abcdefghij abcdefg123 a123456789 a1234567890 aa12345678 aa123456789 aaa123456789 as123456789
    password12 password123 password1234 password12345 password123456 password01 password2024
    password2025 password2026 passw0rd12 passw0rd123 p@ssw0rd12 p@ssw0rd123 p@ssword123 mypassword
    admin12345 admin123456 admin@1234 admin@12345 admin@123456 administrator root123456 test123456
    welcome123 welcome1234 welcome2026 letmein123 letmein1234 changeme12 changeme123 changeme1234
    iloveyou12 iloveyou123 iloveyou520 iloveyou1314 sunshine123 princess123 football123 baseball123
    5201314520 5201314123 52013145201314 1314520123 woaini1314 woaini5201314 woaini123456
    woaini1314520 woaiwojia123 wodemima123 nihao12345 nihao123456 zhang123456 wang123456 li123456789
    huiying123 huiying1234 huiying123456 huiying2026 trustno1trustno1 superman123 dragon123456
    """.split()  # noqa: SIM905 - a list of lines is read and amended more easily
)


class PasswordFault(StrEnum):
    """A rule that a new password breaks."""

    TOO_SHORT = "password_too_short"
    TOO_LONG = "password_too_long"
    TOO_UNIFORM = "password_too_uniform"
    TOO_COMMON = "password_too_common"
    IS_EMAIL = "password_is_email"


def check_password(password: str, *, email: str) -> tuple[PasswordFault, ...]:
    """Return the rules that a new password breaks, in the order of PasswordFault; none is fine.

    Lengths (10 to 128, both included) are counted in characters after NFKC, as the password is hashed.
    Neither the e-mail address nor its part before the @ will do.
    """
    normal = _normalise(password)
    folded, address = normal.casefold(), _normalise(email).casefold()
    broken = {
        PasswordFault.TOO_SHORT: len(normal) < MIN_CHARACTERS,
        PasswordFault.TOO_LONG: len(normal) > MAX_CHARACTERS,
        PasswordFault.TOO_UNIFORM: len(set(folded)) < MIN_DISTINCT_CHARACTERS,
        PasswordFault.TOO_COMMON: folded in _COMMON,
        PasswordFault.IS_EMAIL: folded in {address, address.partition("@")[0]},
    }
    return tuple(fault for fault, is_broken in broken.items() if is_broken)


def hash_password(password: str) -> str:
    """Return the argon2id hash in PHC form; blocks for tens of milliseconds."""
    return _HASHER.hash(_to_bytes(password))


def verify_password(stored_hash: str | None, password: str) -> bool:
    """Return whether the password is the one behind the hash; blocks for tens of milliseconds.

    Costs the same for no hash at all (an unknown user, one without a password), an unreadable one, and a
    password longer than any that can have been set: those are False.
    """
    if stored_hash is None or len(password) > MAX_CHARACTERS:
        return dummy_verify()
    try:
        return _HASHER.verify(stored_hash, _to_bytes(password))
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError):
        return dummy_verify()


def dummy_verify() -> bool:
    """Return False after the time that a wrong password takes."""
    try:
        _HASHER.verify(_dummy_hash(), b"the password of nobody")
    except VerifyMismatchError:
        return False
    raise AssertionError("the password of nobody was right")


def needs_rehash(stored_hash: str) -> bool:
    """Return whether the hash was made with other parameters than today's (hash anew at the next login)."""
    try:
        return _HASHER.check_needs_rehash(stored_hash)
    except InvalidHashError:
        return True


def generate_password() -> str:
    """Return a random password of 99 bits that can be read aloud: four groups of five."""
    groups = ("".join(secrets.choice(_LEGIBLE) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@cache
def _dummy_hash() -> str:
    return _HASHER.hash(secrets.token_bytes(32))


def _normalise(text: str) -> str:
    # The same password from a keyboard with full-width letters or another order of accents.
    return unicodedata.normalize("NFKC", text)


def _to_bytes(password: str) -> bytes:
    # A lone surrogate is refused at the edge; here it must only not raise.
    return _normalise(password).encode("utf-8", "surrogatepass")
