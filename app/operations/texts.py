"""Words of operations' own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "operation_ended": (
        "该操作已结束,不能取消",
        "The operation has ended already; there is nothing to cancel",
    ),
}
