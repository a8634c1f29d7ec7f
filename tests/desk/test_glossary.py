"""One term per thing: every Indonesian sentence keeps to the glossary, and the glossary's pages are its table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from desk import glossary
from desk.glossary import Sentence, problems
from reports.definitions import WORDS

CATALOGUE = Path(settings.LOCALE_PATHS[0]) / "id/LC_MESSAGES/django.po"


def definitions() -> Iterator[Sentence]:
    """What the reports say of their figures."""
    figures = [figure for section in WORDS["sections"] for figure in section["figures"].values()]
    for words in [*WORDS["rules"], *figures]:
        yield from (Sentence(english, indonesian) for english, indonesian in zip(words["en"], words["id"], strict=True))
    yield from (Sentence(section["en"], section["id"]) for section in WORDS["sections"])


def test_every_translation_keeps_to_the_glossary() -> None:
    sentences = glossary.catalogue(CATALOGUE)
    assert len(sentences) > 1500
    assert list(problems(sentences)) == []


def test_every_definition_keeps_to_the_glossary() -> None:
    assert list(problems(definitions())) == []


@pytest.mark.parametrize("page", sorted(glossary.DOCS.glob("*.id.md")), ids=lambda page: page.name)
def test_no_indonesian_document_uses_a_word_that_is_not_ours(page: Path) -> None:
    if page.name == glossary.FILES["id"]:
        return  # it lists them
    lines = (Sentence("", line) for line in page.read_text(encoding="utf-8").splitlines())
    assert list(problems(lines)) == []


@pytest.mark.parametrize(
    ("english", "indonesian", "told"),
    [
        ("Stale labels", "Label basi", "“stale” is “kedaluwarsa”"),
        ("Stale labels", "Label basi", "not “basi” but “kedaluwarsa”"),
        ("Old password", "Sandi lama", "not “sandi (tanpa kata)” but “kata sandi”"),
        ("Choose rows", "Penyaringan baris", "not “penyaring*” but “filter”"),
        ("All channels", "Semua kanal", "“channel, WhatsApp number” is “nomor WA”"),
        ("The deed", "Tindakan", "not “deed” but “action”"),
    ],
)
def test_another_word_is_noticed(english: str, indonesian: str, told: str) -> None:
    assert any(told in problem for problem in problems([Sentence(english, indonesian)]))


@pytest.mark.parametrize(
    ("english", "indonesian"),
    [
        ("Your password", "Kata sandi Anda"),
        ("Set `channel` to 1", "Isi `channel` dengan 1"),
        ("%(channels)s of them", "%(channels)s di antaranya"),
        ("a WhatsApp channel", "saluran WhatsApp"),
        ("The transaction is done", "Transaksinya selesai"),
    ],
)
def test_words_of_code_and_parts_of_words_are_not_judged(english: str, indonesian: str) -> None:
    assert list(problems([Sentence(english, indonesian)])) == []


def test_a_fragment_is_judged_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fragment = tmp_path / "translations.po"
    fragment.write_text('msgid ""\nmsgstr "Language: id\\n"\n\nmsgid "Stale labels"\nmsgstr ""\n"Label "\n"basi"\n')
    assert glossary.main([str(fragment)]) == 1
    assert "Label basi" in capsys.readouterr().out
    fragment.write_text('msgid "%(n)d stale"\nmsgid_plural "%(n)d stale"\nmsgstr[0] "%(n)d kedaluwarsa"\n')
    assert glossary.main([str(fragment)]) == 0


@pytest.mark.parametrize("language", glossary.FILES)
def test_the_pages_of_the_glossary_are_its_table(language: str) -> None:
    page = glossary.DOCS / glossary.FILES[language]
    assert page.read_text(encoding="utf-8") == glossary.markdown(language), "run `make pages`"


def test_every_term_is_told_once_in_each_language() -> None:
    for language in glossary.FILES:
        terms = [term[language] for term in glossary.TERMS]
        assert len(terms) == len(set(terms))
        assert all(term[f"means_{language}"] for term in glossary.TERMS)
