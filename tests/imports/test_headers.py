"""What columns are taken for: Chinese and English headers, as real files have them."""

import pytest

from app.imports.headers import Column, plain, suggest, words


def told(*headers: str | None) -> dict[str, str]:
    return {str(headers[one.column]): one.field for one in suggest(headers)}


@pytest.mark.parametrize("language", [0, 1])
def test_every_field_is_known_by_the_header_that_an_export_gives_it(language: int) -> None:
    for field, known in words().items():
        assert [one.field for one in suggest([known[language]])] == [field], field


def test_no_word_means_two_things() -> None:
    meant: dict[str, str] = {}
    for field, known in words().items():
        for word in known:
            assert meant.setdefault(plain(word), field) == field, word


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("*客户名称", "customer.name"), ("公司名称(必填)", "customer.name"), (" 客 户 名 称 ", "customer.name"),
        ("Company Name *", "customer.name"), ("E-Mail", "contact.emails"), ("EMAIL", "contact.emails"),
        ("手机号码【1】", "contact.phones"), ("联系电话2", "contact.phones"), ("电话二", "contact.phones"),
        ("Ｐｈｏｎｅ", "contact.phones"), ("customer.region", "customer.region"), ("是否决策人?", "contact.is_decision_maker"),
        ("合同到期日(年/月/日)", "customer.contract_ends_on"), ("负责人", "customer.owner"), ("Lead Source", "customer.source_channel"),
    ],
)  # fmt: skip
def test_a_header_is_known_however_it_is_written(header: str, field: str) -> None:
    assert [one.field for one in suggest([header])] == [field]


def test_what_says_nothing_is_left_out() -> None:
    assert suggest(["星座", None, "Unnamed: 0", "", "???"]) == []


def test_several_columns_may_hold_phones_and_one_only_the_name() -> None:
    assert suggest(["名称", "手机", "座机", "公司名称", "邮箱"]) == [
        Column(0, "customer.name"),
        Column(1, "contact.phones"),
        Column(2, "contact.phones"),
        Column(4, "contact.emails"),
    ]


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ("年营业额", 1), ("年营业额(元)", 1), ("年营业额(万元)", 10_000), ("年营业额（单位：万元）", 10_000),
        ("Revenue (million)", 1_000_000), ("营收[亿元]", 100_000_000), ("员工人数(人)", 1),
    ],
)  # fmt: skip
def test_a_unit_in_the_header_is_noticed(header: str, scale: int) -> None:
    assert [one.scale for one in suggest([header])] == [scale]


def test_own_fields_and_kept_mappings_are_known() -> None:
    found = suggest(
        ["设备型号", "甲", "乙"],
        saved={plain("甲"): ("customer.name", 1), plain("乙"): ("customer.revenue", 10_000)},
        custom={"model": ["设备型号", "Device model"]},
    )
    assert found == [
        Column(0, "custom.model"),
        Column(1, "customer.name"),
        Column(2, "customer.revenue", 10_000),
    ]


def test_a_name_of_a_person_is_no_name_of_a_firm() -> None:
    assert told("公司", "姓名", "职位", "手机") == {
        "公司": "customer.name",
        "姓名": "contact.name",
        "职位": "contact.title",
        "手机": "contact.phones",
    }
