"""Words of what the tier policy refuses: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "tier_preview_required": (
        "发布前须先预览:请给出 preview_id",
        "A tier policy is previewed before it is published: give its preview_id",
    ),
    "tier_preview_outdated": (
        "该预览未完成,或与此规则、当前版本不符,请重新预览",
        "The preview has not ended, or is of another policy or version; preview again",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "tier_rate_invalid": ("汇率应大于零", "A rate is more than zero"),
    "tier_weights": ("权重之和应为 100,现为 {sum}", "Weights add up to 100, not {sum}"),
    "tier_thresholds": ("A 级分数线应高于 B 级", "Tier A begins above tier B"),
    "tier_choices_wanted": (
        "此指标按选项计分:请给出 choices,不用 bands",
        "This measure is scored by choices, not by bands",
    ),
    "tier_bands_wanted": (
        "此指标按区间计分:请给出 bands,不用 choices",
        "This measure is scored by bands, not by choices",
    ),
    "tier_bands_limit": ("此指标的每个区间应给出 {limit}", "Each band of this measure has {limit}"),
    "tier_bands_order": (
        "区间应按界限递增,且更好的数值不得分数更低",
        "Limits rise from band to band, and a better figure never has fewer points",
    ),
}
