"""The vocabulary of case files: what a case may say, as data.

Clocks, verdicts, packs, the moves with their arguments and defaults, and what may be expected of a
row. Reading and checking a file is in `case_files`.
"""

from collections.abc import Mapping
from typing import Any

PACKS = frozenset({"toolkit", "tiered-cases", "none"})
CLOCKS = frozenset(
    {
        "accept",
        "plan",
        "progress",
        "next_reply",
        "resolve",
        "agreed",
        "first_answer",
        "confirm",
    }
)
STATES = frozenset({"running", "paused", "met", "missed", "late", "superseded", "cancelled"})
RUNNERS = ("engine", "api", "rebuild")

TICKET_DEFAULTS: Mapping[str, Any] = {
    "type": "technical",
    "complexity": "normal",
    "tier": "B",
    "channel": "phone",
    "priority": "normal",
    "department": "support",
    "tags": [],
}
DEFAULT_TEXTS: Mapping[str, str] = {
    "staff": "已复现登录异常，正在回滚 3 月 1 日的配置，预计下午 5 点前恢复登录",
    "customer": "附上今天的报错截图，采购部门的 12 个账号仍然无法登录系统",
}

REQUIRED: Any = object()  # an argument that a case must give
ABSENT: Any = object()  # an argument that may be left out and has no default
INSTANT_ARGUMENTS = frozenset({"due_at", "claimed_at"})

# Every move with its arguments and their defaults.
MOVES: Mapping[str, Mapping[str, Any]] = {
    "open": {"owner": ABSENT},
    "accept": {},
    "assign": {"owner": "other", "department": ABSENT},
    "message": {
        "by": REQUIRED,
        "public": True,
        "text": ABSENT,
        "vague": ABSENT,
        "courtesy": ABSENT,
        "automatic": False,
    },
    "no-reply-needed": {"reason": "客户已在电话中得到答复"},
    "agree": {"due_at": REQUIRED, "wish_recorded": True, "approved": False, "replay": False},
    "approve-agreement": {},
    "task-force": {"members": ("engineer", "product")},
    "plan": {"text": "先回滚配置恢复登录，再由研发定位根因，每两小时通报一次"},
    "wait": {
        "question": "请提供出错账号的完整截图和浏览器版本，可以吗？",
        "reason": "需要客户提供截图",
    },
    "resume": {},
    "resolve": {"text": "回滚配置并重启认证服务，12 个账号已全部验证可以登录"},
    "confirm": {"answer": "solved", "rating": "satisfied"},
    "reopen": {"reason": "客户反映问题再次出现"},
    "reclassify": {
        "type": ABSENT,
        "complexity": ABSENT,
        "priority": ABSENT,
        "tags": ABSENT,
    },
    "tier": {"tier": REQUIRED},
    "policy": {"name": REQUIRED, "from_start": False},
    "calendar": {"name": REQUIRED, "from_start": False},
    "merge": {"reason": "与另一张工单重复"},
    "close": {"reason": "客户已确认"},
    "cancel": {"reason": "客户撤回"},
    "correct": {
        "clock": REQUIRED,
        "cycle": 1,
        "revision": 1,
        "claimed_at": REQUIRED,
        "reason": "电话录音证明当时已经处理",
    },
}

# What a case may expect of a deadline -> the attribute of the engine's deadline.
ATTRIBUTES: Mapping[str, str] = {
    "due": "due_at",
    "started": "started_at",
    "answered": "answered_at",
    "missed": "missed_at",
    "pause_ends": "pause_ends_at",
    "late_seconds": "late_seconds",
    "late_elapsed_seconds": "late_elapsed_seconds",
    "intervals_skipped": "intervals_skipped",
    "on_retarget": "on_retarget",
    "provisional": "provisional",
    "never_pauses": "never_pauses",
}
