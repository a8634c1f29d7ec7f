"""Spreadsheet cells: text that no spreadsheet program takes for a formula, and back again. Pure.

A program that opens a CSV file runs what begins with `=`, `+`, `-` or `@`, some also after blanks or quotes, and
some take the wide forms of East Asian keyboards for the same (OWASP ASVS 5.0, 1.2.10). Such text gets an apostrophe
before it, which spreadsheet programs hide; `restored` takes exactly that one away. Numbers are not text and are left
alone by whoever writes them.

A program that opens a CSV file may also part its cells by another sign than the file does: Excel in Indonesia by
semicolons, whatever stands in quotes. So within a cell of a CSV file the same is done behind every sign but the file's
own (`for_csv`), and `from_csv` takes it away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

MAX_LENGTH = 32_767  # of a cell in XLSX

# "=", "+", "-", "@" and every character that compatibility normalisation turns into one of them; the real minus too.
_STARTS = r"=+\-@\u2212\u207a\u207c\u208a\u208c\u2a74-\u2a76\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
# What may stand before them: blanks, control and invisible characters, and quotation marks.
_SKIPPED = (
    r"\u0001-\u0020\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u3000\ufeff\ufff9-\ufffb\u0022\u0027\u0060\u00b4\u00ab\u00bb\u2018-\u201f\u2039\u203a\uff02\uff07"
)


def _formula(nul: str) -> str:
    """The regular expression of what a program could run.

    Apostrophes before a control character count too, so that taking one away is always the reverse of putting one.
    """
    return rf"^('*[\t\r\n{nul}]|[{nul}{_SKIPPED}]*[{_STARTS}])"


_BETWEEN = ";,\t\r\n"  # by which some program parts cells or rows
_NO_OPERAND = r"/.,;:!?)*%"  # behind the sign: "Rp500.000,-" and "2.000,-/pcs" are prices


def _inner(nul: str) -> str:
    """What a program could run behind a sign that parts cells for it."""
    skipped = rf"[{nul}{_SKIPPED}]*"
    return rf"{skipped}[{_STARTS}]{skipped}[^{nul}{_SKIPPED}{_NO_OPERAND}]"


def _between(delimiter: str) -> str:
    return f"[{_BETWEEN.replace(delimiter, '')}]"


def inner_formula(delimiter: str) -> str:
    """What a program could run within a cell of a CSV file with this delimiter, for PostgreSQL."""
    return _between(delimiter) + _inner("")


def before_inner_formula(delimiter: str) -> str:
    """The sign before that, as a group, for PostgreSQL."""
    return f"({_between(delimiter)})(?={_inner('')})"


@cache
def _inner_patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The sign before it, and the same where it was cleaned."""
    between, behind = f"({_between(delimiter)})", f"(?={_inner(_NUL)})"
    return re.compile(between + behind), re.compile(f"{between}'{behind}")


# The same for PostgreSQL, which writes large files, and keeps no NUL: no class in it depends on a locale.
FORMULA = _formula("")
_NUL = r"\x00"
_FORMULA = re.compile(_formula(_NUL))
_APART = "|"  # between cells that are looked at together
_MAY_BEGIN_FORMULA = re.compile(rf"\{_APART}[{_SKIPPED}{_STARTS}]")
# XML 1.0 cannot hold these, so neither can XLSX.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def cleaned(text: str) -> str:
    """`text` as it may stand in a cell: with an apostrophe before it where a program could run it.

    >>> cleaned("=1+1"), cleaned("Budi"), cleaned(" '@x")
    ("'=1+1", 'Budi', "' '@x")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def restored(cell: str) -> str:
    """What `cleaned` made a cell of: `restored(cleaned(text)) == text` for every text."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def for_csv(text: str, delimiter: str = ",") -> str:
    """`text` cleaned for a cell of a CSV file.

    >>> for_csv("a;=1+1"), for_csv("Rp500.000,-")
    ("a;'=1+1", 'Rp500.000,-')
    """
    return _inner_patterns(delimiter)[0].sub(r"\1'", cleaned(text))


def from_csv(cell: str, delimiter: str = ",") -> str:
    """What was cleaned: `from_csv(for_csv(text)) == cleaned(text)` for every text and delimiter."""
    return _inner_patterns(delimiter)[1].sub(r"\1", cell) if "'" in cell else cell


def for_xlsx(text: str) -> str:
    """`text` cleaned for a cell of an XLSX file: what XML cannot hold becomes U+FFFD, and the length is bounded.

    Line ends become the one that XML readers make of them anyway.
    """
    lines = cleaned(text).replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_XML.sub("\ufffd", lines)[:MAX_LENGTH]


def are_plain(cells: Sequence[str]) -> bool:
    """Whether these cells, of which none is empty, may stand in XML as they are: `for_xlsx` and escaping would leave
    each of them alone, and so does a reader that strips blanks. One look at all of them, which may err on the safe
    side; raises TypeError where one is no text.
    """
    text = _APART + _APART.join(cells) + _APART
    return (
        len(text) <= MAX_LENGTH
        and text.isprintable()
        and not ("&" in text or "<" in text or ">" in text or "  " in text or f" {_APART}" in text)
        and not _MAY_BEGIN_FORMULA.search(text)
    )
