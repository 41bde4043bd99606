"""Words of what obligations refuse: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "obligation_open": (
        "该事项在此规则下已有未了结的承诺:{obligation_id}",
        "This matter has an open obligation under the rule already: {obligation_id}",
    ),
    "obligation_ended": (
        "该承诺已了结({state}),不能再更改",
        "The obligation has ended ({state}) and stays as it is",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "rule_inactive": ("该规则已停用", "This rule is no longer active"),
    "cannot_answer": ("该用户不处理承诺事项", "This user answers no obligations"),
    "before_opening": (
        "不能早于承诺开始的时间 {opened_at}",
        "Must not lie before the obligation began, at {opened_at}",
    ),
    "too_long_ago": (
        "最多只能补记 24 小时以内的事实",
        "What lies more than 24 hours back is not taken any more",
    ),
    "link_invalid": (
        "应为 http 或 https 开头的网址",
        "Should be a web address that begins with http or https",
    ),
    "not_ahead": ("应晚于承诺开始的时间", "Should lie after the obligation began"),
    "data_too_large": (
        "附加数据不应超过 {most} 字节",
        "The data should take at most {most} bytes",
    ),
}
