"""What a reader relies on to find their way: one name for one thing, short pieces, and no import hidden in SQL.

Files are read, never imported: nothing here needs a database. What may import what is checked by import-linter, whose
contract is in pyproject.toml.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from django.apps import apps

from labelcrm.env import BASE_DIR

PACKAGES = ("labelcrm", "contacts", "labels", "webhooks", "reports", "transfer", "desk", "api", "demo")
MAX_MODULE_LINES, MAX_FUNCTION_LINES, MAX_TEST_NAME = 600, 60, 80

# What several files may be called: subjects that stand in models, services, selectors and on pages; names that Django,
# the gateways' contract or Python give. Any other name is one file's.
SUBJECTS = {
    "agents", "assignments", "campaign_rules", "campaigns", "canonical", "channel_labels", "channels", "contacts",
    "contradictions", "data_health", "exports", "first_messages", "handovers", "home", "inbox", "labels",
    "learned_limits", "mapping", "membership", "merging", "messages", "opt_out", "projections", "restatements", "roles",
    "schedules", "scopes", "second_looks", "segments", "staff_numbers", "stale_contacts", "staleness", "suggestions",
    "today", "unanswered", "wording", "working_time",
}  # fmt: skip
GIVEN = {
    "__init__",
    "apps",
    "base",
    "client",
    "formats",
    "history",
    "jobs",
    "models",
    "page",
    "parse",
    "querysets",
    "tasks",
    "urls",
}

COMMAND = "Command"  # Django finds a command by its file's name and asks each for a class of this name

# Bottom to top: each may name the tables of itself and of what stands before it.
LEVELS = ("core", "contacts", "labels", "webhooks", "reports", "transfer", "desk", "demo")
LEVEL = {name: level for level, name in enumerate(LEVELS)} | {"api": LEVELS.index("desk")}
NO_TABLES = ("labelcrm/lib/", "labelcrm/env.py", "labelcrm/schedule.py", "webhooks/gateways/", "labels/rules/")

# Modules without a layer: the configuration of an app, its migrations, and how dates are written (labelcrm.formats).
NO_LAYER = {"apps", "formats", "migrations"}


@lru_cache(maxsize=1)
def sources() -> dict[str, str]:
    """The text of every module of the product, by its path below the project; no migrations."""
    paths = (path for package in PACKAGES for path in sorted((BASE_DIR / package).rglob("*.py")))
    return {
        str(path.relative_to(BASE_DIR)): path.read_text(encoding="utf-8")
        for path in paths
        if "migrations" not in path.parts
    }


@lru_cache(maxsize=1)
def trees() -> dict[str, ast.Module]:
    return {path: ast.parse(text) for path, text in sources().items()}


# -- Names ---------------------------------------------------------------------------------------------------------


def classes(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, str, int]]:
    """(name, name with the class around it, line) of every class."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            full = f"{owner}.{node.name}" if owner else node.name
            yield node.name, full, node.lineno
            yield from classes(node.body, full)


def test_no_two_modules_share_a_name_but_for_a_subject_of_several_layers() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sources():
        if "/management/" not in path:
            found[Path(path).stem].append(path)
    shared = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert shared.keys() - SUBJECTS - GIVEN == set(), shared
    assert SUBJECTS - shared.keys() == set(), "these are one file's by now"


def test_no_two_classes_share_a_name() -> None:
    """A class inside another one is read with it, `Channel.Status`: two of these may share their last name."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, tree in trees().items():
        for name, full, line in classes(tree.body):
            if full != COMMAND:
                found[name].append((full, f"{path}:{line}"))
    shared = {
        name: [place for _full, place in places]
        for name, places in found.items()
        if len(places) > 1 and any("." not in full for full, _place in places)
    }
    assert not shared, "\n" + "\n".join(f"{name}: {', '.join(places)}" for name, places in sorted(shared.items()))


def test_names_of_tests_fit_on_a_line() -> None:
    """What a name cannot say in eighty characters stands in the docstring."""
    definition = re.compile(rf"^ *(?:async )?def (test_\w{{{MAX_TEST_NAME - len('test_') + 1},}})", re.MULTILINE)
    long = [
        f"{path.relative_to(BASE_DIR)}: {name}"
        for path in sorted((BASE_DIR / "tests").rglob("*.py"))
        for name in definition.findall(path.read_text(encoding="utf-8"))
    ]
    assert not long, "\n" + "\n".join(long)


# -- Sizes ---------------------------------------------------------------------------------------------------------


def test_no_module_is_longer_than_six_hundred_lines() -> None:
    lengths = {path: text.count("\n") for path, text in sources().items()}
    assert not {path: length for path, length in lengths.items() if length > MAX_MODULE_LINES}


def test_no_function_is_longer_than_sixty_lines() -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}


# -- Imports -------------------------------------------------------------------------------------------------------


def tables() -> dict[str, str]:
    """The app of every table that a model of ours has, join tables included."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: model._meta.app_label for model in models if model._meta.app_label in LEVEL}


def texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every text in the code with its line; docstrings are for people."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = list(ast.walk(tree))
    docstrings = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value, node.lineno


