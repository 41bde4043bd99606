"""Whether a customer's message is a mere courtesy (deadlines 3): 谢谢, 好的, 收到, "thanks" ask for no answer.

A courtesy starts no `next_reply` and reopens nothing; it still ends a wait. In doubt the answer is no:
an answer too many is better than a customer who is not heard. Not here: what a message does to a ticket.
"""

import re
import unicodedata
from typing import Final

MAX_CHARACTERS: Final = 20

# One of these must be there ...
_CHINESE_COURTESY: Final = frozenset(
    """
    谢谢 谢 谢啦 谢了 谢过 多谢 感谢 感恩 致谢 辛苦 辛苦了 劳驾 麻烦你了 麻烦您了 麻烦了 费心了 有劳 不客气 客气了
    好 好的 好滴 好哒 好嘞 好呀 好啊 好吧 好了 行 行的 行吧 可以 可以的 成 嗯 恩 嗯呢 哦 噢 喔 哦哦 没问题 没事 没关系
    收到 已收到 收悉 知道了 知道 知悉 已知悉 明白 明白了 了解 了解了 清楚了 懂了 晓得了
    再见 拜拜 拜 回见 再联系 祝好 握手 抱拳 玫瑰 微笑 强 赞 鼓掌 合十 爱心
    謝謝 謝 謝啦 謝了 多謝 感謝 辛苦囉 麻煩你了 麻煩您了 麻煩了 不客氣 客氣了 好喔 沒問題 沒事 沒關係 瞭解 了解囉
    知道囉 明白囉 再聯繫 強 讚
    """.split()  # noqa: SIM905 - a list of lines is read and amended more easily
)
# ... and besides it nothing but these.
_CHINESE_FILLER: Final = frozenset(
    """
    你 您 你们 您们 大家 各位 贵司 老师 师傅 经理 工程师 客服 亲 我 我们 我这边 这边 那 就 先 也 都 了 啦 哈 哈哈 呀 啊 哦
    呢 的 太 很 非常 十分 万分 再次 真的 真是 支持 帮助 帮忙 回复 告知 配合 耐心 解答 处理 及时 们
    你們 您們 貴司 老師 師傅 經理 工程師 幫助 幫忙 回覆 處理 及時 這邊
    """.split()  # noqa: SIM905
)
_CHINESE: Final = _CHINESE_COURTESY | _CHINESE_FILLER

_ENGLISH_COURTESY: Final = frozenset(
    """
    thanks thank thx tks ty cheers ok okay okey k kk noted received understood got great perfect fine sure
    good appreciated appreciate welcome bye goodbye alright cool nice
    """.split()  # noqa: SIM905
)
_ENGLISH_FILLER: Final = frozenset(
    """
    i you u it that so very much many a lot again for your the help reply support quick all team everyone
    guys hi hello hey dear
    """.split()  # noqa: SIM905
)
_ENGLISH_PHRASE: Final = re.compile(
    r"\b(?:have an? (?:nice|good|great|lovely) (?:day|one|weekend|evening)|will do|you too|best regards)\b"
)
_ENGLISH: Final = _ENGLISH_COURTESY | _ENGLISH_FILLER

# Faces that thank or agree; any other picture may mean anything.
_FRIENDLY: Final = re.compile("[👍👌🙏🤝👏🌹💐😊🙂😄😁😀☺❤♥✅✔💪🎉\U0001f3fb-\U0001f3ff]")
# A greeting alone asks for attention; its characters (你 + 好) must not be read as a courtesy.
_GREETING: Final = re.compile("[你您]们?好")
_WORD: Final = re.compile(r"[^\W_\u3400-\u9fff]+|[\u3400-\u9fff]+")
_IDEOGRAPH: Final = re.compile(r"[\u3400-\u9fff]")
_QUESTION_MARKS: Final = frozenset("?\uff1f\ufe56\ufe16⁇⁈⁉؟¿❓❔")  # half and full width first


def is_courtesy(text: str) -> bool:
    """Return whether the message asks for no answer; never over 20 characters or with a question mark.

    Characters are counted as the customer wrote them, spaces around them left out.
    """
    trimmed = text.strip()
    if not trimmed or len(trimmed) > MAX_CHARACTERS or _QUESTION_MARKS & set(trimmed):
        return False
    folded = unicodedata.normalize("NFKC", trimmed).casefold()
    plain = _ENGLISH_PHRASE.sub("thanks", _GREETING.sub(" hello ", folded))
    said, friendly_count = _FRIENDLY.subn(" ", plain)
    if any(unicodedata.category(character) in {"So", "Nd", "Sc"} for character in said):
        return False  # another picture, a number, a price
    words = _WORD.findall(said)
    readings = [_read(word) for word in words]
    if None in readings:
        return False
    return any(readings) or (not words and friendly_count > 0)


def _read(word: str) -> bool | None:
    """Whether the word is a courtesy (True), filler (False), or something else (None)."""
    if not _IDEOGRAPH.match(word):
        return word in _ENGLISH_COURTESY if word in _ENGLISH else None
    return _read_chinese(word)


def _read_chinese(run: str) -> bool | None:
    """The same for a run of characters without spaces, over every way to cut it into words."""
    readings: list[bool | None] = [False]
    for end in range(1, len(run) + 1):
        best: bool | None = None
        for start in range(end):
            before, word = readings[start], run[start:end]
            if before is not None and word in _CHINESE:
                best = bool(best) or before or word in _CHINESE_COURTESY
        readings.append(best)
    return readings[-1]
