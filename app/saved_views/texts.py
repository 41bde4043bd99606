"""Words of the saved views' own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "view_name_taken": ("您已有同名的视图", "You have a view of this name already"),
    "no_department_to_share_with": (
        "您不属于任何部门,可选择仅自己可见或全员可见",
        "You belong to no department; keep the view private or share it with all",
    ),
}
