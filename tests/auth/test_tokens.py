"""Tokens and keys: what is issued is read back; every known way to cheat is refused with its reason."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt

from app.auth import tokens
from app.auth.tokens import (
    AccessClaims,
    TokenFault,
    TokenInvalid,
    WeakSecret,
    hash_refresh_token,
    hashes_equal,
    issue_access_token,
    new_api_key,
    new_refresh_token,
    parse_api_key,
    verify_access_token,
)

SECRET = bytes(range(100, 132))
OTHER_SECRET = bytes(range(50, 82))
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIFETIME = timedelta(minutes=15)
HEADER = {"alg": "HS256", "typ": "at+jwt"}
CLAIMS = {
    "iss": "huiying",
    "aud": "huiying-api",
    "sub": "user-1",
    "sid": "session-1",
    "jti": "token-1",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + LIFETIME).timestamp()),
}
MICROSECOND = timedelta(microseconds=1)


def issue(now: datetime = NOW, lifetime: timedelta = LIFETIME) -> str:
    token, _ = issue_access_token(
        SECRET, subject="user-1", session="session-1", now=now, lifetime=lifetime
    )
    return token


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: str, payload: str) -> str:
    """A token over the given JSON texts with the *right* key: only its form can give it away."""
    signed = f"{encode(header.encode())}.{encode(payload.encode())}"
    return f"{signed}.{encode(tokens._signing_key(SECRET).sign(signed.encode()))}"


def forge(header: Mapping[str, object] = HEADER, changed: Mapping[str, object] = {}) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not ...}
    return sign(json.dumps(header), json.dumps(claims))


def fault_of(token: str, now: datetime = NOW, secret: bytes = SECRET) -> TokenFault:
    with pytest.raises(TokenInvalid) as caught:
        verify_access_token(secret, token, now=now)
    assert len(token) < 20 or token not in str(caught.value)
    return caught.value.code


def test_an_issued_token_is_read_back_as_issued() -> None:
    token, issued = issue_access_token(
        SECRET, subject="user-1", session="session-1", now=NOW, lifetime=LIFETIME
    )
    read = verify_access_token(SECRET, token, now=NOW)
    assert read == issued
    assert read == AccessClaims("user-1", "session-1", issued.token_id, NOW, NOW + LIFETIME)


def test_the_forging_helper_makes_a_token_that_is_taken() -> None:
    read = verify_access_token(SECRET, forge(), now=NOW)
    assert read == AccessClaims("user-1", "session-1", "token-1", NOW, NOW + LIFETIME)


def test_two_tokens_of_one_session_have_their_own_ids() -> None:
    first, second = (verify_access_token(SECRET, issue(), now=NOW) for _ in range(2))
    assert first.token_id != second.token_id
    assert len(urlsafe_b64decode(first.token_id + "==")) == 16


def test_the_zone_of_now_does_not_matter() -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    assert verify_access_token(SECRET, issue(shanghai), now=NOW).issued_at == NOW


def test_now_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        issue(NOW.replace(tzinfo=None))


def test_a_token_is_valid_until_just_before_its_end() -> None:
    now = NOW + LIFETIME - MICROSECOND
    assert verify_access_token(SECRET, issue(), now=now).subject == "user-1"


def test_a_token_is_expired_exactly_at_its_end() -> None:
    assert fault_of(issue(), now=NOW + LIFETIME) is TokenFault.EXPIRED


def test_a_token_is_expired_just_after_its_end() -> None:
    assert fault_of(issue(), now=NOW + LIFETIME + MICROSECOND) is TokenFault.EXPIRED


def test_a_host_whose_clock_is_behind_by_the_skew_takes_a_fresh_token() -> None:
    now = NOW - tokens.CLOCK_SKEW
    assert verify_access_token(SECRET, issue(), now=now).subject == "user-1"


def test_a_token_from_further_in_the_future_than_the_skew_is_refused() -> None:
    now = NOW - tokens.CLOCK_SKEW - MICROSECOND
    assert fault_of(issue(), now=now) is TokenFault.NOT_YET_VALID


def test_fractions_of_a_second_are_rounded_down_and_never_lengthen_a_life() -> None:
    token = issue(NOW + timedelta(seconds=0.9), timedelta(seconds=2.9))
    read = verify_access_token(SECRET, token, now=NOW)
    assert (read.issued_at, read.expires_at) == (NOW, NOW + timedelta(seconds=2))


@pytest.mark.parametrize(
    "lifetime", [timedelta(), timedelta(seconds=-1), timedelta(days=1, microseconds=1)]
)
def test_a_lifetime_of_nothing_or_over_a_day_is_not_issued(lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="lives between"):
        issue(lifetime=lifetime)


@pytest.mark.parametrize("lifetime", [timedelta(seconds=1), timedelta(days=1)])
def test_the_shortest_and_the_longest_lifetime_are_issued(lifetime: timedelta) -> None:
    token = issue(lifetime=lifetime)
    assert verify_access_token(SECRET, token, now=NOW).expires_at == NOW + lifetime


@pytest.mark.parametrize("subject", ["", "x" * 201])
def test_a_subject_of_nothing_or_endless_length_is_not_issued(subject: str) -> None:
    with pytest.raises(ValueError, match="non-empty"):
        issue_access_token(SECRET, subject=subject, session="s", now=NOW, lifetime=LIFETIME)


@pytest.mark.parametrize("secret", [b"", SECRET[:31], b"a" * 64, b"changeme" * 3, b"abcdefg" * 9])
def test_a_weak_secret_neither_signs_nor_verifies(secret: bytes) -> None:
    with pytest.raises(WeakSecret):
        issue_access_token(secret, subject="u", session="s", now=NOW, lifetime=LIFETIME)
    with pytest.raises(WeakSecret):
        verify_access_token(secret, issue(), now=NOW)


def test_a_secret_of_exactly_32_random_bytes_is_enough() -> None:
    secret = bytes(range(32))
    token, _ = issue_access_token(secret, subject="u", session="s", now=NOW, lifetime=LIFETIME)
    assert verify_access_token(secret, token, now=NOW).subject == "u"


def test_a_token_signed_with_another_secret_is_refused() -> None:
    assert fault_of(issue(), secret=OTHER_SECRET) is TokenFault.SIGNATURE


def test_what_the_raw_secret_signs_elsewhere_is_no_access_token() -> None:
    forged = jwt.encode(dict(CLAIMS), SECRET.decode("latin-1"), "HS256", headers=HEADER)
    assert fault_of(forged) is TokenFault.SIGNATURE


def test_a_secret_that_reads_as_json_is_taken_as_bytes() -> None:
    secret = json.dumps({"keys": ["0123456789abcdef0123456789abcdef"]}).encode()
    token, _ = issue_access_token(secret, subject="u", session="s", now=NOW, lifetime=LIFETIME)
    assert verify_access_token(secret, token, now=NOW).subject == "u"
    assert fault_of(token, secret=secret.replace(b" ", b"")) is TokenFault.SIGNATURE


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "hs256", "HS384", "HS512", "RS256", "", 1, [None]]
)
def test_any_other_algorithm_is_refused_even_with_the_right_signature(alg: object) -> None:
    assert fault_of(forge({"alg": alg, "typ": "at+jwt"})) is TokenFault.HEADER


def test_an_unsigned_token_is_refused() -> None:
    header = encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode())
    assert fault_of(f"{header}.{issue().split('.')[1]}.") is TokenFault.MALFORMED


def test_a_right_hs512_signature_is_refused() -> None:
    key = hmac.digest(SECRET, b"huiying access token v1", hashlib.sha256)
    header = {"alg": "HS512", "typ": "at+jwt"}
    signed = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(CLAIMS).encode())}"
    signature = encode(hmac.digest(key, signed.encode(), hashlib.sha512))
    assert fault_of(f"{signed}.{signature}") is TokenFault.HEADER


@pytest.mark.parametrize(
    "typ", ["JWT", "at+JWT", "refresh+jwt", "application/at+jwt", "", ["at+jwt"]]
)
def test_a_token_of_another_type_is_refused(typ: object) -> None:
    assert fault_of(forge({"alg": "HS256", "typ": typ})) is TokenFault.HEADER


@pytest.mark.parametrize("missing", ["alg", "typ"])
def test_a_header_without_algorithm_or_type_is_refused(missing: str) -> None:
    header = {name: value for name, value in HEADER.items() if name != missing}
    assert fault_of(forge(header)) is TokenFault.HEADER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crit", ["exp"]),
        ("crit", []),
        ("jku", "https://evil.example/keys"),
        ("jwk", {"kty": "oct", "k": encode(SECRET)}),
        ("x5u", "https://evil.example/cert"),
        ("x5c", ["MIIB"]),
        ("kid", "../../dev/null"),
        ("b64", False),
        ("zip", "DEF"),
        ("cty", "JWT"),
    ],
)
def test_a_header_that_says_anything_more_is_refused(name: str, value: object) -> None:
    assert fault_of(forge({**HEADER, name: value})) is TokenFault.HEADER


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","alg":"HS256","typ":"at+jwt"}',
        '{"alg":"HS256","typ":"at+jwt","typ":"at+jwt"}',
        '["alg","HS256"]',
        '"HS256"',
        "null",
        "{",
        "[" * 3000,
        '{"alg":"HS256","typ":"at+jwt","n":NaN}',
    ],
)
def test_a_header_that_is_no_plain_object_is_refused(header: str) -> None:
    assert fault_of(sign(header, json.dumps(CLAIMS))) is TokenFault.HEADER


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_a_token_without_one_of_the_claims_is_refused(claim: str) -> None:
    assert fault_of(forge(changed={claim: ...})) is TokenFault.CLAIMS


@pytest.mark.parametrize("claim", sorted(CLAIMS))
@pytest.mark.parametrize("value", [None, True, [], {}, "", 1.5, -1, "1772442000", 10**400])
def test_a_claim_of_another_kind_is_refused(claim: str, value: object) -> None:
    if claim in {"sub", "sid", "jti"} and value == "1772442000":
        return  # a subject may well be digits
    assert fault_of(forge(changed={claim: value})) is TokenFault.CLAIMS


@pytest.mark.parametrize(
    "audience", ["huiying-forms", "huiying", ["huiying-api"], ["huiying-api", "x"]]
)
def test_a_token_for_another_audience_is_refused(audience: object) -> None:
    assert fault_of(forge(changed={"aud": audience})) is TokenFault.CLAIMS


def test_a_token_of_another_issuer_is_refused() -> None:
    assert fault_of(forge(changed={"iss": "somebody"})) is TokenFault.CLAIMS


@pytest.mark.parametrize("not_before", [0, int(NOW.timestamp()), 10**11])
def test_a_token_with_a_not_before_is_none_of_ours(not_before: int) -> None:
    assert fault_of(forge(changed={"nbf": not_before})) is TokenFault.CLAIMS


@pytest.mark.parametrize(
    "expires",
    [CLAIMS["iat"], int(NOW.timestamp()) - 1, int(NOW.timestamp()) + 86_401, 253_402_300_800],
)
def test_a_life_of_nothing_or_over_a_day_is_refused(expires: int) -> None:
    assert fault_of(forge(changed={"exp": expires})) is TokenFault.CLAIMS


def test_a_life_of_exactly_a_day_is_taken() -> None:
    token = forge(changed={"exp": int(NOW.timestamp()) + 86_400})
    assert verify_access_token(SECRET, token, now=NOW).subject == "user-1"


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(CLAIMS)[:-1] + ',"sub":"admin"}',
        json.dumps(CLAIMS)[:-1] + ',"x":NaN}',
        json.dumps(CLAIMS)[:-1] + ',"x":Infinity}',
        json.dumps(CLAIMS)[:-1],
        json.dumps([CLAIMS]),
        "null",
        "[" * 3000,
        "\ufeff" + json.dumps(CLAIMS),
    ],
)
def test_a_payload_that_is_no_plain_object_is_refused(payload: str) -> None:
    assert fault_of(sign(json.dumps(HEADER), payload)) is TokenFault.CLAIMS


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = issue().split(".")
    payload = encode(json.dumps(CLAIMS | {"sub": "admin"}).encode())
    assert fault_of(f"{header}.{payload}.{signature}") is TokenFault.SIGNATURE


@pytest.mark.parametrize("garbage", [".", "x", "=", "==", "\n", " ", "\x00", ".x", "!", "%00"])
def test_trailing_or_leading_garbage_is_refused(garbage: str) -> None:
    for token in (issue() + garbage, garbage + issue()):
        assert fault_of(token) in {TokenFault.MALFORMED, TokenFault.HEADER, TokenFault.SIGNATURE}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_garbage_inside_a_segment_is_refused(place: int) -> None:
    for garbage in ("=", "\n", " ", "+", "/", "é", "١", "!"):
        segments = issue().split(".")
        segments[place] = segments[place][:4] + garbage + segments[place][4:]
        assert fault_of(".".join(segments)) is TokenFault.MALFORMED


def test_every_other_spelling_of_the_signature_is_refused() -> None:
    signed, signature = issue().rsplit(".", 1)
    meant = urlsafe_b64decode(signature + "=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = [
        signature[:-1] + letter
        for letter in alphabet
        if letter != signature[-1] and urlsafe_b64decode(signature[:-1] + letter + "=") == meant
    ]
    assert len(twins) == 3  # 43 letters carry two bits that decode to nothing
    assert {fault_of(f"{signed}.{twin}") for twin in twins} == {TokenFault.MALFORMED}


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "é.é.é"]
)
def test_what_has_not_three_segments_is_refused(token: str) -> None:
    assert fault_of(token) is TokenFault.MALFORMED


def padded(characters: int) -> str:
    return forge(changed={"pad": "x" * characters})


def test_a_token_of_8_kilobytes_is_read_and_a_longer_one_is_not() -> None:
    sizes = {characters: len(padded(characters)) for characters in range(5800, 6000)}
    longest = max(size for size in sizes.values() if size <= 8192)
    fitting = next(characters for characters, size in sizes.items() if size == longest)
    assert longest > 8192 - 3
    assert verify_access_token(SECRET, padded(fitting), now=NOW).subject == "user-1"
    too_long = next(characters for characters, size in sizes.items() if size > 8192)
    assert fault_of(padded(too_long)) is TokenFault.TOO_LONG


@given(st.data())
def test_no_changed_letter_leaves_a_token_valid(data: st.DataObject) -> None:
    token = forge()
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters().filter(lambda drawn: drawn != token[at]))
    with pytest.raises(TokenInvalid):
        verify_access_token(SECRET, token[:at] + letter + token[at + 1 :], now=NOW)


@given(st.text())
def test_no_text_at_all_does_worse_than_be_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        verify_access_token(SECRET, text, now=NOW)
    with pytest.raises(TokenInvalid):
        parse_api_key(text)
    with pytest.raises(TokenInvalid):
        hash_refresh_token(text)


def test_a_refresh_token_is_found_by_the_hash_it_was_stored_under() -> None:
    token = new_refresh_token()
    assert hash_refresh_token(token.plain) == token.token_hash
    assert token.token_hash == hashlib.sha256(token.plain.encode()).hexdigest()


def test_refresh_tokens_differ_and_carry_at_least_128_bits() -> None:
    plains = {new_refresh_token().plain for _ in range(50)}
    assert len(plains) == 50
    assert {len(plain) for plain in plains} == {len("hyr_") + 43}


@pytest.mark.parametrize("end", ["x", "", "\n", " "])
def test_a_refresh_token_of_another_form_is_refused(end: str) -> None:
    plain = new_refresh_token().plain
    with pytest.raises(TokenInvalid):
        hash_refresh_token(plain + end if end else plain[:-1])


def test_an_api_key_is_found_by_its_id_and_proved_by_its_hash() -> None:
    key = new_api_key()
    presented = parse_api_key(key.plain)
    assert presented.key_id == key.key_id
    assert hashes_equal(key.key_hash, presented.key_hash)
    assert key.plain.startswith(f"hy_{key.key_id}_")


def test_the_secret_half_of_an_api_key_is_what_proves_it() -> None:
    key, other = new_api_key(), new_api_key()
    mixed = f"hy_{key.key_id}_{other.plain.rsplit('_', 1)[1]}"
    assert not hashes_equal(key.key_hash, parse_api_key(mixed).key_hash)


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "hy_",
        "hy__",
        f"hy_abc_{'x' * 43}",
        f"hy_abcdefghijkl_{'x' * 42}",
        f"hy_abcdefghijkl_{'x' * 44}",
        f"hy_ABCDEFGHIJKL_{'x' * 43}",
        f"hy_abcdefghijkl_{'x' * 42}-",
        f"HY_abcdefghijkl_{'x' * 43}",
        f"hy_abcdefghijkl_{'x' * 43}\n",
        f"hy_abcdefghijk٣_{'x' * 43}",
    ],
)
def test_an_api_key_of_another_form_is_refused(plain: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        parse_api_key(plain)
    assert caught.value.code is TokenFault.MALFORMED


def test_a_refresh_token_and_an_api_key_are_no_access_tokens_and_the_other_way_round() -> None:
    key, refresh, access = new_api_key().plain, new_refresh_token().plain, issue()
    assert {fault_of(key), fault_of(refresh)} == {TokenFault.MALFORMED}
    for plain in (refresh, access):
        with pytest.raises(TokenInvalid):
            parse_api_key(plain)
    for plain in (key, access):
        with pytest.raises(TokenInvalid):
            hash_refresh_token(plain)


def test_random_parts_come_from_the_whole_alphabet() -> None:
    assert set("".join(new_refresh_token().plain[4:] for _ in range(200))) == set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    )
