"""Words of what exports refuse: code -> (zh-CN, en)."""

TEXTS: dict[str, tuple[str, str]] = {
    "export_too_long": (
        "XLSX 最多 {rows_max} 行;请缩小范围或导出 CSV",
        "A workbook takes {rows_max} rows; ask for less, or for CSV",
    ),
}
