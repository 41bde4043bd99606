"""Words of refusals about choice lists and custom fields: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "choice_list_exists": ("该选项表已存在", "There is a choice list with this code"),
    "custom_field_exists": ("该自定义字段已存在", "There is a custom field with this key"),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "not_in_list": ("不在选项表中,或已停用", "Not an active choice of its list"),
    "choice_twice": ("选项代码重复", "A code stands twice"),
    "choice_lost": (
        "已有选项不能删除,可停用",
        "A choice is never taken out; make it inactive",
    ),
    "choice_list_misplaced": (
        "单选和多选字段须指定选项表,其他类型不可",
        "A choice or multi_choice needs its list, other types have none",
    ),
    "field_inactive": ("该字段已停用", "This field is no longer active"),
    "number_invalid": ("应为数字", "Should be a number"),
    "date_invalid": ("应为日期,例如 2026-03-02", "Should be a date such as 2026-03-02"),
    "not_ordered": ("只有数字和日期可按范围筛选", "Only numbers and dates are asked for by range"),
}
