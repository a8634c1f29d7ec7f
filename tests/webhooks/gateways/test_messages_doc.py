"""docs/messages.md and the tables in the code say the same, in both directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webhooks.gateways import kinds
from webhooks.gateways.kinds import Verdict

PAGE = Path(__file__).resolve().parents[3] / "docs" / "messages.md"
TABLES = {
    "WhatsApp's own form": kinds.PROTOBUF,
    "Protocol messages": kinds.PROTOCOL,
    "Stubs": kinds.STUBS,
    "Edits": kinds.EDITS,
    "WhatsApp Web's words": kinds.WEB,
    "GOWA's fields": kinds.GOWA,
    "Fields beside the content": kinds.GOWA_MARKS,
    "Meta's words": kinds.META,
}


def rows(heading: str) -> dict[str, str]:
    """What the first table below a heading says of each type."""
    after = PAGE.read_text().partition(f"# {heading}\n")[2]
    section = re.split(r"^##", after, maxsplit=1, flags=re.MULTILINE)[0]
    found: dict[str, str] = {}
    for types, said, why in re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE):
        assert why.strip()
        for wire_type in " ".join(re.findall(r"`([^`]+)`", types)).split():
            assert wire_type not in found, f"{wire_type} stands twice"
            found[wire_type] = said
    return found


def written(said: Verdict) -> str:
    if said.notice:
        return f"notice: {said.notice}"
    return said.kind if said.kind in ("waiting", "unknown") else f"message: {said.kind}"


@pytest.mark.parametrize("heading", TABLES)
def test_every_row_is_true_and_every_entry_of_the_code_stands_in_a_row(heading: str) -> None:
    assert rows(heading) == {wire_type: written(said) for wire_type, said in TABLES[heading].items()}


def test_no_table_of_the_code_is_left_out() -> None:
    tables = {name for name, value in vars(kinds).items() if name.isupper() and isinstance(value, dict)}
    assert tables == {"PROTOBUF", "PROTOCOL", "STUBS", "EDITS", "WEB", "GOWA", "GOWA_MARKS", "META"}


def test_a_message_is_of_one_of_the_kinds_that_are_known() -> None:
    known = {
        "text", "image", "audio", "video", "document", "sticker", "location", "contact", "reaction", "poll", "other",
        "waiting", "unknown", "",
    }  # fmt: skip
    assert {said.kind for table in TABLES.values() for said in table.values()} <= known
