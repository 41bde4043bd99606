"""What the rehearsal's refusals say."""

TEXTS: dict[str, tuple[str, str]] = {
    "tier_unknown": ("没有这个客户等级", "There is no such tier of customers"),
    "clock_goes_forward": ("虚拟时钟只能向前", "The virtual clock goes forward only"),
    "rehearsal_running": ("另一场演练正在进行", "Another rehearsal is running"),
    "too_many_steps": (
        "一次演练最多停 {steps_max} 步,请分段推进",
        "One rehearsal stops at most {steps_max} times; advance in parts",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "too_far": ("一次最多推进 {days_max} 天", "One rehearsal goes at most {days_max} days ahead"),
    "one_of_two": ("advance_seconds 与 to 请二选一", "Give either advance_seconds or to"),
}
