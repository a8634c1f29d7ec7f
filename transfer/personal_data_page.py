"""The register of personal data as a page for people: `python -m transfer.personal_data_page` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from transfer.personal_data import SECTIONS, Erase, Kept, PersonalData
from transfer.without_people import WITHOUT_PEOPLE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "personal-data.md"

LEAD = """\
# Personal data

What labelcrm keeps about people (*data pribadi*, UU PDP No. 27/2022), for the business that runs it and its lawyer.
Your business is the controller (*pengendali data pribadi*), your customers and your staff are the persons concerned
(*subjek data pribadi*). This is a list of facts about the program and no legal advice.

- **What.** Names, numbers and WhatsApp ids, messages, notes, labels, and what brought somebody. People write what they
  like, so a message may hold data of the specific kind (*bersifat spesifik*), such as health or an account number.
  Pictures, voice and documents are not stored, only their captions; but a gateway's post, which is kept for a while
  as it came, may carry a picture or somebody's contact card.
- **Erased.** What erasing a person (*penghapusan*) has to do in each place. No button does it yet: archiving a person
  hides them and keeps everything.
- **Given.** Whether it belongs into the copy that a person may ask for (*hak akses*). No button writes that copy yet;
  the page of a contact shows most of it.
- **Kept.** How long it stays today (*masa retensi*). "Until erased" means that nothing removes it by age.

Who sees what is in [SECURITY](../SECURITY.md). Everything below stays on your own server; what your WhatsApp gateway
keeps is not listed. This page is made from the code (`transfer/personal_data.py`) by `make pages`.
"""


def markdown() -> str:
    """The register as a page of the documentation; neighbours of one table to which the same applies share a line."""
    lines = [LEAD]
    for title, entries in SECTIONS:
        lines += [f"## {title}", "", "| what | where | erased | given | kept |", "|---|---|---|---|---|"]
        lines += [_row(list(alike)) for _, alike in groupby(entries, key=_shared)]
        lines.append("")
    lines += ["## Nothing about a person", "", "| hold | columns |", "|---|---|"]
    lines += [f"| {group.because} | {_columns_by_table(group.places)} |" for group in WITHOUT_PEOPLE]
    return "\n".join(lines) + "\n"


def write() -> None:
    PAGE.write_text(markdown(), encoding="utf-8")


def _shared(entry: PersonalData) -> tuple[str, ...]:
    subject = entry.holds if entry.erase is Erase.REMADE else entry.table or entry.place
    return (subject, entry.erase, str(entry.export), _span(entry.kept))


def _row(alike: list[PersonalData]) -> str:
    first = alike[0]
    holds = [f"{entry.holds} ({entry.note})" if entry.note else entry.holds for entry in alike]
    where = _columns_by_table(entry.place for entry in alike) if first.table else f"`{first.place}`"
    cells = ("; ".join(dict.fromkeys(holds)), where, first.erase, "yes" if first.export else "no", _span(first.kept))
    return f"| {' | '.join(cells)} |"


def _columns_by_table(places: Iterable[str]) -> str:
    """The names of tables, each with its columns."""
    found: dict[str, list[str]] = {}
    for place in places:
        table, _, column = place.partition(".")
        found.setdefault(table, []).extend([column] if column else [])
    return ", ".join(
        f"`{table}` ({', '.join(columns)})" if columns else f"`{table}`" for table, columns in found.items()
    )


def _span(kept: Kept | timedelta) -> str:
    if isinstance(kept, Kept):
        return kept.value
    hours, seconds = divmod(int(kept.total_seconds()), 3600)
    return f"{hours} hours" if not seconds else f"{int(kept.total_seconds())} seconds"


if __name__ == "__main__":
    write()
