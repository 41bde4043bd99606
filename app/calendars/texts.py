"""Words of what calendars refuse: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "calendar_name_taken": (
        "已有同名日历",
        "A calendar has this name already",
    ),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "calendar_name_invalid": (
        "应为 1 至 64 个字母、数字、点、横线或下划线,以字母或数字开头",
        "Should be 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first",
    ),
    "calendar_name_fixed": (
        "日历名称不可更改:已有的承诺以此名称引用它",
        "A calendar keeps its name: promises already made refer to it",
    ),
    "calendar_title_invalid": (
        "应为 1 至 {max_length} 个可见字符",
        "Should be 1 to {max_length} visible characters",
    ),
    "always_open_has_none": (
        "全天候日历没有营业时段、例外日期和年度",
        "A calendar that is always open has no hours, exceptions or years",
    ),
    "always_open_fixed": (
        "自然小时按 24x7 日历计算,它必须始终全天候开放",
        "Elapsed hours run on 24x7, so it stays always open",
    ),
    "no_working_time": (
        "一年之内没有任何工作时间",
        "There is no working time within a year",
    ),
    "hours_invalid": (
        '应为时段列表,例如 [["09:00", "12:00"], ["13:30", "18:00"]]',
        'Should be a list of spans such as [["09:00", "12:00"], ["13:30", "18:00"]]',
    ),
    "local_time_invalid": (
        '应为 00:00 至 24:00 的当地时间,例如 "09:00"',
        'Should be a local time from 00:00 to 24:00, such as "09:00"',
    ),
    "opening_at_midnight_end": ("24:00 只能作为结束时间", "24:00 can only be an end"),
    "interval_empty": (
        "起止相同,时段为空;全天请写 00:00 至 24:00",
        "Empty, for start and end are equal; a whole day is 00:00 to 24:00",
    ),
    "hours_missing": ("至少需要一个时段", "At least one span of hours is needed"),
    "closed_day_has_none": ("休息日没有时段", "A closed day has no hours"),
    "monday_has_none": (
        "周一没有时段可沿用,请写明时段",
        "Monday has no hours to take over, so they are needed here",
    ),
    "date_repeated": ("同一日期只能出现一次", "Each date can come once"),
    "day_invalid": ("应为日期,例如 2027-01-01", "Should be a date such as 2027-01-01"),
    "year_unserved": (
        "应在 {first} 至 {last} 年之间",
        "Should lie in the years {first} to {last}",
    ),
    "date_of_another_year": (
        "不属于 {year} 年的放假安排",
        "Does not belong to the holidays of {year}",
    ),
    "year_without_day_off": (
        "{year} 年没有任何放假日期",
        "There is no day off in {year}",
    ),
    "hole_in_holiday": (
        "{name}中间缺少 {date}",
        "{name} lacks {date} in its middle",
    ),
    "years_between_missing": (
        "请先载入 {next} 年:年度须连续载入",
        "Load {next} first: years are loaded without a gap",
    ),
    "working_calendar_needed": (
        "必须有一个工作日历;请改为将另一个日历设为工作日历",
        "There is always one working calendar: make another one the working calendar instead",
    ),
    "range_reversed": ("不能早于 from", "Must not lie before from"),
    "range_too_long": ("最多 {days_max} 天", "At most {days_max} days"),
    "beyond_served_years": (
        "结果超出日历可计算的年份({first} 至 {last})",
        "The answer lies beyond the years that calendars serve ({first} to {last})",
    ),
    "file_too_large": (
        "文件过大,最多 {bytes_max} 字节",
        "The file is too large; at most {bytes_max} bytes",
    ),
    "file_encoding_unknown": (
        "文件编码应为 UTF-8 或 GB18030",
        "The file should be UTF-8 or GB18030",
    ),
    "columns_unknown": (
        "首行应为列名 {columns}",
        "The first line should name the columns {columns}",
    ),
    "cells_missing": ("应有 {count} 列", "Should have {count} cells"),
    "csv_malformed": ("不是有效的 CSV", "Not valid CSV"),
}
