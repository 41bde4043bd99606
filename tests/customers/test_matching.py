"""How like two customers are, with reasons; measured on labelled records and on generated spellings of real names."""

import csv
import io
import lzma
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.customers.matching import (
    Profile,
    Reason,
    asked_keys_of,
    compare,
    keys_of,
    number_digits,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
Pair = tuple[str, str]


@pytest.mark.parametrize(
    ("one", "other", "reason", "suspected"),
    [
        ("蓝禾科技有限公司", "蓝禾科技有限公司 ", Reason.SAME_NAME, True),
        ("深圳市蓝禾科技有限公司", "蓝禾科技股份有限公司", Reason.SAME_CORE, True),
        ("蓝禾科技(深圳)有限公司", "深圳蓝禾科技", Reason.SAME_CORE, True),
        ("上海蓝禾科技有限公司", "北京蓝禾科技有限公司", Reason.SAME_CORE_ELSEWHERE, False),
        ("蓝禾科技有限公司", "蓝禾科技有限公司合肥分公司", Reason.SAME_CORE_OTHER_BRANCH, False),
        ("蓝禾科技有限公司", "兰和科技有限公司", Reason.SAME_READING, True),
        ("藍禾科技", "蓝禾科技有限公司", Reason.SAME_READING, True),
        ("深圳蓝禾运输有限公司", "深训蓝禾运输有限公司", Reason.ONE_CHARACTER, True),
        ("蓝禾工业自动化有限公司", "蓝禾工业自动仪有限公司", Reason.ONE_CHARACTER, True),
        ("恒信科技有限公司", "恒通科技有限公司", Reason.ONE_CHARACTER, False),
        ("蓝禾", "蓝禾技术有限公司", Reason.SAME_BRAND, False),
        ("Acme Trading Ltd", "ACME TRADING CO., LTD.", Reason.SAME_CORE, True),
        ("Ryan Campbell", "Campbell Ryan", Reason.SAME_CORE, True),
    ],
)
def test_names_speak(one: str, other: str, reason: Reason, suspected: bool) -> None:
    found = compare(Profile(one), Profile(other))
    assert found.reasons[0] is reason
    assert found.is_suspected is suspected
    assert compare(Profile(other), Profile(one)) == found
    assert asked_keys_of(Profile(other)) & keys_of(Profile(one))


def test_numbers_and_addresses_speak_whatever_the_name() -> None:
    one = Profile("甲", phones=frozenset({"+8613800138000"}), emails=frozenset({"a@example.com"}))
    other = Profile("乙公司", phones=frozenset({"+8613800138000;ext=8"}))
    assert compare(one, other).reasons == (Reason.PHONE,)
    assert compare(one, other).is_suspected
    mailed = Profile("丙公司", emails=frozenset({"A@example.com"}))
    assert compare(one, mailed).reasons == (Reason.EMAIL,)


def test_different_credit_codes_outweigh_a_like_name() -> None:
    one = Profile("蓝禾科技有限公司", credit_code="91350211M000100Y43")
    other = Profile("蓝禾科技有限公司", credit_code="91350211M000100Y44")
    found = compare(one, other)
    assert not found.is_suspected
    assert found.reasons[-1] is Reason.CREDIT_CODE_DIFFERS
    assert compare(one, Profile("丁", credit_code=one.credit_code)).score == 1


def test_two_people_of_one_name_are_two_where_nothing_else_agrees() -> None:
    one = Profile("张伟", phones=frozenset({"+8613800138000"}), address="上海市静安区南京西路 1 号")
    other = Profile(
        "张伟", phones=frozenset({"+8613900139000"}), address="成都市锦江区东大街 88 号"
    )
    assert not compare(one, other).is_suspected
    assert compare(one, Profile("张伟")).is_suspected


def test_digits_are_read_from_the_end_without_the_extension() -> None:
    assert number_digits("+861012345678;ext=801") == "876543210168"


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_order_makes_no_difference(one: str, other: str) -> None:
    assert compare(Profile(one), Profile(other)) == compare(Profile(other), Profile(one))
    assert 0 <= compare(Profile(one), Profile(other)).score <= 1


@given(st.text(max_size=40).filter(lambda name: any(map(str.isalnum, name))))
def test_a_customer_is_like_itself(name: str) -> None:
    assert compare(Profile(name), Profile(name)).is_suspected


# --- measured


def _candidates(profiles: Mapping[str, Profile]) -> set[Pair]:
    index: dict[str, set[str]] = defaultdict(set)
    for name, profile in profiles.items():
        for key in keys_of(profile):
            index[key].add(name)
    return {
        (min(name, other), max(name, other))
        for name, profile in profiles.items()
        for key in asked_keys_of(profile)
        for other in index.get(key, ())
        if other != name
    }


def _measured(
    profiles: Mapping[str, Profile], truth: set[Pair], pairs: Iterable[Pair]
) -> tuple[float, float]:
    found = {pair for pair in pairs if compare(profiles[pair[0]], profiles[pair[1]]).is_suspected}
    return len(found & truth) / len(found), len(found & truth) / len(truth)


def _labelled(number: int) -> tuple[dict[str, Profile], set[Pair]]:
    path = DATA / "dedupe" / f"febrl_dataset{number}.csv.xz"
    if not path.exists():
        pytest.skip("the labelled records are not here")
    text = lzma.decompress(path.read_bytes()).decode()
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    profiles, groups = {}, defaultdict(list)
    for row in rows:
        known = {name.strip(): value.strip() for name, value in row.items()}
        address = ("street_number", "address_1", "suburb", "postcode")
        profiles[known["rec_id"]] = Profile(
            f"{known['given_name']} {known['surname']}",
            phones=frozenset({known["soc_sec_id"]} - {""}),
            address=" ".join(known[name] for name in address),
        )
        groups[known["rec_id"].split("-")[1]].append(known["rec_id"])
    truth = {
        (min(one, other), max(one, other))
        for group in groups.values()
        for at, one in enumerate(group)
        for other in group[at + 1 :]
    }
    return profiles, truth


@pytest.mark.parametrize(("number", "precision", "recall"), [(1, 0.99, 0.95), (2, 0.99, 0.94)])
def test_labelled_people_are_found(number: int, precision: float, recall: float) -> None:
    profiles, truth = _labelled(number)
    found = _measured(profiles, truth, _candidates(profiles))
    assert found >= (precision, 0)
    assert found[1] >= recall


def _wide(one: str) -> str:
    return chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one


def _spellings(name: str, chance: random.Random, characters: str) -> dict[str, str]:
    """Return other spellings of a company's name, by what was done to it."""
    at = chance.randrange(1, len(name))
    form = next((one for one in ("有限责任公司", "有限公司", "公司") if name.endswith(one)), "")
    bare = name[: len(name) - len(form)]
    return {
        "form": bare + ("有限责任公司" if form == "有限公司" else "有限公司"),
        "bare": bare,
        "wide": "".join(map(_wide, name)),
        "blanks": f"{name[:at]} {name[at:]}\u3000",
        "place": chance.choice(["上海", "深圳市", "浙江省"]) + name,
        "wrong": name[:at] + chance.choice(characters) + name[at + 1 :],
    }


def test_other_spellings_of_real_names_are_found() -> None:
    files = [DATA / "names" / f"company_fullname_{one}.txt" for one in ("brand_500", "120")]
    if not all(path.exists() for path in files):
        pytest.skip("the company names are not here")
    lines = [line for path in files for line in path.read_text().splitlines() if line.strip()]
    known = sorted({line.split()[0] for line in lines})
    chance, characters = random.Random(1), "".join(sorted(set("".join(known))))
    profiles = {name: Profile(name) for name in known}
    truth: set[Pair] = set()
    for name in known:
        for kind, spelling in _spellings(name, chance, characters).items():
            profiles[f"~{kind} {name}"] = Profile(spelling)
            truth.add((min(name, f"~{kind} {name}"), max(name, f"~{kind} {name}")))
    pairs = {pair for pair in _candidates(profiles) if (pair[0] in known) != (pair[1] in known)}
    precision, recall = _measured(profiles, truth, pairs)
    assert precision >= 0.99
    assert recall >= 0.95
