"""The judge of vague notes: boilerplate in any wrapping is vague, terse facts are not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.interactions import vagueness
from app.interactions.vagueness import VagueReason, Verdict, judge

HONEST = [
    "已更换电源模块,设备恢复",
    "已换电源",
    "更换后恢复正常",
    "客户不接电话",
    "客户要求周五前换机",
    "未解决,等备件到货",
    "备件已从苏州仓发出",
    "退款¥300",
    "SF1234567890",
    "10:30到现场",
    "下周三上门校准",
    "改用HDMI线后有画面",
    "客户确认货已收到",
    "导出超时,已加索引",
    "软件升级到V3.2",
    "对方公司同意延期",
    "张总同意先付三成",
    "漏液,换了密封圈",
    "日志显示磁盘已满,清理后可登录",
    "请问设备铭牌上的序列号是多少?",
    "您好,您的设备今天下午三点前能送到,谢谢您的耐心等待!",
    "抱歉给您带来不便,泵头密封圈磨损,备件明天发顺丰。",
    "已與客戶確認,週五更換泵頭",
    "机器没坏,是插座没电",
    "Replaced PSU, back online",
    "Rebooted, same error",
    "Left voicemail",
    "Called the customer, no one picked up",
    "Firmware 3.2 installed",
    "Customer will send logs tomorrow",
    "Leaking seal, part ordered",
    "Refunded $300",
    "Not resolved, waiting for the spare part",
    "Thank you for your patience, the courier picked it up at 14:00.",
    "Cable was unplugged",
    "Could you send the serial number?",
    "已更换 PSU",
    "转二线张工看日志",
    "発送しました、追跡番号は123です",
    "Réinitialisé le routeur",
]

VAGUE = [
    "已沟通",
    "已处理",
    "已解决。",
    "正常跟进",
    "正常跟进中……",
    "已电话沟通,正常跟进",
    "【已处理完毕】",
    "※※ 已 处 理 ※※",
    "\uff24\uff2f\uff2e\uff25",
    "已\u200b处理",
    "已溝通,正常跟進",
    "已與客戶聯繫,處理中",
    "问题已解决",
    "您好,您的问题已处理,感谢您的支持!",
    "尊敬的客户您好!您的问题我们正在积极处理中,请您耐心等待,谢谢!",
    "尊敬的张先生,您好!您的问题已处理。",
    "王女士:问题已解决",
    "王女士\uff1a您好\uff0c问题已解决\uff01",
    "我们已经收到您的反馈,正在积极协调处理中,请您耐心等待,如有疑问请随时联系我们,感谢您的理解与支持",
    "已安排工程师跟进",
    "已联系客户,客户表示了解",
    "客户已知悉",
    "等待客户回复",
    "今天已和客户电话联系",
    "持续关注中👍👍",
    "例行回访,一切正常",
    "好的,收到,马上处理",
    "called",
    "Called.",
    "done",
    "DONE!!!",
    "*** Done ***",
    "ok",
    "Followed up with the customer",
    "Following up.",
    "Hi, we are working on it. Thanks for your patience!",
    "Dear customer, your request has been processed. Best regards",
    "Issue resolved",
    "The issue has been fixed",
    "We're still looking into this, thank you.",
    "No update yet",
    "handled",
    "Contacted client, all good",
    "ok的,已处理",
    "<done>",
    "- called\n- emailed\n- waiting",
]


@pytest.mark.sop("IN-2")
@pytest.mark.parametrize("text", HONEST)
def test_a_terse_but_factual_note_passes(text: str) -> None:
    assert judge(text) == Verdict(vague=False, reasons=())


@pytest.mark.sop("IN-2")
@pytest.mark.parametrize("text", VAGUE)
def test_boilerplate_is_vague_in_any_wrapping(text: str) -> None:
    verdict = judge(text)
    assert verdict.vague
    assert VagueReason.BOILERPLATE in verdict.reasons


@pytest.mark.sop("IN-2")
@pytest.mark.parametrize("text", ["", " ", "。。。", "!!!", "👍", "—", "\u200b"])
def test_a_text_without_a_letter_is_too_short(text: str) -> None:
    assert judge(text) == Verdict(vague=True, reasons=(VagueReason.TOO_SHORT,))


@pytest.mark.sop("IN-2")
@pytest.mark.parametrize(
    ("text", "is_short"),
    [
        ("换电源", True),
        ("已换电源", False),
        ("PSUdead", True),
        ("PSU dead", True),
        ("PSU burnt!", False),
        ("换PSU了", True),
        ("换了PSU的", False),
        ("v3.2", True),
        ("v3.2.1x", False),
        ("退3元", False),
        ("退3", True),
    ],
)
def test_length_is_weighed_at_its_boundary(text: str, *, is_short: bool) -> None:
    assert (VagueReason.TOO_SHORT in judge(text).reasons) == is_short


@pytest.mark.sop("IN-2")
@pytest.mark.parametrize(
    "text", ["哈哈哈哈哈哈", "11111111", "aaaaaaaaaaaa", "abababababab", "。啊。啊。啊。啊"]
)
def test_one_or_two_characters_repeated_say_nothing(text: str) -> None:
    assert VagueReason.REPETITION in judge(text).reasons


def test_three_different_characters_are_no_repetition() -> None:
    assert VagueReason.REPETITION not in judge("abcabcabcabc").reasons


def test_reasons_come_together_in_a_fixed_order() -> None:
    assert judge("好好").reasons == tuple(VagueReason)


def test_a_number_turns_boilerplate_into_a_fact() -> None:
    assert judge("已联系客户").vague
    assert not judge("已联系客户,周五14点").vague


def test_every_simplified_character_of_the_pairs_is_used_and_no_traditional_one() -> None:
    used = set("".join(vagueness._CHINESE))
    for traditional, simplified in vagueness._TRADITIONAL.items():
        assert simplified in {ord(letter) for letter in used}
        assert traditional not in {ord(letter) for letter in used}


def test_the_traditional_form_of_every_empty_word_is_empty_too() -> None:
    back = {simplified: traditional for traditional, simplified in vagueness._TRADITIONAL.items()}
    for word in vagueness._CHINESE:
        assert VagueReason.BOILERPLATE in judge(word.translate(back)).reasons


@given(st.lists(st.sampled_from(sorted(vagueness._CHINESE)), min_size=1, max_size=30))
def test_empty_words_in_any_order_are_vague(words: list[str]) -> None:
    assert judge("".join(words)).vague
    assert judge(",".join(words) + "!").vague


@given(st.lists(st.sampled_from(sorted(vagueness._ENGLISH)), min_size=1, max_size=30))
def test_empty_english_words_in_any_order_are_vague(words: list[str]) -> None:
    assert judge(" ".join(words).upper()).vague


@given(st.lists(st.sampled_from(sorted(vagueness._CHINESE)), max_size=10), st.integers(0, 10))
def test_one_fact_among_empty_words_passes(words: list[str], at: int) -> None:
    assert not judge("".join([*words[:at], "更换密封圈", *words[at:]])).vague


@given(st.text())
def test_any_text_gets_a_verdict_whose_reasons_agree_with_it(text: str) -> None:
    verdict = judge(text)
    assert verdict.vague == bool(verdict.reasons)
    assert verdict == judge(f"  {text}\n")


def test_a_long_text_is_judged_in_linear_time() -> None:
    start = time.perf_counter()
    judge("了解了" * 5_000 + "泵")
    judge("a" * 20_000)
    judge("尊敬的" * 5_000)
    assert time.perf_counter() - start < 1
