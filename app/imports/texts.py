"""Words of what imports refuse: code -> (zh-CN, en); `READING` is what is refused of files."""

READING: dict[str, tuple[str, str]] = {
    "file_empty": ("文件是空的", "The file is empty"),
    "file_without_rows": ("文件只有表头,没有数据行", "The file has headers and no row below them"),
    "not_a_spreadsheet": (
        "不是表格文件;请上传 CSV 或 XLSX",
        "Not a spreadsheet; send a CSV or an XLSX",
    ),
    "markup_file": (
        "文件是网页或 XML,并非 Excel;请在 Excel 中打开后另存为 XLSX",
        "The file is a web page or XML, whatever its name says; open it in Excel and save it as XLSX",
    ),
    "xls_file": (
        "旧版 Excel(.xls)不支持;请另存为 XLSX",
        "The old Excel format (.xls) is not read; save the file as XLSX",
    ),
    "xlsb_file": (
        "二进制工作簿(.xlsb)不支持;请另存为 XLSX",
        "Binary workbooks (.xlsb) are not read; save the file as XLSX",
    ),
    "ods_file": ("ODS 不支持;请另存为 XLSX", "ODS is not read; save the file as XLSX"),
    "macro_file": (
        "含宏的工作簿不予接收;请另存为不含宏的 XLSX",
        "Workbooks with macros are refused; save the file as an XLSX without them",
    ),
    "template_file": (
        "这是 Excel 模板;请另存为 XLSX 工作簿",
        "This is an Excel template; save it as an XLSX workbook",
    ),
    "file_encrypted": (
        "文件有密码保护;请去掉密码后再上传",
        "The file is under a password; remove it and send the file again",
    ),
    "archive_broken": (
        "文件不完整或已损坏,可能上传中断;请重新上传",
        "The file is cut off or damaged, perhaps on its way; send it again",
    ),
    "archive_hostile": (
        "压缩内容异常(条目过多、重名或解压后过大),不予接收",
        "Its archive is refused: too many entries, two of one name, or far too large once unpacked",
    ),
    "workbook_broken": (
        "工作簿内部已损坏;请在 Excel 中打开后另存",
        "The workbook is damaged inside; open it in Excel and save it anew",
    ),
    "xml_hostile": (
        "工作簿含有实体定义等危险内容,不予接收",
        "The workbook defines XML entities, which no spreadsheet needs; it is refused",
    ),
    "sheet_unknown": ("没有这个工作表", "There is no sheet of that name"),
    "encoding_unknown": (
        "无法判断文件编码;请用 encoding 说明,可选:{choices}",
        "The encoding cannot be told; say it as `encoding`, one of {choices}",
    ),
    "encoding_wrong": (
        "文件不是 {encoding} 编码;请换一种,或另存为 UTF-8",
        "The file is not in {encoding}; name another one, or save it as UTF-8",
    ),
    "encoding_broken": (
        "文件标明为 {encoding} 编码,内容却不是;可能已损坏",
        "The file says that it is in {encoding} and is not; it may be damaged",
    ),
    "file_has_nul": (
        "文件含有 U+0000,不是文本;若为 UTF-16 请用 encoding 说明",
        "The file holds U+0000, which no text has; if it is UTF-16, say so as `encoding`",
    ),
    "csv_quote_broken": (
        "第 {row} 行(文本第 {line} 行)引号不配对",
        "A quotation mark of row {row} (line {line} of the text) is misplaced or never closed",
    ),
    "csv_cell_too_long": (
        "第 {row} 行(至文本第 {line} 行)有单元格过长,可能是引号没有闭合",
        "A cell of row {row} (up to line {line} of the text) is too long; a quotation mark may be open",
    ),
    "cell_too_long": (
        "第 {row} 行有单元格超过 {length_max} 个字符",
        "A cell of row {row} is longer than {length_max} characters",
    ),
    "cell_too_far": (
        "单元格 {cell} 有内容;最多读取 {columns_max} 列,请清除多余的列",
        "Cell {cell} holds something; {columns_max} columns are read, clear what is beyond them",
    ),
    "too_many_columns": (
        "第 {row} 行超过 {columns_max} 列",
        "Row {row} has more than {columns_max} columns",
    ),
    "too_many_rows": (
        "最多 {rows_max} 行;请拆分文件",
        "At most {rows_max} rows; split the file",
    ),
    "header_row_missing": ("第 {row} 行没有表头", "There are no headers in row {row}"),
    "header_no_text": (
        "第 {row} 行的表头有公式或错误值;表头应为文字",
        "A header in row {row} is a formula or an error; headers are texts",
    ),
    "header_too_long": (
        "第 {row} 行有表头超过 {length_max} 个字符;这行可能不是表头",
        "A header in row {row} is longer than {length_max} characters; it may be no header at all",
    ),
    "header_twice": (
        "第 {row} 行第 {column} 列的表头出现了两次",
        "The header in row {row}, column {column} is there twice",
    ),
    "header_merged": (
        "表头有合并单元格({cells});请取消合并,每列一个表头",
        "Headers are merged ({cells}); unmerge them, one header a column",
    ),
    "cells_merged": (
        "数据有合并单元格({cells});请取消合并并补齐内容",
        "Cells are merged ({cells}); unmerge them and fill in what they say",
    ),
    "file_too_complex": (
        "文件过于复杂,读取时超出内存或时间限制;请拆分或另存为 CSV",
        "The file takes too much memory or time to read; split it or save it as CSV",
    ),
    "file_too_slow": (
        "文件在 {seconds} 秒内未能读完;请拆分或另存为 CSV",
        "The file was not read within {seconds} seconds; split it or save it as CSV",
    ),
}

