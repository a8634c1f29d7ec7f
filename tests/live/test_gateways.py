"""A running system and every gateway with labels, over HTTP: the right labels on the right people, by whom, when."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests import restoring
from tests.browser.serving import database_url
from tests.live.system import System, home_in_tmp, running, wait_until
from tests.webhooks.gateways.payloads import PAYLOADS, Account, Post, WuzapiFormPayloads

pytestmark = pytest.mark.django_db  # so that there is a database; no test here writes to it but through the system

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
GROUP, BROADCAST, NEWSLETTER = "120363000000000001@g.us", "1700000000@broadcast", "120363000000000002@newsletter"

# How a number of this gateway is set up, and the clock its label times come from.
GATEWAYS = {
    "waha": ((), "gateway"),
    "gowa": ((), "whatsapp"),
    "wuzapi": ((), "whatsapp"),
    "wuzapi-form": ((), "whatsapp"),
    "evolution": (("--timezone", "America/Sao_Paulo"), "gateway"),
    "evolution-untimed": ((), "received"),
    "wppconnect": ((), "received"),
    "generic": ((), "gateway"),
}


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


@dataclass
class Line:
    """One number, its gateway and what it was told; people of different lines never meet."""

    system: System
    kind: str
    index: int
    path: str = ""
    answers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gateway = self.kind.split("-")[0]
        self.key = f"live-{self.kind}"
        account = Account(session=self.key, phone=f"62811000000{self.index}", secret=f"rahasia-{self.kind}")
        self.say: Any = (WuzapiFormPayloads if self.kind == "wuzapi-form" else PAYLOADS[self.gateway])(account)
        self.clock = GATEWAYS[self.kind][1]
        self.names_labels = self.gateway != "wppconnect"

    @property
    def options(self) -> list[str]:
        """What a person tells `connect_channel` about this number."""
        told = {"--gateway": self.gateway, "--key": self.key, "--name": self.key, "--agent": f"cs-{self.kind}",
                "--team": "Live", "--secret": self.say.account.secret}  # fmt: skip
        return [*(word for pair in told.items() for word in pair), *GATEWAYS[self.kind][0]]

    def customer(self, n: int) -> str:
        return f"62814{self.index}00000{n}"

    @property
    def lid(self) -> str:
        return f"21100000000000{self.index}@lid"

    def post(self, post: Post, *, path: str | None = None, without: str = "") -> int:
        headers = {name: value for name, value in post.headers.items() if name != without}
        return self.system.request("POST", path or self.path, post.body, **headers)[0]

    def tell(self, post: Post) -> None:
        self.answers.append(self.post(post))

    def put(self, chat: str, label: str, minute: float, *, on: bool = True) -> Post:
        post = self.labelled(chat, label, minute, on=on)
        self.tell(post)
        return post

    def labelled(self, chat: str, label: str, minute: float, *, on: bool) -> Post:
        if self.gateway == "wppconnect":
            described = {"id": label, "name": {"1": "Hot", "2": "Tanpa nama", "3": "Promo"}[label], "colorIndex": 2}
            return self.say.labels_on_chat(chat, [described], on=on)
        return self.say.label_on_chat(chat, label, on=on, at=at(minute))

    # -- what the REST API shows ---------------------------------------------------------------------------------------

    def assignments(self, **filters: Any) -> list[dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in {"channel": self.key, **filters}.items())
        return sorted(self.system.listed(f"assignments/?{query}"), key=lambda row: (row["added_at"], row["id"]))

    def contact(self, n: int) -> dict[str, Any]:
        [found] = self.system.listed(f"contacts/?phone={self.customer(n)}")
        return found

    def events(self) -> list[dict[str, Any]]:
        return list(self.system.listed(f"label-events/?channel={self.key}"))


@pytest.fixture(scope="module")
def system(django_db_setup: None, django_db_blocker: Any) -> Iterator[System]:
    """On the database of the tests, whose tables are made: test_flood starts one from nothing."""
    try:
        with home_in_tmp("gateways") as home, running(home, DATABASE_URL=database_url()) as found:
            yield found
    finally:
        with django_db_blocker.unblock():
            restoring.put_back()


@pytest.fixture(scope="module")
def began() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture(scope="module")
def lines(system: System, began: datetime) -> dict[str, Line]:
    """All numbers connected, and their whole story told at the same time."""
    found = {kind: Line(system, kind, index) for index, kind in enumerate(GATEWAYS)}
    connect(system, list(found.values()))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell_story, found.values()))
    wait_until(system.settled, seconds=60, what="everything is applied")
    return found


def connect(system: System, lines: list[Line]) -> None:
    """`connect_channel` for all of them in one process: starting eight takes longer than everything else here."""
    commands = [f"call_command('connect_channel', *{line.options!r})" for line in lines]
    script = "\n".join(["from django.core.management import call_command", *commands])
    urls = [text for text in system.manage("shell", "-c", script).stdout.splitlines() if text.startswith("URL ")]
    for line, url in zip(lines, urls, strict=True):
        line.path = url.split(f":{system.port}", 1)[1]


@pytest.fixture(params=list(GATEWAYS))
def line(request: pytest.FixtureRequest, lines: dict[str, Line]) -> Line:
    return lines[request.param]


def tell_story(line: Line) -> None:
    budi, siti, tono = (line.customer(n) for n in range(3))
    if line.names_labels:
        line.tell(line.say.label_saved("1", name="Grade A", color=2, at=at(0)))
    added = line.put(budi, "1", 1)
    line.tell(added)  # the same post again
    line.put(budi, "2", 2)
    line.put(budi, "2", 3, on=False)
    if line.names_labels:
        line.tell(line.say.label_saved("1", name="Hot", at=at(4)))
        line.tell(line.say.label_saved("3", name="Promo", at=at(4)))
    line.put(siti, "3", 5)
    if line.names_labels:
        line.tell(line.say.label_deleted("3", at=at(6)))
    for nobody in (GROUP, BROADCAST, NEWSLETTER):
        line.put(nobody, "1", 7)
    line.put(line.lid, "1", 8)
    line.put(tono, "2", 10, on=False)  # overtook
    line.put(tono, "2", 9)
    if line.gateway == "wuzapi":
        line.tell(line.say.label_on_message(siti, "1", "3EB0AA", on=True, at=at(11)))
    line.tell(line.say.message(budi, name="Budi", message_id=f"M-{line.kind}", at=at(12)))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_post_was_taken_and_the_repeat_was_known(line: Line) -> None:
    assert set(line.answers) <= {200, 202}
    assert line.answers.count(200) == (0 if line.gateway == "wppconnect" else 1)


def test_times_are_those_of_whatsapp_the_gateway_or_ours_and_say_which(line: Line, began: datetime) -> None:
    [row] = line.assignments(phone=line.customer(0), active="true")
    assert row["added_at_source"] == line.clock
    if line.clock == "received":
        assert began <= moment(row["added_at"]) <= datetime.now(UTC)
    else:
        assert moment(row["added_at"]) == at(1)
    assert {event["occurred_at_source"] for event in line.events()} == {line.clock}


def test_it_says_who_did_it_and_how_that_is_known(line: Line) -> None:
    name = f"Cs-{line.kind}".title()
    rows = line.assignments(phone=line.customer(0))
    assert {(row["added_by"], row["added_by_method"], row["origin"]) for row in rows} == {
        (name, "channel_owner", "live")
    }
    [removed] = [row for row in rows if row["removed_at"]]
    assert (removed["external_label_id"], removed["removed_by"], removed["removed_reason"]) == ("2", name, "removed")


def test_a_contact_shows_only_the_labels_that_are_on_and_its_history_the_others_too(line: Line) -> None:
    contact = line.contact(0)
    assert [(label["name"], label["channel"]) for label in contact["labels"]] == [("Prospek panas", line.key)]
    assert (contact["phone"], contact["name"]) == (f"+{line.customer(0)}", "Budi")
    history = line.assignments(phone=line.customer(0))
    assert [(row["external_label_id"], row["removed_at"] is None) for row in history] == [("1", True), ("2", False)]


def test_a_rename_changes_what_the_label_is_called_and_no_interval(line: Line) -> None:
    [row] = line.assignments(phone=line.customer(0), active="true")
    assert (row["channel_label_name"], row["label_name"]) == ("Hot", "Prospek panas")
    known = line.system.listed(f"channel-labels/?channel={line.key}")
    assert [label["generation"] for label in known if label["external_id"] == "1"] == [1]


def test_a_deleted_label_is_off_everybody_and_keeps_its_name(line: Line) -> None:
    [row] = line.assignments(phone=line.customer(1))
    if not line.names_labels:
        assert row["removed_at"] is None  # WPPConnect says nothing about labels themselves
        return
    assert (row["channel_label_name"], row["removed_reason"], row["removed_by"]) == ("Promo", "label_deleted", None)
    if line.clock != "received":
        assert moment(row["removed_at"]) == at(6)
    assert line.contact(1)["labels"] == []


def test_a_removal_that_overtook_its_add_closes_it_where_times_are_told(line: Line) -> None:
    [row] = line.assignments(phone=line.customer(2))
    if line.clock == "received":
        assert row["removed_at"] is None  # the order of arrival is all there is
    else:
        assert (moment(row["added_at"]), moment(row["removed_at"])) == (at(9), at(10))


def test_a_lid_without_a_phone_is_a_contact_without_one(line: Line) -> None:
    [contact] = line.system.listed(f"contacts/?lid={line.lid}")
    assert (contact["phone"], contact["lids"]) == (None, [line.lid])
    [row] = [row for row in line.assignments() if row["lid"] == line.lid]
    assert (row["phone"], row["external_label_id"], row["removed_at"]) == (None, "1", None)


def test_groups_broadcasts_and_newsletters_are_nowhere(line: Line) -> None:
    ignored = list(line.system.listed(f"inbox/?channel={line.key}&state=ignored"))
    expected = ["group", "broadcast", "newsletter"] + (["message_label"] if line.gateway == "wuzapi" else [])
    assert sorted(row["reason"] for row in ignored) == sorted(expected)
    people = {line.customer(n) for n in range(3)} | {None}
    assert {(row["phone"] or "").removeprefix("+") or None for row in line.assignments()} <= people
    assert len(line.events()) == (8 if line.gateway == "wppconnect" else 7)


def test_nobody_gets_in_without_the_secret(line: Line) -> None:
    post = line.labelled(line.customer(0), "1", 30, on=True)
    header = line.say.signature_header
    if header is None:
        bare = line.path.rstrip("/").rpartition("/")[0] + "/"
        assert [line.post(post, path=path) for path in (bare, f"{bare}salah/")] == [401, 401]
    else:
        forged = Post({**post.headers, header: post.headers[header][:-2] + "00"}, post.body)
        assert [line.post(post, without=header), line.post(forged)] == [401, 401]


def test_a_label_is_shown_moments_after_the_post(line: Line) -> None:
    someone = line.customer(7)
    line.put(someone, "1", 20)
    wait_until(partial(_is_on, line, someone), seconds=15, what="the label is shown")


def _is_on(line: Line, someone: str) -> bool:
    return bool(line.assignments(phone=someone, active="true"))


def test_what_is_derived_follows_from_what_was_recorded(system: System, lines: dict[str, Line]) -> None:
    assert lines
    check = system.manage("rebuild_labels", "--check", check=False)
    assert (check.returncode, check.stdout) == (0, "0 differences\n")
