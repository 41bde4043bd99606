"""Words of what service plans refuse: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "service_plan_not_draft": (
        "服务计划已是 {state} 状态",
        "The service plan is {state} already",
    ),
    "service_plan_empty": (
        "服务计划里还没有任何事项",
        "The service plan promises nothing yet",
    ),
    "service_plan_ended": ("服务计划已结束", "The service plan has ended"),
    "service_item_ended": ("该事项已结束", "This item has ended"),
    "service_items_too_many": (
        "一个服务计划最多 {most} 个事项",
        "A service plan has at most {most} items",
    ),
    "service_turn_ended": ("该次服务已了结({state})", "This turn has ended ({state})"),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "assignee_incomplete": (
        "指定用户时请给出 user_id,指定团队角色时请给出 team_role,其他情况都不要给",
        "Give user_id for a user and team_role for a role in the team, otherwise neither",
    ),
    "frequency_incomplete": (
        "请给出频率和开始日期(结束日期不早于开始日期),或只给出若干日期",
        "Give a frequency with its start (and an end not before it), or dates alone",
    ),
}
