"""A large file is written by the database: cell by cell what Python would write, and no program runs any of it."""

from __future__ import annotations

import pytest

from labelcrm.core.bulk import fetch
from labelcrm.core.viewer import Viewer
from labelcrm.lib.cells import FORMULA, cleaned
from tests.factories import AgentFactory, CampaignFactory, ContactFactory
from tests.transfer.test_exports import HOSTILE
from transfer import exports

pytestmark = pytest.mark.django_db

EVERYBODY = Viewer(everything=True)
SPECIAL = [
    *HOSTILE,
    "",
    " ",
    ";",
    "a;b",
    'say "hi"',
    '"',
    '""',
    "a,b",
    "a\r\nb",
    "\r",
    "a\\b",
    "\\.",
    "'",
    "''",
    "%",
    "{}",
    "a;=1+cmd|'/C calc'!A0;b",
    "a;\t=1",
    "a\n=1",
    "a, @x",
    "a\t-x",
    "Rp500.000,-",
    "500,-/pcs",
    ";'=1",
    "x;=\t1;+2",
]


@pytest.mark.parametrize("pattern", ["{}", "'{}", "{}=", "a{}", "'{}="])
def test_the_database_cleans_every_character_as_python_does(pattern: str) -> None:
    """Each of the first two planes, alone, behind an apostrophe, and before and behind what begins a formula."""
    before, _braces, behind = pattern.partition("{}")
    signs = "SELECT chr(n) AS sign FROM generate_series(1, 131071) AS n WHERE n NOT BETWEEN 55296 AND 57343"
    found = fetch(
        f"SELECT string_agg(sign, '') FROM ({signs}) AS w WHERE %(before)s || sign || %(behind)s ~ %(formula)s",
        {"before": before, "behind": behind, "formula": FORMULA},
    )[0][0]
    possible = (chr(n) for n in range(1, 131_072) if not 0xD800 <= n <= 0xDFFF)
    dangerous = {sign for sign in possible if cleaned(pattern.format(sign)) != pattern.format(sign)}
    assert set(found or "") == dangerous


def csv_of(ids: list[int], *, columns: tuple[str, ...], delimiter: str = ",") -> bytes:
    query, values = exports.csv_query(exports.people_with(ids), viewer=EVERYBODY, columns=columns, delimiter=delimiter)
    [(text,)] = fetch(query, values)
    return (text or "").encode()


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_database_writes_what_python_writes(delimiter: str) -> None:
    agent, campaign = AgentFactory(name='=Rina "CS"'), CampaignFactory(name="Juli, 7.7; diskon")
    people = [ContactFactory(name=name, assigned_to=agent, campaign=campaign) for name in SPECIAL]
    people += [ContactFactory(name=name) for name in SPECIAL]  # nothing odd beside the name
    ids = [contact.pk for contact in people]
    columns = exports.COLUMNS
    expected = exports.csv_rows(exports.rows_of(ids, viewer=EVERYBODY), delimiter=delimiter)
    assert csv_of(ids, columns=columns, delimiter=delimiter) == expected
    assert expected.count(b"\r\n") >= len(people)


def test_no_cell_is_taken_for_the_end_of_the_one_before() -> None:
    """Cells of a row are looked at together: what begins in one and ends in the next is nothing."""
    names = ["\x01", "\x01=", "a\x01=b", "Budi\x01", "=", " =1", "'\t", "-"]
    agents = [AgentFactory(name=name) for name in names]
    people = [ContactFactory(name=name, assigned_to=agent) for name in names for agent in agents]
    ids, columns = [contact.pk for contact in people], ("phone", "name", "labels", "assigned_to")
    expected = exports.csv_rows(exports.rows_of(ids, viewer=EVERYBODY, columns=columns))
    assert csv_of(ids, columns=columns) == expected


def test_nobody_is_written_as_nothing() -> None:
    gone = ContactFactory()
    gone_id = gone.pk
    gone.delete()
    assert csv_of([gone_id], columns=("phone", "name")) == b""
