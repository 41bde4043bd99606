"""Words of identity's own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "login_failed": ("邮箱或密码不正确", "The e-mail address or the password is wrong"),
    "login_limited": (
        "登录失败次数过多,请稍后再试",
        "Too many failed logins; come back later",
    ),
    "token_invalid": ("登录凭证无效,请重新登录", "The token or key is not valid; log in again"),
    "token_revoked": ("登录已失效,请重新登录", "The login has ended; log in again"),
    "refresh_token_invalid": (
        "刷新令牌无效或已过期,请重新登录",
        "The refresh token is not valid any more; log in again",
    ),
    "refresh_token_reused": (
        "刷新令牌已被使用过,为安全起见本次登录已全部结束,请重新登录",
        "The refresh token had been used before; for safety the whole login has ended, log in again",
    ),
    "password_wrong": ("原密码不正确", "The old password is wrong"),
    "password_changed_meanwhile": (
        "密码刚刚被修改过,请重试",
        "The password has just been changed; try again",
    ),
    "people_only": ("API 密钥不能执行此操作", "This is for people, not for API keys"),
    "email_taken": ("该邮箱已被使用", "Somebody has this e-mail address already"),
    "last_admin": (
        "这是最后一位启用中的管理员,不能停用或降级",
        "This is the last active admin, who can be neither deactivated nor demoted",
    ),
    "manager_cycle": (
        "汇报线不能成环:所选上级最终向此人汇报",
        "A line of managers has no cycle: this manager reports to that very person",
    ),
    "department_cycle": (
        "部门不能移到自己或其下级部门之下",
        "A department cannot move below itself",
    ),
    "department_name_taken": (
        "同一上级下已有同名部门",
        "There is a department of this name at the same place",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "email_invalid": ("邮箱地址不正确", "Not an e-mail address"),
    "instant_out_of_range": (
        "时间应在 1900 至 2199 年之间",
        "Should lie in the years 1900 to 2199",
    ),
    "instant_passed": ("应为将来的时间", "Should lie in the future"),
    "zone_unknown": (
        "应为 IANA 时区名,例如 Asia/Shanghai",
        "Should be an IANA time zone such as Asia/Shanghai",
    ),
    "user_inactive": ("该用户已停用", "This user is no longer active"),
    "duplicate_member": ("同一人只能出现一次", "Each person can be named once"),
    "delegate_is_self": ("代理人不能是本人", "Nobody stands in for himself"),
    "delegate_absent": (
        "代理人在此期间也不在岗",
        "The delegate is absent himself during that time",
    ),
    "absence_incomplete": (
        "缺勤的开始与结束须同时给出,或同时为空",
        "An absence has both a beginning and an end, or neither",
    ),
    "absence_reversed": (
        "缺勤的结束须晚于开始",
        "An absence ends after it begins",
    ),
    "scope_refused": ("API 密钥不能持有此权限", "No API key may hold this permission"),
    "password_too_short": ("至少 10 个字符", "At least 10 characters"),
    "password_too_long": ("最多 128 个字符", "At most 128 characters"),
    "password_too_uniform": ("至少 5 个不同的字符", "At least 5 different characters"),
    "password_too_common": ("这是常见密码,请换一个", "This password is a common one"),
    "password_is_email": ("不能与邮箱相同", "Should not be the e-mail address"),
    "password_unchanged": ("新密码须与原密码不同", "Should differ from the old password"),
}
