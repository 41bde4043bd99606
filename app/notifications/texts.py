"""Words of the inbox's own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "up_to_once": ("up_to 与 up_to_id 最多给一个", "Give up_to or up_to_id, not both"),
}
