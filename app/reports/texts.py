"""What reports say in words: refusals, headings and the page's texts, in Chinese and English."""

TEXTS: dict[str, tuple[str, str]] = {}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "date_parsing": ("应为 2026-03-01 这样的日期", "Should be a date such as 2026-03-01"),
    "period_backwards": ("结束日期早于开始日期", "The period ends before it begins"),
    "period_too_long": ("期间最长 {days_max} 天", "A period has at most {days_max} days"),
    "too_many_waits": (
        "期间内的等待超过 {waits_max} 次,请缩短期间,或按人员、部门查询",
        "More than {waits_max} waits began in the period: ask for a shorter one, for a person or a department",
    ),
}
