"""Writes the shipped exceptions of the Chinese statutory calendar (调休 included).

    python scripts/seed_cn_calendar.py [FIRST_YEAR LAST_YEAR]

The seed is the `chinesecalendar` library, a development dependency: what runs reads the file only.
Holidays on weekends are listed too, for calendars that open on Saturdays. Rerun when the State
Council has published another year and the library knows it; review the difference before commit.
"""

import json
import sys
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

TARGET = Path(__file__).parents[1] / "app" / "calendars" / "shipped" / "cn_exceptions.json"

NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利70周年纪念日",
}

# Weekend days inside a published holiday that the library leaves out; it counts them as days off
# all the same, so only calendars with weekend hours can tell.
MISSING_HOLIDAYS = {
    date(2011, 6, 5): "端午节",  # 国办发明电〔2010〕40号: 6月4日至6日
    date(2012, 6, 23): "端午节",  # 国办发明电〔2011〕45号: 6月22日至24日
    date(2015, 9, 5): "抗战胜利70周年纪念日",  # 国发明电〔2015〕1号: 9月3日至5日
}


def statutory_exceptions(first_year: int, last_year: int) -> list[dict[str, str]]:
    """The exceptions of these years in order, as entries of a calendar document.

    Raises SystemExit for a year about which the library says nothing.
    """
    seed = import_module("chinese_calendar.constants")  # it ships no types
    closed = {on: NAMES[name] for on, name in seed.holidays.items()} | MISSING_HOLIDAYS
    working = {on: NAMES[name] + "调休" for on, name in seed.workdays.items()}
    entries = []
    on = date(first_year, 1, 1)
    known = {day.year for day in seed.holidays}
    while on.year <= last_year:
        if on.year not in known:
            raise SystemExit(f"chinesecalendar has no holidays for {on.year}")
        if on in closed:
            entries.append({"date": on.isoformat(), "kind": "closed", "name": closed[on]})
        elif on in working:
            entries.append({"date": on.isoformat(), "kind": "working", "name": working[on]})
        on += timedelta(days=1)
    return entries


def rendered(first_year: int, last_year: int) -> str:
    """The file's text: one exception a line, so that a review sees what a new year brings."""
    lines = [
        json.dumps(entry, ensure_ascii=False)
        for entry in statutory_exceptions(first_year, last_year)
    ]
    years = json.dumps(list(range(first_year, last_year + 1)))
    body = ",\n    ".join(lines)
    return f'{{\n  "exceptions_loaded": {years},\n  "exceptions": [\n    {body}\n  ]\n}}\n'


def main() -> None:
    """Writes the file and says how much it holds."""
    first_year, last_year = (int(year) for year in sys.argv[1:] or ("2007", "2026"))
    TARGET.write_text(rendered(first_year, last_year), encoding="utf-8")
    print(f"{TARGET.name}: {len(statutory_exceptions(first_year, last_year))} exceptions")


if __name__ == "__main__":
    main()
