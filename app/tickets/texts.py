"""Words of the tickets' own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "move_impossible": (
        "工单状态为 {state},不能执行 {move};现在可以:{possible}",
        "The ticket is {state}, so {move} is impossible; possible now: {possible}",
    ),
    "ticket_ended": (
        "工单状态为 {state},已不能修改",
        "The ticket is {state} and is not changed any more",
    ),
    "note_vague": (
        "内容过于笼统:请写清具体做了什么、结果如何、下一步是什么",
        "This says too little: write what was done, what came of it, and what comes next",
    ),
    "reopen_window_over": (
        "关闭已超过 7 天,请新开工单并关联",
        "It was closed more than 7 days ago; open a new ticket that follows it",
    ),
    "accept_not_missed": (
        "受理时限未到或已受理,不能收回",
        "The acceptance is not overdue, so the ticket cannot be taken back",
    ),
    "agreement_absent": (
        "没有待批准的约定时间",
        "No agreed instant is waiting for approval",
    ),
    "agreement_lapsed": (
        "约定时间已过,请重新约定",
        "The agreed instant has passed; agree anew",
    ),
    "own_agreement": (
        "不能批准自己负责的工单的延期约定,请由上级批准",
        "The owner cannot approve a postponement of his own; somebody above him does",
    ),
    "task_force_needed": (
        "超复杂工单须先成立跨部门小组",
        "A super-complex ticket needs its task force first",
    ),
    "pause_budget_used": (
        "此工单的等待时间已用完(已用 {used_seconds} 工作秒,预算 {budget_seconds}),须由主管批准:{approvers}",
        "The ticket has used up its time for waiting ({used_seconds} of {budget_seconds} working s); to approve: {approvers}",
    ),
    "no_pause_budget": (
        "适用的策略未限制等待时间,无需批准",
        "The policy sets no limit to waiting, so there is nothing to approve",
    ),
    "confirmation_needed": (
        "客户尚未确认,只有主管可以关闭",
        "The customer has not confirmed; only a supervisor may close it now",
    ),
    "type_without_department": (
        "没有部门负责此类型,无法派单",
        "No department handles this type, so it cannot be dispatched",
    ),
    "ticket_type_exists": ("已有此类型代码", "There is a type with this code already"),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "vague_too_short": ("内容太短", "Too short to say anything"),
    "vague_repetition": ("只是重复的字符", "The same characters over and over"),
    "vague_boilerplate": (
        "只有套话,没有具体内容",
        "Only set phrases, nothing concrete",
    ),
    "not_in_future": ("应晚于现在", "Should lie in the future"),
    "in_future": ("不能晚于现在", "Should not lie in the future"),
    "wish_not_recorded": (
        "晚于解决时限,须先记录客户希望的时间",
        "Later than the solution is due: record first that the customer wishes it",
    ),
    "user_inactive": ("该用户已停用", "This user is no longer active"),
    "cannot_own_tickets": ("该用户的角色不处理工单", "This user's role does not handle tickets"),
    "duplicate_member": ("同一人只能出现一次", "Each person can be named once"),
    "one_department": (
        "超复杂工单的小组须来自至少两个部门",
        "The task force of a super-complex ticket spans at least two departments",
    ),
    "same_ticket": ("不能并入自身", "A ticket cannot be merged into itself"),
    "another_customer": ("须为同一客户的工单", "Should be a ticket of the same customer"),
    "survivor_not_open": (
        "目标工单已不在处理中",
        "The ticket to merge into is no longer worked on",
    ),
    "owner_twice": (
        "不能同时为自己受理并指派他人",
        "Either for oneself or for another owner",
    ),
    "public_only": ("客户的消息总是公开的", "A customer's message is always public"),
    "staff_only": ("只有员工的消息可带进度", "Only a staff message carries progress"),
    "code_invalid": (
        "代码为小写字母开头的字母、数字、下划线",
        "A code is lower-case letters, digits and underscores, a letter first",
    ),
}
