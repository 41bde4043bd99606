"""Names taken apart: spelling, place, legal form, brand, reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.customers import names
from app.customers.names import name_parts


@pytest.mark.parametrize(
    ("name", "core", "brand", "places", "branch"),
    [
        ("苏州蓝禾优网络服务有限公司", "蓝禾优网络服务", "蓝禾优", {"苏州"}, ""),
        ("深圳市蓝禾科技股份有限公司", "蓝禾科技", "蓝禾", {"深圳"}, ""),
        ("广东省深圳市南山区蓝禾贸易商行", "蓝禾贸易商行", "蓝禾", {"广东", "深圳", "南山区"}, ""),
        ("灵川传媒科技(绍兴)有限公司", "灵川传媒科技", "灵川", {"绍兴"}, ""),
        ("ＡＢＣ科技（深圳）有限公司", "abc科技", "abc", {"深圳"}, ""),
        ("途川互联网科技有限公司合肥分公司", "途川互联网科技", "途川", set(), "合肥分公司"),
        ("新川能源石家庄公司", "新川能源", "新川", {"石家庄"}, ""),
        ("上海银行", "上海银行", "上海银行", set(), ""),
        ("宁波明川环境有居公司", "明川环境", "明川", {"宁波"}, ""),
        ("超市管理有限公司", "超市管理", "超市管理", set(), ""),
        ("Acme Trading Co., Ltd.", "acmetrading", "acmetrading", set(), ""),
        ("有限公司", "有限公司", "有限公司", set(), ""),
        ("北京", "北京", "北京", set(), ""),
        ("😀", "x1f600", "x1f600", set(), ""),
    ],
)
def test_a_name_has_parts(name: str, core: str, brand: str, places: set[str], branch: str) -> None:
    parts = name_parts(name)
    assert (parts.core, parts.brand, set(parts.places), parts.branch) == (
        core,
        brand,
        places,
        branch,
    )


def test_words_of_a_latin_name_have_no_order() -> None:
    assert name_parts("Ryan Campbell").words == name_parts("campbell, RYAN").words


def test_readings_know_phrases_and_leave_letters() -> None:
    assert names.reading("重庆华为a8") == "chong qing hua wei a 8"
    assert names.letters_of("hua wei ke ji") == "huaweikeji"
    assert names.initials_of("hua wei ke ji") == "hwkj"
    assert names.reading("華為") == names.reading("华为")


@given(st.text(max_size=60))
def test_no_text_breaks_a_name(text: str) -> None:
    parts = name_parts(text)
    assert parts.core or not parts.compact
    assert names.compact(parts.compact) == parts.compact
    assert len(names.initials_of(names.reading(parts.core))) >= 0


@given(
    st.text("甲乙丙丁戊己庚辛", min_size=4, max_size=9),
    st.integers(min_value=0, max_value=8),
    st.sampled_from(["wrong", "missing", "more"]),
)
def test_one_character_off_shares_a_key(core: str, at: int, kind: str) -> None:
    at = min(at, len(core) - 1)
    other = {
        "wrong": core[:at] + "王" + core[at + 1 :],
        "missing": core[:at] + core[at + 1 :],
        "more": core[:at] + "王" + core[at:],
    }[kind]
    if len(other) > 3:
        assert names.one_off(core) & names.one_off(other)
