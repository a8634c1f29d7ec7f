"""The metric dictionary: what every figure of the reports means, in Indonesian and English (definitions.toml).

A limit that an installation may set stands in a text by its name in `reports.limits`: `{mistap}`.
Pages show a definition behind the "i" of a figure; docs/metrics.md and docs/metrics.id.md hold the same text and
are written by `python -m reports.definitions` (a test compares them).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.limits import ReportLimits

WORDS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "definitions.toml").read_text(encoding="utf-8"))
DOCS = Path(__file__).resolve().parent.parent / "docs"
FILES = {"en": "metrics.md", "id": "metrics.id.md"}
TITLES = {"en": "Metric dictionary", "id": "Arti angka"}
LEADS = {
    "en": "Every figure of labelcrm's reports, as its pages, CSV files and API count it. The word in brackets is its "
    "name in the API.",
    "id": "Setiap angka di laporan labelcrm, seperti dihitung oleh halaman, file CSV dan API-nya. Kata dalam kurung "
    "adalah namanya di API.",
}
RULES_TITLE = {"en": "Ground rules", "id": "Aturan dasar"}


@dataclass(frozen=True, slots=True)
class FigureDefinition:
    """A figure's name and meaning in one language."""

    name: str
    title: str
    text: str


def definition(name: str, language: str | None, *, report: str = "") -> FigureDefinition:
    """What the figure `name` (its API name) is called and means here, in a report where it is another there.

    Raises KeyError.
    """
    words = _FIGURES.get(f"{report}.{name}") or _FIGURES[name]
    return _in(name, words, language, ReportLimits.now())


def sections(language: str | None, limits: ReportLimits | None = None) -> list[tuple[str, list[FigureDefinition]]]:
    """The whole dictionary: ground rules first, then figures, section by section."""
    limits = limits or ReportLimits.now()
    rules = [_in("", rule, language, limits) for rule in WORDS["rules"]]
    figures = [
        (section[_key(language)], [_in(name, words, language, limits) for name, words in section["figures"].items()])
        for section in WORDS["sections"]
    ]
    return [(RULES_TITLE[_key(language)], rules), *figures]


def markdown(language: str) -> str:
    """The dictionary as a page of the documentation, which tells the default limits."""
    lines = [f"# {TITLES[language]}", "", LEADS[language]]
    for title, definitions in sections(language, ReportLimits()):
        lines += ["", f"## {title}"]
        for each in definitions:
            name = f" (`{each.name}`)" if each.name else ""
            lines += ["", f"**{each.title}**{name}: {each.text}"]
    return "\n".join(lines) + "\n"


def write() -> None:
    for language, file in FILES.items():
        (DOCS / file).write_text(markdown(language), encoding="utf-8")


def _key(language: str | None) -> str:
    return "en" if (language or "").startswith("en") else "id"


def _in(name: str, words: dict[str, list[str]], language: str | None, limits: ReportLimits) -> FigureDefinition:
    title, text = words[_key(language)]
    return FigureDefinition(
        name.rpartition(".")[2], title, text.format_map(limits.in_words(english=_key(language) == "en"))
    )


_FIGURES: dict[str, Any] = {name: words for section in WORDS["sections"] for name, words in section["figures"].items()}

if __name__ == "__main__":
    write()
