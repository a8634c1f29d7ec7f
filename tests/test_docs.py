"""The documents: links lead somewhere, commands and files they name exist, and tables agree with the code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.core.management import get_commands

from labels.rules import taxonomy
from webhooks.gateways import GATEWAYS
from webhooks.gateways.waha.parse import VOCABULARY

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# What one finds in backticks and looks like a path of ours: a folder of the repository, then at least one more name.
OUR_PATH = re.compile(r"(?:contacts|docs|labelcrm|labels|locale|reports|templates|tests|webhooks|\.ci)/[\w./-]+")
MAX_IMAGE = 250_000  # bytes


@dataclass(frozen=True)
class Parts:
    """A page taken apart: its running text, and its blocks of code as (language, text)."""

    prose: str
    blocks: list[tuple[str, str]]


def parts(page: Path) -> Parts:
    prose: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    inside = False
    for line in page.read_text().splitlines():
        if line.strip().startswith("```"):
            inside = not inside
            if inside:
                blocks.append((line.strip()[3:], []))
        elif inside:
            blocks[-1][1].append(line)
        else:
            prose.append(line)
    assert not inside, "a block of code without an end"
    return Parts("\n".join(prose), [(language, "\n".join(lines)) for language, lines in blocks])


def prose(page: Path) -> str:
    return parts(page).prose


def typed(page: Path) -> str:
    """Everything in the page that is for typing: blocks of code without a language, and backticks."""
    found = parts(page)
    return "\n".join(
        [text for language, text in found.blocks if not language] + re.findall(r"`([^`\n]+)`", found.prose)
    )


def links(page: Path) -> list[str]:
    """Targets of the links and pictures of a page that lie in the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """The anchors a page's headings make, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestEveryPage:
    def test_its_links_lead_somewhere(self, document: Path) -> None:
        for link in links(document):
            target, _, anchor = unquote(link).partition("#")
            path = (document.parent / target).resolve() if target else document
            assert path.exists(), f"{link} leads nowhere"
            assert not anchor or anchor in anchors(path), f"{link}: no such heading"

    def test_the_files_it_names_exist(self, document: Path) -> None:
        """Names with placeholders in them (`<name>`, `*`, `…`) name no file."""
        for name in re.findall(r"`([^`\n]+)`", prose(document)):
            if OUR_PATH.fullmatch(name) and not re.search(r"[<>*…]", name):
                assert (ROOT / name).exists(), f"{name} does not exist"

    def test_the_make_targets_it_names_exist(self, document: Path) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
        named = set(re.findall(r"(?:^|[\s;&])make ([a-z][a-z-]*)(?=$|[\s`])", typed(document), flags=re.MULTILINE))
        assert named <= targets, f"no such target: {named - targets}"

    def test_the_management_commands_it_names_exist(self, document: Path) -> None:
        named = set(re.findall(r"manage\.py ([a-z_]+)", document.read_text()))
        assert named <= set(get_commands()), f"no such command: {named - set(get_commands())}"

    def test_the_settings_it_names_exist(self, document: Path) -> None:
        """`NAME=value` in front of `make` is a setting or a variable of the Makefile and the tests."""
        known = (ROOT / ".env.example").read_text() + (ROOT / "Makefile").read_text()
        for name in re.findall(r"\b([A-Z][A-Z_]{3,})=\S* (?=make )", typed(document)):
            assert name in known, f"{name} is no setting"

    def test_the_json_it_prints_is_json(self, document: Path) -> None:
        for language, text in parts(document).blocks:
            if language == "json":
                json.loads(text)


def test_the_readme_subscribes_to_events_that_are_read() -> None:
    for name in ("README.md", "README.id.md"):
        [config] = [json.loads(text) for language, text in parts(ROOT / name).blocks if language == "json"]
        [webhook] = config["config"]["webhooks"]
        assert set(webhook["events"]) <= set(VOCABULARY.readers)
        assert {event for event in VOCABULARY.readers if event.startswith("label.")} <= set(webhook["events"])


def test_the_readme_begins_with_the_two_commands() -> None:
    for name in ("README.md", "README.id.md"):
        _, first = parts(ROOT / name).blocks[0]
        assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make run", "make test"]


def test_a_number_of_waha_is_connected_with_the_name_of_its_session() -> None:
    """WAHA's first session is called `default`; under another name its posts would be parked."""
    commands = [
        (document.name, text)
        for document in PAGES
        for _, text in parts(document).blocks
        if "connect_channel --gateway waha" in text
    ]
    assert commands
    assert [name for name, command in commands if "--session" not in command] == []


def test_the_readmes_name_every_gateway() -> None:
    for name in ("README.md", "README.id.md"):
        text = (ROOT / name).read_text()
        assert [gateway for gateway in GATEWAYS if f"| `{gateway}` |" not in text] == []


def test_the_index_lists_every_page() -> None:
    listed = {unquote(link).partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    missing = [page.name for page in ROOT.glob("docs/*.md") if page.name not in listed | {"README.md"}]
    assert missing == [], "pages that docs/README.md does not list"


def test_the_taxonomy_page_is_the_taxonomy() -> None:
    page = (ROOT / "docs" / "taxonomy.md").read_text()
    for label in taxonomy.LABELS:
        cells = [
            label.category, label.name, label.name_en or label.name, label.meaning, str(label.step or "–"),
            str(label.stale or "–"), "high" if label.high else "low" if label.low else "", label.group,
        ]  # fmt: skip
        row = re.sub(r"\s+", " ", f"| {' | '.join(cells)} |")
        assert row in re.sub(r"[^\S\n]+", " ", page), f"{label.name}: expected {row}"
    rows = re.findall(r"^\| (?:lead|filter|transaction|support|retargeting) \|", page, flags=re.MULTILINE)
    assert len(rows) == len(taxonomy.LABELS)


def test_pictures_are_small_and_used() -> None:
    pictures = [path for path in (ROOT / "docs" / "images").iterdir() if path.is_file()]
    text = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in pictures if path.stat().st_size > MAX_IMAGE] == []
    assert [path.name for path in pictures if f"images/{path.name}" not in text] == []
