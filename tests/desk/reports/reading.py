"""What a page of a report shows, read off its HTML: the rows of its tables, and the numbers that open rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "line", "circle", "polyline", "col"})
ROWS = "/admin/reports/rows/"


@dataclass
class Shown:
    """A cell: `label` is the title of its column, `text` its main figure, `small` what stands smaller beside it."""

    label: str = ""
    text: str = ""
    small: list[str] = field(default_factory=list)


@dataclass
class ShownRow:
    """A row of a table: of which region of the page, what its head says, and its cells."""

    region: str
    head: Shown
    cells: list[Shown] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, str]:
        """The main text of each cell by the title of its column."""
        return {cell.label: cell.text for cell in self.cells}


@dataclass(frozen=True)
class Opening:
    """A number that is a link to its rows: the parameters of the address, and its text."""

    asked: dict[str, str]
    text: str


class Page(HTMLParser):
    """`rows` are those with a head; `openings` every link to rows, wherever it stands."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[ShownRow] = []
        self.openings: list[Opening] = []
        self._regions: list[str] = [""]
        self._row: ShownRow | None = None
        self._cell: Shown | None = None
        self._smalls = self._hidden = 0
        self._link: tuple[str, list[str]] | None = None
        self.feed(html)

    def of(self, region: str) -> list[ShownRow]:
        return [row for row in self.rows if row.region == region]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "div":
            self._regions.append(given.get("aria-labelledby") or given.get("aria-label") or self._regions[-1])
        elif tag == "th" and given.get("scope") == "row":
            self._cell = Shown()
            self._row = ShownRow(self._regions[-1], self._cell)
            self.rows.append(self._row)
        elif tag == "td" and self._row is not None:
            self._cell = Shown(given.get("data-label", ""))
            self._row.cells.append(self._cell)
        elif tag == "small":
            self._smalls += 1
            if self._cell is not None:
                self._cell.small.append("")
        elif tag in ("button", "script", "template"):
            self._hidden += 1
        elif tag == "a" and ROWS in given.get("href", ""):
            self._link = (given["href"], [])

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self._regions.pop()
        elif tag in ("th", "td"):
            self._cell = None
        elif tag == "tr":
            self._row = None
        elif tag == "small":
            self._smalls -= 1
        elif tag in ("button", "script", "template"):
            self._hidden -= 1
        elif tag == "a" and self._link is not None:
            address, said = self._link
            self.openings.append(Opening(dict(parse_qsl(urlsplit(address).query)), _plain("".join(said))))
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._link is not None:
            self._link[1].append(data)
        if self._cell is None:
            return
        if self._smalls:
            self._cell.small[-1] = _plain(self._cell.small[-1] + data)
        else:
            self._cell.text = _plain(f"{self._cell.text} {data}")


def _plain(text: str) -> str:
    return " ".join(text.split())


def counts(page: Page) -> Iterator[tuple[Opening, int]]:
    """The openings whose text says a whole number, of a share how many it is of."""
    for each in page.openings:
        words = each.text.rpartition("·")[2].replace(",", "").replace("/", " ").split()
        number = next((word for word in words if word.isdigit()), None)
        if number is not None:
            yield each, int(number)
