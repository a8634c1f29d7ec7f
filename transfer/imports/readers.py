"""What a cell of a file says: names, phones, times, money, yes and no, in the spellings of people and programs.

Each reader takes the text of a cell that is not empty and returns its value, or raises ValueError with a sentence that
says what is wrong with the cell and what to do. Touches no table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from labelcrm.lib import phones
from labelcrm.lib.cells import for_xlsx, restored
from labelcrm.lib.numbers import whole_number
from labelcrm.lib.strict_json import is_storable
from labelcrm.lib.text import legible, trimmed

LONGEST_NAME = 200
LONGEST_NOTE = 5_000
Reader = Callable[[str], Any]
YES, NO = {"yes", "ya", "y", "true", "1", "benar"}, {"no", "tidak", "n", "false", "0", "salah"}

# What programs write where there is nothing: a dash, or the failure of a formula.
_NOTHING = frozenset(
    {"-", "--", "–", "—", "nan", "none", "null", "nil", "n/a", "#n/a", "undefined", "(blank)", "(kosong)"}
)
_FAILED_FORMULA = re.compile(r"#[^\s#]{1,12}[!?]|err:\d{3}", re.IGNORECASE)


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing: blank, invisible, a dash, or what a program writes where there is no value.

    >>> is_empty(" \\u200b"), is_empty("#REF!"), is_empty("NaN"), is_empty("0")
    (True, True, True, False)
    """
    text = legible(cell).casefold()
    return not text or text in _NOTHING or (text[0] in "#e" and _FAILED_FORMULA.fullmatch(text) is not None)


def is_same(cell: str, written: str) -> bool:
    """Whether a cell says what an export writes there, `written`, whatever a spreadsheet program did to its blanks."""
    seen = legible(restored(cell))
    if seen == legible(written):
        return True
    is_plain = written.isascii() and written.isprintable()  # nothing that a workbook could not hold
    return not is_plain and seen == legible(restored(for_xlsx(written)))


def said(reader: Reader) -> Reader:
    """A reader of whole cells, as files have them: None for one that says nothing."""
    return lambda cell: None if is_empty(cell) else reader(restored(cell))


class NoNumber(ValueError):
    """A cell that is not one phone number. `unknown`: no number at all, as far as numbering plans say."""

    def __init__(self, sentence: str, *, unknown: bool) -> None:
        super().__init__(sentence)
        self.unknown = unknown


def mobile(text: str) -> str | None:
    """The E.164 number of a cell that is a mobile of this country and nothing else, as nearly all are; else None."""
    return phones.mobile_here(text, region=settings.PHONE_REGION)


def phone(text: str) -> str:
    """The E.164 number of a cell. Raises NoNumber."""
    found = phones.readings(restored(text), region=settings.PHONE_REGION)
    if found.number is not None:
        return found.number
    between = _(" or ") if found.problem == phones.AMBIGUOUS else ", "
    words = {"text": trimmed(text)[:60], "numbers": between.join(found.numbers[:3]), "rest": found.rest[:60]}
    raise NoNumber(_phone_problem(found.problem) % words, unknown=not found.numbers)


def _phone_problem(problem: str) -> str:
    """The sentence for a problem of `phones.Readings`."""
    if problem == phones.AMBIGUOUS:
        return _("“%(text)s” may be %(numbers)s. Write the number you mean, with its plus.")
    if problem == phones.SEVERAL:
        return _("“%(text)s” holds more than one number: %(numbers)s. Keep one, and give the other a row of its own.")
    if problem == phones.FOLLOWED:
        return _("Behind the number %(numbers)s stands “%(rest)s”. Leave only the number in the cell.")
    if problem == phones.SHORTENED:
        return _("A spreadsheet shortened this number (%(text)s): format the column as text.")
    if problem == phones.TOO_LONG:
        return _("“%(text)s” has more digits than a phone number of its country.")
    return _("“%(text)s” is no phone number.")


def name(text: str) -> str:
    """A name as it is kept. Raises ValueError."""
    text = trimmed(text)
    if len(text) > LONGEST_NAME:
        raise ValueError(_("A name has at most 200 characters."))
    if not is_storable(text):
        raise ValueError(_("The name holds characters that cannot be stored."))
    if phones.looks_like_a_number(text):
        sentence = _("“%(text)s” is a number, not a name. The name stays as it is: empty this cell, or write the name.")
        raise ValueError(sentence % {"text": text[:60]})
    return text


