"""Indonesian is complete: of every sentence that we or our packages may show, 99 of 100 have their Indonesian.

Sentences are read out of the sources here, without gettext's tools: a machine that runs the tests needs none.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import override
from django.utils.translation.template import templatize

from desk.management.commands.translations import source_roots, sources
from tests.desk.conftest import Shop

CATALOGUE = Path(settings.LOCALE_PATHS[0]) / "id/LC_MESSAGES"
SINGULAR = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
CONTEXT = {"pgettext", "pgettext_lazy"}
AXES = {"access attempt", "access attempts"}  # of a package whose sources are not read
PLACEHOLDER = re.compile(r"%\((\w+)\)|\{(\w*)")


def in_python(source: str) -> Iterator[str]:
    """The constant sentences that a piece of Python hands to gettext."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        arguments = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in SINGULAR | PLURAL and arguments:
            yield arguments[0]
        elif name in CONTEXT and len(arguments) > 1:
            yield "\x04".join(arguments[:2])


def in_template(source: str) -> Iterator[str]:
    """The sentences of a template, through Django's own reading of its tags as code."""
    code = templatize(source)
    calls = re.findall(r"""\bn?p?gettext\((?:u?(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")[,\s]*(?:count)?)+\)|\b_\((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")\)""", code, re.DOTALL)  # fmt: skip # noqa: E501
    for call in calls:
        yield from in_python(call.replace("count)", "1)"))


@cache
def sentences() -> dict[str, str]:
    """Every sentence and the file it is in."""
    found: dict[str, str] = {}
    for root in source_roots():
        for path in sources(root):
            text = path.read_text()
            read = in_python if path.suffix == ".py" else in_template
            for sentence in read(text):
                if sentence.strip():
                    found.setdefault(sentence, f"{root.name}/{path.relative_to(root)}")
    return found


@pytest.fixture(scope="module")
def catalogue() -> gettext.GNUTranslations:
    with (CATALOGUE / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def translated(catalogue: gettext.GNUTranslations, sentence: str) -> str | None:
    known = catalogue._catalog  # type: ignore[attr-defined]
    return known.get(sentence) or known.get((sentence, 0))


def test_nearly_every_sentence_has_its_indonesian(catalogue: gettext.GNUTranslations) -> None:
    wanted = sentences()
    assert len(wanted) > 1000
    missing = {sentence: path for sentence, path in wanted.items() if not translated(catalogue, sentence)}
    assert len(missing) <= len(wanted) * 0.01, missing


def test_no_translation_is_a_guess() -> None:
    assert "#, fuzzy" not in (CATALOGUE / "django.po").read_text()


def test_placeholders_survive_translation(catalogue: gettext.GNUTranslations) -> None:
    for sentence in sentences():
        indonesian = translated(catalogue, sentence)
        if not indonesian:
            continue
        needed, written = set(PLACEHOLDER.findall(sentence)), set(PLACEHOLDER.findall(indonesian))
        # One Indonesian form stands for both English ones, and "the one" has no place for its number.
        has_plural = (sentence, 0) in catalogue._catalog  # type: ignore[attr-defined]
        assert needed == written or (has_plural and written - needed == {("n", "")}), sentence


def test_the_compiled_catalogue_is_the_written_one(catalogue: gettext.GNUTranslations) -> None:
    written = (CATALOGUE / "django.po").read_text()
    entries = re.findall(r'^(?:msgctxt "(.+)"\n)?msgid "(.+)"\nmsgstr "(.+)"$', written, re.MULTILINE)
    assert len(entries) > 500
    for context, sentence, indonesian in entries:
        plain = ast.literal_eval(f'"{sentence}"')
        plain = f"{context}\x04{plain}" if context else plain  # as a catalogue keeps what is said in a context
        assert translated(catalogue, plain) == ast.literal_eval(f'"{indonesian}"'), sentence


@pytest.mark.parametrize(("language", "word"), [("id", "Terapkan filter"), ("en", "Apply Filters")])
def test_a_packages_words_follow_the_language_too(language: str, word: str) -> None:
    from django.utils.translation import gettext as translate

    with override(language):
        assert translate("Apply Filters") == word


def test_english_pages_say_no_word_of_the_api(client_of: Callable[..., Client], shop: Shop) -> None:
    client = client_of("root")
    for path, word in (
        ("contacts/channel", "1 WhatsApp number"),
        ("contacts/agent", "1 CS"),
        ("auth/group", "6 roles"),
    ):
        html = re.sub(
            r"<span[^>]*material-symbols[^>]*>.*?</span>", "", client.get(f"/admin/{path}/").text, flags=re.DOTALL
        )
        assert word in html
        assert not re.search(r">[^<]*\b(agents?|channels?|groups?|By )\b[^<]*<", html), path


def test_the_english_catalogue_overrides_only_what_is_said() -> None:
    """Every entry is a sentence of ours or of a package, keeps its placeholders and is compiled."""
    folder = CATALOGUE.parents[1] / "en/LC_MESSAGES"
    written = re.findall(
        r'^msgid "(.+)"\n(?:msgid_plural .*\n)?msgstr(?:\[0\])? "(.+)"$',
        (folder / "django.po").read_text(),
        re.MULTILINE,
    )
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    known = {sentence.partition("\x04")[2] or sentence for sentence in sentences()}
    packages = (Path(django.__file__).parent / "contrib").rglob("locale/id/LC_MESSAGES/django.po")
    theirs = "\n".join(path.read_text() for path in packages)
    assert len(written) > 30
    for sentence, said in written:
        assert sentence in known or f'"{sentence}"' in theirs or sentence in AXES, sentence
        assert set(PLACEHOLDER.findall(sentence)) == set(PLACEHOLDER.findall(said)), sentence
        assert translated(compiled, sentence) == said, sentence
