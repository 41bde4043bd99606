"""Words of the segments' own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "segment_name_taken": ("已有同名的客户分群", "A segment of this name exists already"),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "condition_malformed": (
        "应为 all、any、not 之一,或含 attribute、operator、value 的比较",
        "Should be one of all, any, not, or a comparison with attribute, operator, value",
    ),
    "condition_too_deep": ("条件嵌套超过 {most} 层", "Conditions are nested deeper than {most}"),
    "condition_too_large": ("比较超过 {most} 个", "There are more than {most} comparisons"),
    "attribute_unknown": ("没有这个属性", "There is no such attribute"),
    "operator_unknown": (
        "该属性可用的比较方式:{possible}",
        "This attribute can be compared by: {possible}",
    ),
    "value_invalid": ("值不符合要求的类型:{kind}", "The value is not of the kind {kind}"),
    "choice_unknown": ("可选值:{choices}", "Should be one of: {choices}"),
    "bound_not_above": (
        "上一档的起点应高于下一档,且大于零",
        "Each band should begin above the one below it, and above zero",
    ),
}
