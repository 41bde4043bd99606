"""Whether a note says anything: the judge of vague notes (SOP IN-2), in its first form.

It asks two things: is there enough text, and is any of it more than boilerplate (已沟通, 正常跟进, "called,
done"), politeness and filler left aside. What it says is stored with the fact; a later judge changes no
verdict (deadlines 1.9). Not here: what a refusal says to the writer, and in which mode a deployment judges.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# A Chinese character weighs two, another letter one: 已换电源 is enough, 已发货 says too little ...
MIN_WEIGHT: Final = 8
# ... but a number is a fact: 退款¥300.
MIN_WEIGHT_WITH_DIGIT: Final = 5
MIN_DISTINCT_CHARACTERS: Final = 3

# Pairs of a traditional character and its simplified form in the vocabulary below.
_PAIRS: Final = (
    "溝沟處处進进聯联係系繫系復复覆复決决確确認认經经們们戶户問问題题將将請请謝谢為为單单況况過过這这"
    "個个會会後后續续時时繼继協协調调訪访話话電电對对應应無无異异實实報报轉转記记錄录給给與与幫帮關关"
    "歡欢辦办結结發发貴贵剛刚盡尽儘尽馬马極极積积項项諮咨詢询訴诉線线專专員员門门達达傳传說说釋释閉闭"
    "環环檢检測测試试評评討讨論论執执維维護护務务撫抚愛爱親亲諒谅煩烦順顺師师業业內内領领導导雙双沒没"
    "還还間间當当現现來来撥拨蹤踪饋馈絡络興兴氣气並并著着郵邮談谈暫暂顧顾隨随規规"
)
_TRADITIONAL: Final = str.maketrans(_PAIRS[::2], _PAIRS[1::2])

# Words that say nothing by themselves: a text made of these alone is boilerplate. No negation is among
# them (未解决 is news), no place, no product, no person.
_CHINESE: Final = frozenset(
    """
    已 已经 正 正在 在 目前 现在 当前 今天 今日 刚 刚刚 刚才 稍后 稍候 尽快 尽早 马上 立即 立刻 及时 随时 后续
    继续 持续 一直 仍 仍在 还 还在 再 再次 多次 先 将 会 要 需 需要 进一步 第一时间 近期 过 了 着 中 的 完 好 都
    均 也 和 与 跟 同 向 对 给 为 由 被 到 等 等等 及 并 后 请 完毕 成功 顺利 妥善 积极 认真 努力 全力 密切 正常
    良好 一切 无异常 没有异常 没问题 无问题 全部 进行 一下 一次 暂时 暂 每天 每日 常规 日常 例行 如常 照常
    我 我们 我方 我司 您 你 您们 你们 他 她 他们 大家 客户 用户 顾客 对方 贵司 贵方 贵公司 公司 同事 工程师 人员
    相关 有关 部门 专员 客服 领导 双方
    问题 事情 事 此事 此 该 这 这个 那个 情况 状况 工单 事项 需求 请求 诉求 投诉 咨询 报修 内容 信息 结果 进度
    进展 工作 业务
    沟通 处理 处置 跟进 跟踪 跟催 联系 联络 反馈 回复 回应 答复 解决 完成 知悉 收到 了解 知道 明白 核实 确认 安排
    协调 推进 关注 等待 等候 登记 记录 转交 转达 传达 转 交 电话 致电 来电 回电 通话 电联 打电话 打 拨打 回访
    拜访 走访 对接 汇报 报告 告知 通知 说明 解释 表示 交流 交涉 受理 办理 办结 办 结案 关闭 闭环 搞定 弄好 做好 修复
    修好 查看 检查 排查 看 看过 查 测试 调试 分析 研究 讨论 评估 落实 督促 催促 催办 催 提醒 更新 操作 执行 维护
    服务 支持 帮助 协助 配合 安抚 致歉 道歉 邮件 微信 短信 消息 信息 线上 说 问 做 弄 搞 发 聊 谈 回
    您好 你好 大家好 早上好 上午好 下午好 晚上好 尊敬的 亲爱的 亲 谢谢 感谢 多谢 非常 十分 抱歉 对不起 不好意思
    辛苦 麻烦 放心 谅解 理解 耐心 祝 祝您 祝好 愉快 生活 工作 生意兴隆 如有 如果 若 有 疑问 其他 任何 欢迎 稍等
    勿念 客气 不客气 好的 嗯 哦 行 可以 是 是的 先生 女士 小姐 老师 经理
    """.split()  # noqa: SIM905 - a list of lines is read and amended more easily
)
_LONGEST: Final = max(map(len, _CHINESE))

_ENGLISH: Final = frozenset(
    """
    call calls called calling phone phoned phoning telephoned email emailed mailed contact contacted
    contacting spoke spoken talk talked talking communicate communicated communication discuss discussed
    inform informed told tell advised notify notified reply replied respond responded response answered
    follow followed following followup up check checked checking review reviewed reviewing look looked
    looking into investigate investigated investigating investigation process processed processing handle
    handled handling deal dealt dealing work worked working resolve resolved resolving solve solved solving
    solution fix fixed fixing do done complete completed finish finished close closed closing update updated
    updates updating acknowledge acknowledged receive received note noted understand understood confirm
    confirmed ok okay fine good great all pending ongoing wait waiting awaiting progress progressing under
    monitor monitored monitoring track tracking action actioned taken care sorted
    i we you he she they it this that these those there the a an my our your his her their us me him them
    customer customers client clients user caller issue issues problem problems ticket tickets case cases
    request requests matter question questions query complaint situation thing things everything
    is are was were be been being am has have had having will would shall can could may should does did
    doing get got getting keep keeping kept make made need needs needed want to of on in at by for from with
    and or about as so per via back again still now today currently already just soon shortly later asap
    immediately further normal normally regular regularly usual usually well properly successfully
    accordingly duly no nothing new yet any s re ve ll d m
    hi hello hey dear sir madam sirs team thanks thank thx regards best kind warm sincerely yours faithfully
    cheers sorry apologies apologise apologize inconvenience patience appreciate appreciated please kindly
    help hope let know if feel free happy assist assistance support nice day much very many lot
    """.split()  # noqa: SIM905
)

_SALUTATION: Final = re.compile(
    r"^(?:(?:您好|你好|尊敬的|亲爱的)[,!\s]*)*[\u4e00-\u9fff]{1,2}(?:先生|女士|小姐|老师|经理|主任|总)"
    r"(?:您好|你好)?[,:!\s]"
)
_WORD: Final = re.compile(r"[^\W_\u3400-\u9fff]+")
_IDEOGRAPH: Final = re.compile(r"[\u3400-\u9fff]")


class VagueReason(StrEnum):
    """What a text lacks."""

    TOO_SHORT = "too_short"
    REPETITION = "repetition"
    BOILERPLATE = "boilerplate"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's answer; `reasons` in the order of VagueReason, empty if and only if not vague."""

    vague: bool
    reasons: tuple[VagueReason, ...]


