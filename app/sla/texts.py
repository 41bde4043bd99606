"""What the heart says in words: refusals, and the Chinese side of the clock register.

The register itself speaks English; its Chinese titles stand beside each row. Not here: how a sentence is put
together (`sentence`).
"""

from collections.abc import Mapping

TEXTS: dict[str, tuple[str, str]] = {
    "own_deadline": (
        "不能更正自己负责的时限,请由上级处理",
        "Nobody corrects a deadline of his own; ask the supervisor",
    ),
    "nothing_to_correct": (
        "该时限目前为 {state},没有可更正的逾期",
        "The deadline is {state}; there is no miss to correct",
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
    "in_the_future": ("不能晚于现在", "Must not lie in the future"),
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
    "refresh": "上次更新,或档案建立",
    "cadence": "上次联系;A 级每 30 天,B 级每 60 天,C 级每 90 天",
    "milestone_survey": "合作满 3、6、12 个月当日 10:00(休息日顺延至下一工作日)",
    "service_survey": "工单解决;48 小时内最后一个允许时段前发出",
    "survey_reminder": "问卷发出 3 天仍未答复;下一工作日结束前完成",
    "improvement_plan": "低分项被标记",
    "improvement_acceptance": "低分项被标记",
    "feedback": "收到意见或建议",
    "need_plan": "登记了复杂需求",
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
    "refresh": "更新档案(CU-7)",
    "cadence": "记录的联系",
    "milestone_survey": "发出问卷",
    "service_survey": "发出问卷;重新打开时撤回",
    "survey_reminder": "电话提醒,或收到问卷答复",
    "improvement_plan": "改进计划完成",
    "improvement_acceptance": "责任部门接收计划",
    "feedback": "答复反馈人",
    "need_plan": "应对方案归档",
    "churn_acknowledgement": "负责人或上级确认",
    "win_back_step": "步骤完成",
}
