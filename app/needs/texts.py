"""Words of what needs refuse: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "need_ended": ("该需求已了结({state})", "The need has ended ({state})"),
    "need_not_complex": (
        "只有复杂需求才需要应对方案",
        "Only a complex need has a response plan",
    ),
    "need_plan_agreed": (
        "应对方案已确定({state}),不能再改",
        "The response plan is {state} and stays as it is",
    ),
    "need_plan_not_agreed": (
        "应对方案处于 {state} 状态,尚不能完成",
        "The response plan is {state}; only an agreed one can be done",
    ),
    "need_plan_missing": ("该需求还没有应对方案", "The need has no response plan yet"),
    "need_plan_incomplete": (
        "应对方案还缺:{missing}",
        "The response plan still lacks: {missing}",
    ),
    "responsibilities_open": (
        "还有未完成的分工",
        "Some responsibilities are still open",
    ),
    "responsibility_ended": (
        "该分工已了结({state})",
        "The responsibility has ended ({state})",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "override_reason_missing": (
        "未采用建议的首接人时,请说明原因",
        "Say why it is not whoever was suggested",
    ),
    "due_on_too_far": ("最多可定到 {most} 天以后", "Should lie at most {most} days ahead"),
    "due_on_passed": ("完成日期应在今天之后", "Should be a date whose end is still ahead"),
}
