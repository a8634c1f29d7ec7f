"""Days and times as people type them, in Indonesian and English: "29/11/2026", "29 Nov", "besok", "tomorrow 14.30"."""

from __future__ import annotations

import re
from datetime import date, time, timedelta

RELATIVE = {
    "kemarin": -1, "yesterday": -1,
    "hari ini": 0, "today": 0, "sekarang": 0,
    "besok": 1, "tomorrow": 1,
    "lusa": 2, "the day after tomorrow": 2,
}  # fmt: skip
_MONTHS = (
    ("januari", "january"), ("februari", "february", "pebruari"), ("maret", "march"), ("april",), ("mei", "may"),
    ("juni", "june"), ("juli", "july"), ("agustus", "august", "agt", "agst", "ags"), ("september", "sept"),
    ("oktober", "october"), ("november", "nopember"), ("desember", "december"),
)  # fmt: skip
_ISO = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})")
_NUMBERS = re.compile(r"(?P<day>\d{1,2})[-/. ](?P<month>\d{1,2})(?:[-/. ](?P<year>\d{4}|\d{2}))?")
_WORDS = re.compile(r"(?P<day>\d{1,2})[-/. ]*(?P<month>[a-z]+)\.?,?[-/. ]*(?P<year>\d{4}|\d{2})?")
_WORDS_AMERICAN = re.compile(r"(?P<month>[a-z]+)\.? (?P<day>\d{1,2})(?:,? (?P<year>\d{4}))?")
_CLOCK = re.compile(
    r"(?P<day>.*?\S)(?:,? +|(?<=\d)t)(?:(?:pukul|jam|at) +)?(?P<hour>\d{1,2})[.:](?P<minute>\d{2})(?:[.:]\d{2})?"
)
_HOUR = re.compile(r"(?P<day>.*?\S),? +(?:pukul|jam|at) +(?P<hour>\d{1,2})(?P<minute>)")


def read_day(text: str, *, today: date) -> date | None:
    """The day that `text` names; a day without its year is of this year. None for what is no day."""
    plain = " ".join(text.lower().strip(" ,.").split())
    if plain in RELATIVE:
        return today + timedelta(days=RELATIVE[plain])
    for pattern in (_ISO, _NUMBERS, _WORDS, _WORDS_AMERICAN):
        if found := pattern.fullmatch(plain):
            return _day(found["year"], found["month"], found["day"], today=today)
    return None


def read_day_and_time(text: str, *, today: date) -> tuple[date | None, time | None]:
    """The day that `text` names and the time behind it; no time where it names none."""
    plain = " ".join(text.lower().split())
    day = read_day(plain, today=today)
    found = None if day else _CLOCK.fullmatch(plain) or _HOUR.fullmatch(plain)
    if found is None:
        return day, None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if hour > 23 or minute > 59:
        return None, None
    return read_day(found["day"], today=today), time(hour, minute)


def _day(year: str | None, month: str, day: str, *, today: date) -> date | None:
    number = _month(month) if month.isalpha() else int(month)
    try:
        return date(_year(year) if year else today.year, number, int(day))
    except ValueError:  # 30 Feb, or a word that is no month
        return None


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(word: str) -> int:
    """1 to 12 for a month's name or its first three letters at least; 0 for another word."""
    places = (place for place, names in enumerate(_MONTHS, 1) if any(_is_short_for(word, name) for name in names))
    return next(places, 0)


def _is_short_for(word: str, name: str) -> bool:
    return len(word) >= 3 and name.startswith(word)
