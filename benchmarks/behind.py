"""Whether the rows behind a number are as many as it says: every number of every row of every report, on a site's data.

`make demo`, then in another shell `LABELCRM_HOME=var/demo .venv/bin/python -m benchmarks.behind`: prints a line per
report and whatever differs, and is 1 when something does. Nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.query import ReportQuery

PERIODS = ("last_7", "last_30", "last_90")
MORE: dict[str, tuple[dict[str, str], ...]] = {
    "labels": tuple({"by": by} for by in ("label", "category", "channel", "team", "agent", "day")),
    "agents": ({}, {"certain": "true"}),
    "campaigns": ({}, {"touch": "last"}, {"basis": "event"}),
    "curves": ({}, {"touch": "last"}),
}
"""What else is asked of a report, besides the period."""
CONTACTS_OF = {"added_contacts": "added", "active_to_contacts": "active_to", "contacts": "count"}
"""Numbers of contacts, each once, of rows that another number counts."""
CALLED = {
    "n": "contacts",
    "high_of_all_k": "high_count",
    **{f"{name}_so_far_k": f"{name}_count" for name in ("labelled", "high", "waiting", "won", "complaint")},
    **{f"{name}_so_far_n": f"{name}_all" for name in ("labelled", "high", "waiting", "won", "complaint")},
}
"""Numbers that open what has another name."""


@dataclass(slots=True)
class Checked:
    """What came of one report: how many numbers opened rows, which differ, and which figures open none."""

    numbers: int = 0
    rows: int = 0
    differ: list[str] = field(default_factory=list)
    without_rows: set[str] = field(default_factory=set)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.behind", description="Count the rows behind every number.")
    parser.add_argument("--user", default="", help="who looks (the first superuser)")
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")
    import django

    django.setup()
    found = check(user=chosen.user)
    print("| report | numbers | rows behind them | differ |\n|---|---|---|---|")
    for report, checked in found.items():
        print(f"| {report} | {checked.numbers} | {checked.rows} | {len(checked.differ)} |")
    for report, checked in found.items():
        print(f"{report}: no rows behind {', '.join(sorted(checked.without_rows)) or 'nothing'}")
        print(*checked.differ, sep="\n")
    numbers, differ = (sum(each) for each in zip(*((c.numbers, len(c.differ)) for c in found.values()), strict=True))
    print(f"{numbers} numbers, {differ} differ.")
    return 1 if differ else 0


def check(*, user: str) -> dict[str, Checked]:
    """Every report that has rows behind its numbers, by name."""
    from contacts.selectors.viewing import viewer_of
    from labelcrm.core.models import User
    from reports.query import parse_query
    from reports.registry import REPORTS

    users = User.objects.filter(is_active=True).order_by("id")
    viewer = viewer_of(users.get(username=user) if user else users.filter(is_superuser=True)[0])
    found = {}
    for name, kind in REPORTS.items():
        if kind.facts is None:
            continue
        checked = found[name] = Checked()
        for given in MORE.get(name, ({},)):
            for period in PERIODS:
                _check_query(parse_query(kind, {"period": period, **given}, viewer=viewer), checked)
    return found


def _check_query(query: ReportQuery, checked: Checked) -> None:
    from reports.selectors import facts

    sources, values = query.facts
    for name, who, week, number in _numbers(query):
        figure = CALLED.get(name, name)
        figure, are_people = (figure, False) if figure in sources else (CONTACTS_OF.get(figure, figure), True)
        if figure not in sources:
            checked.without_rows |= {name} if number else set()
            continue
        asked = values | ({"week": week} if week is not None else {})
        total, people = facts.count(sources[figure], figure, asked, who=who)
        behind = facts.rows(sources[figure], figure, asked, who=who, limit=total + 1)
        checked.numbers += 1
        checked.rows += len(behind)
        if number != (people if are_people else total) or len(behind) != total:
            said = f"{number}, counted {total} of {people} contacts, {len(behind)} rows"
            checked.differ.append(f"{query.shown} {name} of {who}: {said}")


def _numbers(query: ReportQuery) -> Iterator[tuple[str, Any, Any, int]]:
    """Every number with its figure, the key of its row, and the week of a curve's."""
    if query.report.name == "contradictions":  # a row is a finding, of which a contact may have several
        rows = [query.key.of(row) for row in query.rows]
        yield from (("contradictions", contact, None, rows.count(contact)) for contact in set(rows))
        return
    for row in query.rows:
        week = row.week if query.report.name == "curves" else None
        yield from ((figure, query.key.of(row), week, n) for figure, n in _counts(row))
        for label in getattr(row, "labels", ()):
            yield "label_reached", label.label, None, label.reached
            yield "label_went_through", label.label, None, label.went_through
    for cells in query.beside.values():
        yield from (("contacts", cell.key, None, cell.contacts) for cell in cells)


def _counts(row: Any) -> Iterator[tuple[str, int]]:
    """The whole numbers of a row by the figures that open them."""
    from reports.row_fields import columns_of

    for name, column in columns_of(type(row)).items():
        value = getattr(row, column.name)
        if hasattr(value, "k"):
            yield from ((f"{name}_k", value.k), (f"{name}_n", value.n))
        elif name == "reached" and isinstance(value, list):
            yield from ((f"reached_w{week}", n) for week, n in enumerate(value))
        elif name in ("high", "won") and isinstance(value, list):
            yield from ((f"{name}_d{day}", n) for day, n in enumerate(value, start=1))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, value


if __name__ == "__main__":
    sys.exit(main())