def note(text: str) -> str:
    """A note as it is kept. Raises ValueError."""
    text = trimmed(text.replace("\r\n", "\n").replace("\r", "\n"))
    if len(text) > LONGEST_NOTE:
        raise ValueError(_("A note has at most 5,000 characters."))
    if not is_storable(text):
        raise ValueError(_("The note holds characters that cannot be stored."))
    return text


def yes(text: str) -> bool:
    """Raises ValueError for anything but yes and no, in Indonesian or English."""
    word = legible(text).casefold()
    if word not in YES | NO:
        raise ValueError(_("Write yes or no."))
    return word in YES


# -- Times ------------------------------------------------------------------------------------------------------------

_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan januari january", "feb peb februari pebruari february", "mar mrt maret march", "apr april", "mei may",
            "jun juni june", "jul juli july", "agu agt ags agst aug agustus august", "sep sept september",
            "okt oct oktober october", "nov nop november nopember", "des dec desember december",
        ),
        start=1,
    )
    for word in words.split()
}  # fmt: skip
_CLOCK = r"(?:[,t\s]+(?:pukul|jam|pkl)?[.\s]*(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?)?"
_WEEKDAY = r"(?:(?:senin|selasa|rabu|kamis|jum'?at|sabtu|minggu|(?:mon|tues|wednes|thurs|fri|satur|sun)day)[,\s]+)?"
_FORMS = (
    re.compile(rf"(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_CLOCK}", re.ASCII),
    re.compile(
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:[-/.]|\s+)(?P<month>\d{{1,2}}|[a-z]+)\.?(?:[-/.]|,?\s+)"
        rf"(?P<year>\d{{4}}|\d{{2}}){_CLOCK}",
        re.ASCII,
    ),
)


def moment(text: str) -> datetime:
    """A time of the business, the day before the month as in Indonesia: `31/12/2026 10.30`, `31 Desember 2026`.

    Raises ValueError.
    """
    written = legible(text).casefold()
    match = next(filter(None, (form.fullmatch(written) for form in _FORMS)), None)
    found = _moment(match.groupdict()) if match else None
    if found is None or not 2000 <= found.year <= 2200:
        raise ValueError(_("Write a time such as 2026-03-02 10:00."))
    return timezone.make_aware(found)


def _moment(parts: dict[str, str | None]) -> datetime | None:
    """The naive time that these parts of a text name, None for a day or an hour that there is not."""
    year, month = int(parts["year"] or 0), parts["month"] or ""
    number = whole_number(month) or _MONTHS.get(month, 0)
    hour, minute, second = (int(parts[part] or 0) for part in ("hour", "minute", "second"))
    try:
        day_of_month, century = int(parts["day"] or 0), 2000 if year < 100 else 0
        return datetime(century + year, number, day_of_month, hour, minute, second)  # noqa: DTZ001 - made aware above
    except ValueError:
        return None


def day(text: str) -> date:
    """Raises ValueError."""
    try:
        return timezone.localtime(moment(text)).date()
    except ValueError:
        raise ValueError(_("Write a day such as 2026-03-02.")) from None


# -- Money ------------------------------------------------------------------------------------------------------------

_CURRENCY = re.compile(r"(?:rp|idr)[.\s]*|\s*(?:rp|idr)\.?$")
_NO_CENTS = re.compile(r"[.,](?:-{1,2}|[–—=]|0{1,2})$")
_GROUPED = re.compile(r"\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+", re.ASCII)
_SPOKEN = re.compile(r"(?P<number>\d{1,6}(?:[.,]\d{1,2})?) ?(?P<unit>rb|ribu|k|jt|juta|miliar|milyar)", re.ASCII)
_UNITS = {"rb": 3, "ribu": 3, "k": 3, "jt": 6, "juta": 6, "miliar": 9, "milyar": 9}


def rupiah(text: str) -> Decimal:
    """Whole rupiah: `1500000`, `Rp1.500.000,-`, `1.500.000,00`, `1,500,000` and `1,5 jt` are the same money.

    Raises ValueError.
    """
    written = _NO_CENTS.sub("", _CURRENCY.sub("", legible(text).casefold()))
    if match := _SPOKEN.fullmatch(written):
        amount = Decimal(match["number"].replace(",", ".")).scaleb(_UNITS[match["unit"]])
    else:
        digits = re.sub(r"\D", "", written) if _GROUPED.fullmatch(written) else written
        amount = Decimal(digits) if re.fullmatch("[0-9]+", digits) else Decimal("NaN")
    if amount != amount or amount != amount.to_integral_value() or amount >= 10**14:  # NaN is not itself
        raise ValueError(_("Write a number of rupiah, such as 1500000."))
    return amount.quantize(Decimal(1))