def level(path: str) -> int:
    """How high a module stands: it may name the tables of apps up to there."""
    if path.startswith(NO_TABLES):
        return -1
    package, inside = Path(path).parts[:2]
    if package != "labelcrm":
        return LEVEL[package]
    return LEVEL["core"] if inside == "core" else LEVEL["demo"]  # what starts and wires everything stands on top


def higher_tables(path: str, tree: ast.Module, known: dict[str, str]) -> list[str]:
    """The tables that a module names and whose app it may not import."""
    name = re.compile(r"\b(?:" + "|".join(map(re.escape, known)) + r")\b")
    return [
        f"{path}:{line} {table}"
        for text, line in texts(tree)
        for table in name.findall(text)
        if LEVEL[known[table]] > level(path)
    ]


def test_no_sql_reads_the_tables_of_a_higher_app() -> None:
    """SQL that names the table of another app is an import of that app, which import-linter cannot see."""
    known = tables()
    found = [place for path, tree in trees().items() for place in higher_tables(path, tree, known)]
    assert not found, "\n" + "\n".join(sorted(found))


@pytest.mark.parametrize(
    ("path", "code", "found"),
    [
        ("contacts/services/x.py", 'fetch("SELECT 1 FROM labels_label")', ["contacts/services/x.py:1 labels_label"]),
        ("contacts/services/x.py", 'fetch(f"SELECT {n} FROM labels_label")', ["contacts/services/x.py:1 labels_label"]),
        ("labels/services/x.py", 'fetch("SELECT 1 FROM contacts_contact")', []),
        ("labels/rules/x.py", 'T = "labels_label"', ["labels/rules/x.py:1 labels_label"]),
        ("contacts/services/x.py", '"""Beside labels_label."""', []),
        ("contacts/services/x.py", 'reverse("admin:labels_label_changelist")', []),
        ("labelcrm/core/x.py", 'T = "contacts_contact"', ["labelcrm/core/x.py:1 contacts_contact"]),
        ("labelcrm/launcher/x.py", 'T = "labels_label"', []),
    ],
)
def test_a_table_in_a_text_is_noticed(path: str, code: str, found: list[str]) -> None:
    assert higher_tables(path, ast.parse(code), tables()) == found


def layer_names(contract: dict[str, list[str]]) -> set[str]:
    return {name.strip(" ()") for layer in contract["layers"] for name in re.split("[|:]", layer)}


def children(folder: str) -> set[str]:
    """The modules and packages directly below a package."""
    below = [path for path in (BASE_DIR / folder).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return {path.stem for path in below} - {"__init__"}


def test_every_module_stands_in_a_layer() -> None:
    """A module that no layer names would be checked by nobody."""
    settings = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contracts = {contract["id"]: contract for contract in settings["contracts"]}
    outer, within = layer_names(contracts["layers"]), layer_names(contracts["within"])
    assert set(settings["root_packages"]) == set(PACKAGES)
    missing = {
        f"{package}.{name}" for package in PACKAGES if package not in outer for name in children(package)
    } - outer
    missing |= {f"{app}.{name}" for app in contracts["within"]["containers"] for name in children(app) - within}
    assert not {name for name in missing if name.split(".")[1] not in NO_LAYER}


# -- Who sees what -------------------------------------------------------------------------------------------------

VIEWING = "contacts/selectors/viewing.py"  # makes a user's viewer, and alone asks for their teams and their role
SEES_EVERYTHING = "contacts.see_all_teams"
GRANTS = {"labelcrm/core/roles.py"}  # gives roles their rights
VIEWERS = re.compile(r"(?:\w+\.)*(?:viewer|sight)|viewer_of\(.+\)")


def shown_to_no_viewer(path: str, tree: ast.Module) -> list[str]:
    """Where a module asks what somebody sees without a viewer: of a user, of their teams, of that right of theirs."""
    found = [f"{path}:{line} {text}" for text, line in texts(tree) if text == SEES_EVERYTHING and path not in GRANTS]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "visible_to":
            given = ", ".join(map(ast.unparse, [*node.args, *node.keywords]))
            found += [] if VIEWERS.fullmatch(given) else [f"{path}:{node.lineno} visible_to({given})"]
        if isinstance(node, ast.Attribute) and re.fullmatch(r"(?:\w+\.)*(?:user|actor)\.teams", ast.unparse(node)):
            found.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    return found


def test_what_somebody_sees_is_asked_of_a_viewer() -> None:
    """Never of a user: rows, SQL and caches would go by different rules."""
    found = [place for path, tree in trees().items() if path != VIEWING for place in shown_to_no_viewer(path, tree)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("rows.visible_to(viewer)", []),
        ("rows.visible_to(query.viewer).first()", []),
        ("rows.visible_to(audience.sight)", []),
        ("rows.visible_to(viewer_of(request.user))", []),
        ("rows.visible_to(request.user)", ["x.py:1 visible_to(request.user)"]),
        ("rows.visible_to(user)", ["x.py:1 visible_to(user)"]),
        ("request.user.teams.all()", ["x.py:1 request.user.teams"]),
        ('user.has_perm("contacts.see_all_teams")', ["x.py:1 contacts.see_all_teams"]),
    ],
)
def test_a_user_who_is_asked_what_they_see_is_noticed(code: str, found: list[str]) -> None:
    assert shown_to_no_viewer("x.py", ast.parse(code)) == found
