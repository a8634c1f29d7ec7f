"""docs/demo.md tells numbers: they are those of the story."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from demo.company import NUMBERS, SOURCES
from demo.story import tell

PAGE = Path(__file__).parents[2] / "docs" / "demo.md"


def test_the_page_tells_what_is_planted() -> None:
    planted, page = tell(until=datetime(2026, 5, 6, 9, 0, tzinfo=UTC)).manifest, PAGE.read_text()
    sentences = [
        f"{planted.posts:,} webhooks: {planted.messages:,} messages, {planted.adds:,} labels put on",
        f"{planted.removes:,} taken off, {planted.ignored} posts about groups",
        f"They make {planted.contacts:,} contacts.",
        f"**{len(planted.never_labelled)} contacts never labelled**",
        f"**{len(planted.stale):,} stale labels**",
        f"**{len(planted.contradicting)} contacts whose labels contradict",
        f"**{len(planted.mistaps)} quick undos**",
        f"**{len(planted.opted_out)} contact who wrote STOP**",
        f"{len(planted.unused_labels)} labels nobody uses",
        f"**{len(planted.twin_labels)} pair of labels that say the same**",
        f"{len(planted.found)} contacts come to light",
        f"{planted.agents['budi'].unlabelled} of his {planted.agents['budi'].contacts} contacts",
    ]
    sentences += [
        f"{code.title()} {truth.came_true} of {truth.mature}" for code, truth in planted.agents.items() if truth.mature
    ]
    sentences += [f"| {planted.contacts_by_number[number.key]} |" for number in NUMBERS]
    sentences += [f"{source.name}: {planted.contacts_by_campaign[source.code]}" for source in SOURCES if source.name
                  and not source.keyword]  # fmt: skip
    words = " ".join(page.split())
    assert [sentence for sentence in sentences if sentence not in words] == []