def judge(text: str) -> Verdict:
    """Return whether the text is vague and why (SOP IN-2); zh and en, simplified or traditional."""
    words, chinese = _words(text)
    letters = "".join(words) + chinese
    found = {
        VagueReason.TOO_SHORT: _is_short(letters),
        VagueReason.REPETITION: 0 < len(set(letters)) < MIN_DISTINCT_CHARACTERS,
        VagueReason.BOILERPLATE: bool(letters)
        and _ENGLISH.issuperset(words)
        and _is_empty(chinese),
    }
    reasons = tuple(reason for reason, holds in found.items() if holds)
    return Verdict(bool(reasons), reasons)


def _words(text: str) -> tuple[list[str], str]:
    """The words in letters, and the Chinese characters in one piece (已 处 理 is 已处理), both folded.

    Punctuation, emoji, invisible characters and a salutation by name are left out.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_TRADITIONAL)
    visible = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf").strip()
    spoken = _SALUTATION.sub("", visible)
    return _WORD.findall(spoken), "".join(_IDEOGRAPH.findall(spoken))


def _is_short(letters: str) -> bool:
    weight = len(letters) + len(_IDEOGRAPH.findall(letters))
    has_digit = any(letter.isdecimal() for letter in letters)
    return weight < (MIN_WEIGHT_WITH_DIGIT if has_digit else MIN_WEIGHT)


def _is_empty(chinese: str) -> bool:
    """Whether the characters can be read as empty words alone; linear, whatever the text."""
    reached = [True]
    for end in range(1, len(chinese) + 1):
        starts = range(max(0, end - _LONGEST), end)
        reached.append(any(reached[start] and chinese[start:end] in _CHINESE for start in starts))
        if not any(reached[-_LONGEST:]):
            return False
    return reached[-1]
