"""Words of what reviews and merges refuse: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "review_decided": ("该对客户已处理", "This pair has been decided already"),
    "merge_undone": ("该合并已撤销", "The merge has been undone already"),
    "merge_changed_since": (
        "合并之后有 {change_count} 处又被修改,不能撤销;请先恢复这些改动",
        "{change_count} values were changed since the merge, so it cannot be undone; put them back first",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "same_customer": ("客户不能与自己合并", "A customer cannot be merged with himself"),
}
