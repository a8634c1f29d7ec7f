"""The invented company: the same every time, and true to what it says about itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from demo.company import NUMBERS, STALE_DAYS
from demo.story import senders_of_numbers, tell
from labels.rules.taxonomy import LABELS

UNTIL = datetime(2026, 5, 6, 9, 0, tzinfo=UTC)
SECRETS = {number.key: "rahasia-yang-panjang" for number in NUMBERS}


def played_bytes(until: datetime, *, seed: int) -> list[tuple[str, bytes]]:
    story = tell(until=until, seed=seed, contacts=40)
    return [(post.path, post.body) for _, _, post in story.posts(senders_of_numbers(SECRETS))]


def test_the_same_seed_tells_the_same_story_byte_by_byte() -> None:
    assert played_bytes(UNTIL, seed=7) == played_bytes(UNTIL, seed=7)
    assert played_bytes(UNTIL, seed=7) != played_bytes(UNTIL, seed=8)


def test_the_counts_are_the_same_whenever_it_is_played() -> None:
    now, later = (tell(until=at, contacts=60).manifest.counts() for at in (UNTIL, UNTIL + timedelta(days=3, hours=5)))
    for manifest in (now, later):
        for name in ("started_at", "ended_at", "resync", "outage", "handover"):
            del manifest[name]
    assert now == later


def test_no_two_posts_are_the_same_and_all_are_told_in_order() -> None:
    story = tell(until=UNTIL, contacts=200)
    posts = list(story.posts(senders_of_numbers(SECRETS)))
    assert len({(post.path, post.body) for _, _, post in posts}) == len(posts) == story.manifest.posts
    times = [at for _, at, _ in posts]
    assert times == sorted(times)
    assert times[-1] <= UNTIL


def test_one_life_more_changes_no_other() -> None:
    few, many = tell(until=UNTIL, contacts=30), tell(until=UNTIL, contacts=31)
    assert [customer.address for customer in few.customers[:30]] == [
        customer.address for customer in many.customers[:30]
    ]
    assert few.customers[29].happenings == many.customers[29].happenings


def test_the_limits_are_those_of_the_standard_labels() -> None:
    standard = {label.name: label.stale for label in LABELS}
    names = {"new": "Pertanyaan baru", "hot": "Prospek panas", "grade a": "Grade A", "grade b": "Grade B",
             "grade c": "Grade C", "cold": "Prospek dingin", "waiting": "Menunggu pembayaran",
             "after sales": "Purna jual", "complaint": "Komplain"}  # fmt: skip
    assert {use: standard[names[use]] for use in STALE_DAYS} == STALE_DAYS


def test_the_careless_cs_grades_high_what_is_never_bought() -> None:
    agents = tell(until=UNTIL).manifest.agents
    came_true = {code: truth.came_true / truth.mature for code, truth in agents.items() if truth.mature}
    assert max(came_true, key=came_true.__getitem__) == "rina"
    assert came_true["budi"] < min(came_true[code] for code in ("rina", "dewi", "sari")) / 2
    assert agents["budi"].unlabelled / agents["budi"].contacts > 0.2
