"""Words of what the lifecycle refuses: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "stage_move_impossible": (
        "不能从 {source} 转到 {target}",
        "There is no way from {source} to {target}",
    ),
    "stage_move_not_permitted": (
        "此转换须由以下角色进行:{roles}",
        "This move is made by: {roles}",
    ),
    "stage_fields_missing": (
        "转换前请先补全档案:{fields}",
        "The file lacks what the move requires: {fields}",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "stage_unknown": (
        "没有这个阶段,或已停用",
        "There is no such stage, or none that takes anybody",
    ),
    "stage_not_initial": (
        "不能以此阶段登记客户",
        "No customer is registered in this stage",
    ),
    "stage_reason_unknown": (
        "此转换没有这个原因,或已停用",
        "The move takes no such reason, or it is not active",
    ),
    "lifecycle_code_twice": ("代码重复", "This code is there twice"),
    "lifecycle_code_missing": (
        "已发布的代码须保留(可停用):{codes}",
        "Published codes stay, inactive if need be: {codes}",
    ),
    "lifecycle_without_beginning": (
        "至少要有一个启用的初始阶段",
        "At least one active stage has to be initial",
    ),
    "lifecycle_move_twice": ("同一转换重复定义", "This move is defined twice"),
    "lifecycle_without_reasons": (
        "没有启用的原因可供选择",
        "There is no active reason to choose from",
    ),
}
