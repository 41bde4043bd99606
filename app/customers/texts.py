"""Words of the customer file's own refusals: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "customer_merged": (
        "该客户已合并到 {merged_into};请对该客户操作",
        "This customer was merged into {merged_into}; turn to that one",
    ),
    "duplicate_suspected": (
        "可能已有该客户的档案;请查看候选客户,确认不是同一客户后在 duplicates_checked 中列出其 id",
        "This customer may have a file already: look at the candidates, and name those who are others in duplicates_checked",
    ),
    "tier_not_overridden": (
        "该客户的等级由规则计算,没有可撤销的人工设定",
        "The tier is the policy's own; there is no override to withdraw",
    ),
    "contact_in_use": (
        "该联系人已出现在工单等记录中,不能删除;可清空其电话和邮箱",
        "Tickets or other records name this contact, so it stays; its phones and e-mails can be emptied",
    ),
    "customer_not_kept_fresh": (
        "该客户状态为 {status},其档案不再要求每月更新",
        "A customer who is {status} has no file to be kept fresh",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "phone_invalid": (
        "电话号码无法识别;固定电话请带区号,境外号码请以 + 开头",
        "Not a phone number; give a landline its area code, a foreign number its +",
    ),
    "email_invalid": ("邮箱地址不正确", "Not an e-mail address"),
    "credit_code_invalid": (
        "统一社会信用代码不正确(18 位,末位为校验码)",
        "Not a unified social credit code (18 characters, the last one checks the rest)",
    ),
    "website_invalid": (
        "应为网址,例如 https://www.example.com",
        "Should be an address such as https://www.example.com",
    ),
    "named_twice": ("同一号码或邮箱只能出现一次", "Each number or address can be named once"),
    "mask_ambiguous": (
        "有多个号码或邮箱与此相同,请写全",
        "Several numbers or addresses read like this; write it in full",
    ),
    "birthday_invalid": (
        "没有这样的日子;公历按月份天数,农历每月最多 30 天,闰月只用于农历",
        "There is no such day; a lunar month has at most 30 days, and only the lunar calendar has leap months",
    ),
    "in_the_future": ("不能晚于现在", "Must not lie in the future"),
    "money_invalid": (
        '应为非负金额,最多两位小数的文字,例如 "1200.50"',
        'Should be an amount as text, not negative, at most two decimals, such as "1200.50"',
    ),
    "currency_invalid": (
        "应为 ISO 4217 货币代码,例如 CNY",
        "Should be an ISO 4217 code such as CNY",
    ),
    "date_invalid": ("应为日期,例如 2026-03-02", "Should be a date such as 2026-03-02"),
    "instant_out_of_range": (
        "时间应在 1900 至 2199 年之间",
        "Should lie in the years 1900 to 2199",
    ),
    "user_inactive": ("该用户已停用", "This user is no longer active"),
    "duplicate_member": ("同一人只能出现一次", "Each person can be named once"),
}