TEXTS: dict[str, tuple[str, str]] = READING | {
    "upload_malformed": (
        "应以 multipart/form-data 上传一个名为 file 的文件",
        "Send multipart/form-data with one file in the part `file`",
    ),
    "readers_busy": ("正在读取其他文件,请稍后再试", "Other files are being read; try again later"),
    "import_purged": ("该文件已被清除", "The file has been purged"),
    "import_running": (
        "该文件正在导入,请等待其结束",
        "The file is being imported; wait for its end",
    ),
    "import_applied": (
        "该文件已经导入过;如需再次导入请重新上传",
        "The file has been imported; upload it anew to import it again",
    ),
    "mapping_name_taken": ("已有同名映射", "There is a mapping of this name"),
}

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "formula_without_value": (
        "公式没有计算结果;请在 Excel 中重新计算并保存",
        "The formula has no value; have Excel compute and save it",
    ),
    "cell_error": ("单元格是错误值(如 #N/A)", "The cell is an error such as #N/A"),
    "number_imprecise": (
        "数字超过 15 位,Excel 已丢失末位;请设为文本格式后重新填写",
        "Excel has lost digits beyond the fifteenth; format the cell as text and enter it anew",
    ),
    "upsert_ambiguous": (
        "查到多个客户;请先合并或改用客户编号",
        "More than one customer is found; merge them, or go by the customer's number",
    ),
    "looks_like": (
        "可能已有该客户的档案:{numbers};确认不是同一客户后可选择允许重复再导入",
        "He may have a file already: {numbers}; where he is another, import with duplicates allowed",
    ),
    "number_unknown": (
        "没有此编号的客户;新客户的编号由系统给出,请留空",
        "No customer has this number; new ones are given theirs, so leave it empty",
    ),
    "moved_elsewhere": (
        "已有客户的阶段和等级不能通过导入修改",
        "Stage and tier of a customer who is there are not changed by an import",
    ),
    "column_unknown": ("没有这一列,或已被映射", "There is no such column, or it is mapped already"),
    "field_unknown": ("没有这个字段", "There is no such field"),
    "field_twice": ("该字段只能对应一列", "One column only can be this field"),
    "upsert_unmapped": (
        "用于查找客户的字段没有映射到任何列",
        "No column is mapped to what customers are found by",
    ),
    "name_unmapped": ("请映射客户名称", "Map the customer's name"),
    "header_known": ("该表头已出现过", "This header is there already"),
    "cell_beyond_headers": (
        "此格超出表头范围;可能多了一个分隔符",
        "The cell is beyond the headers; there may be a delimiter too many",
    ),
}
