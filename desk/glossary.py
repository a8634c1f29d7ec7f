"""The glossary: one term per thing in each language, and whether a catalogue keeps to it (glossary.toml).

`python -m desk.glossary` writes docs/glossary.md and docs/glossary.id.md (a test compares them).
`python -m desk.glossary some.po` says which of its sentences use another word, for whoever translates a new page.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TERMS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("glossary.toml").read_text("utf-8"))["terms"]
DOCS = Path(__file__).resolve().parent.parent / "docs"
FILES = {"en": "glossary.md", "id": "glossary.id.md"}
TITLES = {"en": "Glossary", "id": "Daftar istilah"}
LEADS = {
    "en": "The words of the pages: one term per thing in each language. A test holds every Indonesian sentence against "
    "this table, which is made from desk/glossary.toml.",
    "id": "Kata-kata yang dipakai di halaman: satu istilah untuk satu hal. Setiap kalimat Indonesia diuji dengan tabel "
    "ini, yang dibuat dari desk/glossary.toml.",
}
HEADS = {
    "en": ("English", "Indonesian", "What it means", "Not", "Bukan (Indonesian)"),
    "id": ("Indonesia", "Inggris", "Artinya", "Jangan pakai", "Not (Inggris)"),
}
# What is not language: code, placeholders, addresses, names of rights.
_CODE = re.compile(r"“Can [\w ]+”|`[^`]*`|%\(\w+\)[sd]|%[sd]|\{\w*\}|<[^>]+>|\b[\w-]*_[\w-]*\b|\S*/\S*/\S*")
_LINE = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr)(?:\[0\])? (".*")$')


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in both languages."""

    english: str
    indonesian: str


def catalogue(path: Path) -> list[Sentence]:
    """The translated sentences of a `.po` file."""
    found = (_entry(block) for block in path.read_text(encoding="utf-8").split("\n\n"))
    return [Sentence(entry["msgid"], entry["msgstr"]) for entry in found if entry.get("msgid") and entry.get("msgstr")]


def _entry(block: str) -> dict[str, str]:
    entry: dict[str, str] = {}
    field = ""
    for line in block.splitlines():
        begun = _LINE.match(line)
        if begun:
            field = begun[1]
            entry[field] = ast.literal_eval(begun[2])
        elif line.startswith('"') and field:
            entry[field] += ast.literal_eval(line)
    return entry


def problems(sentences: Iterable[Sentence]) -> Iterator[str]:
    """What in the sentences is not said in the glossary's words, one line each."""
    for sentence in sentences:
        english, indonesian = (_CODE.sub(" ", text) for text in (sentence.english, sentence.indonesian))
        for term in TERMS:
            if _is_about(term, english) and not _says(term).search(indonesian):
                yield f"“{term['en']}” is “{term['id']}”: {sentence.english} = {sentence.indonesian}"
            for word in _used(term.get("not_id", []), indonesian):
                yield f"not “{word}” but “{term['id']}”: {sentence.indonesian}"
            for word in _used(term.get("not_en", []), english):
                yield f"not “{word}” but “{term['en']}”: {sentence.english}"


def _is_about(term: dict[str, Any], english: str) -> bool:
    pattern = term.get("finds", rf"\b{re.escape(term['en'])}s?\b")
    return bool(pattern and re.search(pattern, english, re.IGNORECASE))


def _says(term: dict[str, Any]) -> re.Pattern[str]:
    return re.compile(term.get("says", re.escape(term["id"])), re.IGNORECASE)


def _used(words: list[str], text: str) -> list[str]:
    return [word for word in words if _word(word).search(text)]


def _word(word: str) -> re.Pattern[str]:
    """Whole words; "saring*" with any ending; "sandi (tanpa kata)" where "kata" does not stand before it."""
    plain, _, without = word.removesuffix(")").partition(" (tanpa ")
    before = rf"(?<!{without} )" if without else ""
    end = "" if plain.endswith("*") else r"\b"
    return re.compile(rf"{before}\b{re.escape(plain.removesuffix('*'))}{end}", re.IGNORECASE)


def markdown(language: str) -> str:
    """The glossary as a page of the documentation."""
    heads = HEADS[language]
    lines = [f"# {TITLES[language]}", "", LEADS[language], "", _row(heads), _row(["---"] * len(heads))]
    other = "id" if language == "en" else "en"
    for term in sorted(TERMS, key=lambda term: term[language].lower()):
        cells = [term[language], term[other], term[f"means_{language}"]]
        cells += [", ".join(term.get(f"not_{each}", [])) for each in (language, other)]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(paths: list[str]) -> int:
    """Write the pages, or judge the catalogues that are named; 1 when one of them has a problem."""
    if not paths:
        for language, file in FILES.items():
            (DOCS / file).write_text(markdown(language), encoding="utf-8")
        return 0
    found = [problem for path in paths for problem in problems(catalogue(Path(path)))]
    print("\n".join(found) or "Every sentence keeps to the glossary.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
