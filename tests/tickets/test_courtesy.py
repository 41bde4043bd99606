"""Courtesies: a thanks asks for no answer, and nothing that asks for one is taken for a thanks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tickets import courtesy
from app.tickets.courtesy import is_courtesy

pytestmark = pytest.mark.sop("TK-6")

COURTESIES = [
    "谢谢",
    "谢谢!",
    "谢谢!!",
    " 谢谢 ",
    "谢谢您",
    "好的",
    "好的,谢谢。",
    "好的好的",
    "收到",
    "收到,谢谢您的帮助!",
    "收到~",
    "嗯嗯",
    "嗯,知道了",
    "辛苦了",
    "没问题",
    "OK",
    "ok的",
    "ok",
    "行,辛苦",
    "可以",
    "明白了,多谢",
    "您好,收到",
    "太感谢了",
    "谢谢啦😊",
    "谢谢老师",
    "谢谢\uff01",
    "好的\uff0c谢谢\uff5e",
    "👍",
    "🙏🙏",
    "👍🏻",
    "❤️",
    "[抱拳]",
    "[OK]",
    "謝謝",
    "好的,謝謝您的幫忙",
    "不客气",
    "再见",
    "Thanks",
    "thanks!",
    "Thank you very much",
    "Thank you so much!!!",
    "Thx",
    "OK, thanks",
    "Got it",
    "Noted, thanks.",
    "Great, thanks again",
    "Will do, thanks",
    "Have a nice day",
    "\uff2f\uff2b",
]

NO_COURTESIES = [
    "",
    " ",
    "。",
    "!!!",
    "?",
    "\uff1f",
    "谢谢?",
    "好的\uff1f",
    "收到了吗",
    "好了吗",
    "可以吗",
    "什么时候好",
    "好的,什么时候能来",
    "谢谢,不行",
    "不好",
    "不可以",
    "不行",
    "没收到",
    "还没好",
    "不用了",
    "好的,但打印机又坏了",
    "谢谢,还是不能登录",
    "收到货了,少一件",
    "好的,周五上午来",
    "行,明天10点",
    "好的5台",
    "你好",
    "您好",
    "你好😊",
    "你们好",
    "在",
    "在吗",
    "你们老师",
    "催一下",
    "快点",
    "😡",
    "👎",
    "谢谢😡",
    "❓",
    "好的❓",
    "[发怒]",
    "¿ok",
    "ok؟",
    "hello",
    "you",
    "Thanks but no",
    "ok, still broken",
    "not ok",
    "Thanks, when?",
    "thanks for nothing",
    "no thanks",
    "No",
    "yes",
    "ok 5",
    "is it ok",
    "ok do it now",
    "ありがとう",
]


@pytest.mark.parametrize("text", COURTESIES)
def test_a_thanks_or_an_agreement_is_a_courtesy(text: str) -> None:
    assert is_courtesy(text)


@pytest.mark.parametrize("text", NO_COURTESIES)
def test_anything_that_may_want_an_answer_is_none(text: str) -> None:
    assert not is_courtesy(text)


@pytest.mark.parametrize("mark", ["?", "\uff1f", "﹖", "⁇", "⁉", "؟", "¿"])
def test_a_question_mark_of_any_width_is_never_a_courtesy(mark: str) -> None:
    assert is_courtesy("好的,谢谢")
    assert not is_courtesy(f"好的,谢谢{mark}")
    assert not is_courtesy(f"{mark}好的,谢谢")


def test_twenty_characters_are_a_courtesy_and_twenty_one_are_not() -> None:
    assert len("谢" * 20) == 20
    assert is_courtesy("谢" * 19)
    assert is_courtesy("谢" * 20)
    assert not is_courtesy("谢" * 21)
    assert is_courtesy("Thank you very much!")
    assert not is_courtesy("Thank you very much!!")


def test_spaces_around_do_not_count() -> None:
    assert is_courtesy("\n  " + "谢" * 20 + " \u3000")


def test_the_vocabulary_holds_no_negation_and_no_question() -> None:
    for word in courtesy._CHINESE - {
        "不客气",
        "不客氣",
        "没问题",
        "沒問題",
        "没事",
        "沒事",
        "没关系",
        "沒關係",
    }:
        assert not set(word) & set("不没沒未无無别別莫吗嗎么麼什几幾谁誰哪何")
    assert not courtesy._ENGLISH & {
        "not",
        "no",
        "never",
        "but",
        "when",
        "what",
        "why",
        "how",
        "where",
    }


@given(st.text())
def test_any_text_gets_an_answer_that_spaces_around_do_not_change(text: str) -> None:
    assert is_courtesy(text) == is_courtesy(f" {text}\n")


@given(st.text(min_size=21).filter(lambda text: len(text.strip()) > 20))
def test_nothing_longer_than_twenty_characters_is_a_courtesy(text: str) -> None:
    assert not is_courtesy(text)


@given(st.sampled_from(COURTESIES), st.sampled_from("吗么啥哪几谁怎何?不没未别"))
def test_a_courtesy_that_turns_into_a_question_or_a_no_is_none(text: str, turn: str) -> None:
    assert not is_courtesy(text + turn)
