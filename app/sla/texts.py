"""What the heart says in words: refusals, and the Chinese side of the clock register.

The register itself speaks English; its Chinese titles stand beside each row. Not here: how a sentence is put
together (`sentence`).
"""

from collections.abc import Mapping

from app.sla.engine.clock_row import ClockRow

TEXTS: dict[str, tuple[str, str]] = {
    "own_deadline": (
        "不能更正自己负责的时限,请由上级处理",
        "Nobody corrects a deadline of his own; ask the supervisor",
    ),
    "rule_exists": (
        "已有同名的时钟或规则编号",
        "A clock of this name, or a rule of this id, exists already",
    ),
    "nothing_to_correct": (
        "该时限目前为 {state},没有可更正的逾期",
        "The deadline is {state}; there is no miss to correct",
    ),
    "policy_name_taken": ("已有同名策略", "There is a policy of this name"),
    "policy_has_no_draft": ("该策略没有草稿", "The policy has no draft"),
    "policy_unpublished": (
        "该策略尚未发布,不能启用",
        "The policy has not been published yet and cannot be activated",
    ),
    "policy_inactive": (
        "该策略未启用,只能发布给新事项",
        "The policy is not active; it can be published for new matters only",
    ),
    "policy_shadowed": (
        "策略 {policy} 永远不会生效:排在前面的 {by} 已涵盖其全部条件",
        "Policy {policy} would never apply: {by}, asked before it, covers all of its conditions",
    ),
    "preview_required": (
        "涉及未结事项前须先预览:请给出 preview_id",
        "What reaches open matters is previewed first: give its preview_id",
    ),
    "preview_outdated": (
        "该预览未完成,或与当前草稿、方式、顺序不符,请重新预览",
        "The preview has not ended, or is of another draft, mode or order; preview again",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "instant_out_of_range": (
        "时间应在 1900 至 2199 年之间",
        "Should lie in the years 1900 to 2199",
    ),
    "outside_deadline": (
        "应在起算时间 {started_at} 与现在之间",
        "Should lie between the start, {started_at}, and now",
    ),
    "policy_name": (
        "应为 1 至 64 个小写字母、数字或 . _ -",
        "Should be 1 to 64 lower-case letters, digits or . _ -",
    ),
    "policy_name_fixed": ("名称不能更改", "The name cannot be changed"),
    "policy_too_long": (
        "文档过长,最多 {most} 字节",
        "The document is too long; at most {most} bytes",
    ),
    "policy_calendar_unknown": ("没有这个日历", "There is no such calendar"),
    "policy_order_incomplete": (
        "应列出全部策略,每个一次",
        "Should name every policy, each once",
    ),
    "backtest_of_nothing": (
        "请给出策略、日历或两者",
        "Give a policy, a calendar, or both",
    ),
    "backtest_name_or_document": (
        "name 与 document 须且只能给出一个",
        "Either name or document",
    ),
    "backtest_too_long": ("期间最长五年", "The period is five years at most"),
    "policy_or_calendar": ("策略与日历只能给出一个", "Give a policy or a calendar, not both"),
    "policy_version_unknown": (
        "没有这个版本;可为版本号、draft 或 current",
        "There is no such version; a number, draft or current",
    ),
    "policy_target_form": (
        "时限由一个单位和一个数值组成,例如 hours: 4",
        "A target has one unit and an amount, such as hours: 4",
    ),
    "policy_unit_unknown": ("单位应为其中之一:{units}", "The unit is one of {units}"),
    "policy_clock_unknown": ("规则库中没有这个时钟", "The register knows no such clock"),
    "policy_close_after_elsewhere": (
        "只有确认时钟可以自动关闭工单",
        "Only the confirmation closes a ticket",
    ),
    "policy_clock_without_target": (
        "此时钟自带到期时间,不设时限",
        "This clock brings its own instant and has no target",
    ),
    "policy_target_missing": ("缺少 target 或 cases", "A target or cases are missing"),
    "policy_answer_fixed": (
        "什么算作答复,此时钟不由策略决定",
        "What answers this clock is not a policy's choice",
    ),
    "policy_answer_unknown": ("应为其中一项或多项:{kinds}", "One or more of {kinds}"),
    "policy_clock_not_set": ("策略中没有这个时钟", "The policy has no such clock"),
    "policy_clock_never_pauses": ("此时钟从不暂停", "This clock never pauses"),
    "policy_unit_never_pauses": (
        "工作日、自然日和月从不暂停",
        "Working days, calendar days and months are never paused",
    ),
    "policy_budget_unit": (
        "预算为工作时间,单位为 minutes 或 hours",
        "A budget is working time: minutes or hours",
    ),
    "policy_ladder_levels": (
        "级别应依次为 1、2、3……",
        "Levels count 1, 2, 3 ... in order",
    ),
    "policy_ladder_long": ("最多 {most} 级", "At most {most} levels"),
    "policy_ladder_order": (
        "到期前的级别在前,其余按时间递增",
        "Levels before due come first, the others go up in time",
    ),
    "policy_step_time": ("percent 与 minutes 须且只能给出一个", "Either percent or minutes"),
    "policy_tell_unknown": ("应为其中一项或多项:{roles}", "One or more of {roles}"),
    "policy_mapping": ("应为一个对象", "Should be an object"),
    "policy_list": ("应为列表", "Should be a list"),
    "policy_text": ("应为文字", "Should be text"),
    "policy_list_empty": ("至少一项", "At least one is needed"),
    "policy_number": (
        "应为 {least} 至 {most} 的整数",
        "Should be a whole number from {least} to {most}",
    ),
    "in_the_future": ("不能晚于现在", "Must not lie in the future"),
    "target_amount_invalid": (
        "时限应大于 0,且不超过 {most}",
        "Should be above 0 and at most {most}",
    ),
    "before_start": ("此时限自 {started_at} 才开始", "The deadline only begins at {started_at}"),
}

# What opens a clock, and what answers it, by the register's clock.
OPENS_ON: Mapping[str, str] = {
    "accept": "工单创建",
    "plan": "工单升为超复杂",
    "progress": "受理后开始;每次告知后重新起算",
    "next_reply": "客户发来最早一条未答复的消息(客套话不算)",
    "resolve": "工单创建",
    "agreed": "员工同意客户期望的完成时间",
    "first_answer": "工单创建",
    "confirm": "工单解决",
    "first_visit": "客户档案建立",
    "return_visit": "完成首次回访的那次联系(按时或逾期均可)",
    "refresh": "上次更新,或档案建立;休息日顺延至下一工作日",
    "cadence": "上次联系;A 级每 30 天,B 级每 60 天,C 级每 90 天",
    "milestone_survey": "合作满 3、6、12 个月当日 10:00(休息日顺延至下一工作日)",
    "service_survey": "工单解决;48 小时内最后一个允许时段前发出",
    "survey_reminder": "问卷发出 3 天仍未答复;下一工作日结束前完成",
    "improvement_plan": "低分项被标记",
    "improvement_acceptance": "低分项被标记",
    "feedback": "收到意见或建议",
    "need_plan": "登记了复杂需求",
    "need_responsibility": "分工下达(自带完成日期)",
    "service_plan_item": "上一次已完成或到期;最多提前 35 天",
    "churn_acknowledgement": "发出流失预警",
    "win_back_step": "计划了带有时间的挽回步骤",
}
ANSWERED_BY: Mapping[str, str] = {
    "accept": "受理、解决或由创建人自己处理(转派不重新起算)",
    "plan": "给出初步方案(此前已给出的视为按时)",
    "progress": "一条公开、人工、内容具体的员工消息",
    "next_reply": "下一条公开的员工消息,或说明理由的“无需回复”",
    "resolve": "解决;政策规定时为关闭",
    "agreed": "与解决相同",
    "first_answer": "首条公开、人工、内容具体的员工消息",
    "confirm": "客户的答复(已解决或部分解决),注明联系人和渠道",
    "first_visit": "首次记录的联系",
    "return_visit": "第二次联系",
    "refresh": "修改档案或联系人,或确认档案仍是最新(CU-7)",
    "cadence": "记录的联系",
    "milestone_survey": "发出问卷",
    "service_survey": "发出问卷;重新打开时撤回",
    "survey_reminder": "电话提醒,或收到问卷答复",
    "improvement_plan": "改进计划完成",
    "improvement_acceptance": "责任部门接收计划",
    "feedback": "答复反馈人",
    "need_plan": "应对方案归档",
    "need_responsibility": "负责人说明具体完成情况",
    "service_plan_item": "具体记录为客户做了什么",
    "churn_acknowledgement": "负责人或上级确认",
    "win_back_step": "步骤完成",
}


def opens_on(row: ClockRow) -> dict[str, str]:
    """Return what opens a clock, in both languages."""
    return {"zh": row.opens_on_zh or OPENS_ON[row.clock], "en": row.opens_on}


def answered_by(row: ClockRow) -> dict[str, str]:
    """Return what answers a clock, in both languages."""
    return {"zh": row.answered_by_zh or ANSWERED_BY[row.clock], "en": row.answered_by}
