"""P7: the admin's lists and the contact page at a million contacts, as an owner and as a lead of one team sees them.

So are the pages from which people work: Today and the lists of what waits, after the daily jobs have flagged what is
stale and what contradicts. Times are the server's own, taken in this process; each address is read three times and the
median counts. The first reading of all is left out: it compiles templates and plans.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure, Result, median
from benchmarks.site import Site

ROUNDS = 3
LONGEST, MOST_QUERIES = 300, 12
FILL = Path(__file__).with_name("volume.sql")
WAITING = {
    "today": "/admin/today/",
    "today, what is stale": "/admin/today/?kind=stale",
    "unanswered chats": "/admin/unanswered/",
    "stale labels": "/admin/labels/staleflag/",
    "stale labels, the oldest first": "/admin/labels/staleflag/?order=age",
    "stale labels on for over 30 days": "/admin/labels/staleflag/?age=30",
    "contradictions": "/admin/reports/contradictions/",
    "count of unanswered chats": "/admin/unanswered/count/",
    "count of stale labels": "/admin/labels/staleflag/count/",
    "count of contradictions": "/admin/reports/contradictions/count/",
}


def run(site: Site, *, rounds: int | None, seconds: float | None) -> Result:
    """The slowest address of each kind and its queries; every address of both readers in the notes."""
    fill()
    _flag()
    figures: list[Figure] = []
    notes: list[str] = []
    kept: list[dict[str, Any]] = []
    for who, client in (("owner", client_of("owner", everything=True)), ("lead", client_of("lead", everything=False))):
        for name, address in (_addresses() | WAITING).items():
            milliseconds, queries = _read(client, address, rounds or ROUNDS)
            kept.append({"who": who, "name": name, "ms": milliseconds, "queries": queries})
            notes.append(f"{who:<6} {name:<34} {milliseconds:7.0f} ms {queries:3d} queries")
            print(f"  {notes[-1]}", flush=True)
    # A page does not wait for its list's number, which is asked for after it has come.
    waiting = [one for one in kept if one["name"] in WAITING]
    lists = [one for one in kept if one["name"] not in WAITING]
    work, pages = ([one for one in some if not one["name"].startswith("count")] for some in (waiting, lists))
    counts = [one for one in kept if one["name"].startswith("count")]
    slowest, longest_count, slowest_work = (max(some, key=lambda one: one["ms"]) for some in (pages, counts, work))
    busiest = max(lists, key=lambda one: one["queries"])
    figures = [
        Figure(name=f"slowest: {slowest['name']}", value=slowest["ms"], unit="ms", goal=("<=", LONGEST)),
        Figure(name=f"most queries: {busiest['name']}", value=busiest["queries"], goal=("<=", MOST_QUERIES)),
        Figure(name="addresses over the limit", value=sum(one["ms"] > LONGEST for one in pages), goal=("<=", 0)),
        Figure(
            name=f"work, slowest: {slowest_work['who']}, {slowest_work['name']}",
            value=slowest_work["ms"],
            unit="ms",
            goal=("<=", LONGEST),
        ),
        Figure(
            name=f"longest count: {longest_count['who']}, {longest_count['name']}", value=longest_count["ms"], unit="ms"
        ),
    ]
    return Result(bench="P7", title="admin at a million contacts", figures=figures, notes=notes, rounds=kept)


def fill() -> None:
    from django.db import connection, transaction

    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL.read_text())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"  filled in {time.perf_counter() - started:.0f} s", flush=True)


def _flag() -> None:
    """As the daily jobs do."""
    from django.db import connection
    from django.utils import timezone

    from labels.services.contradictions import flag_contradictions
    from labels.services.staleness import flag_stale

    started, now = time.perf_counter(), timezone.now()
    found = (flag_stale(now).open, flag_contradictions(now).open)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(
        f"  {found[0]:,} stale labels, {found[1]:,} contradictions: {time.perf_counter() - started:.0f} s", flush=True
    )


def client_of(name: str, *, everything: bool) -> Any:
    from django.contrib.auth.models import Group
    from django.test import Client

    from contacts.models import Team
    from labelcrm.core.models import User
    from labelcrm.core.roles import CS_LEAD

    user = User.objects.create(username=name, is_staff=True, is_superuser=everything)
    if not everything:
        user.groups.add(Group.objects.get(name=CS_LEAD))
        team = Team.objects.first()
        assert team is not None
        team.members.add(user)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user, backend="contacts.access.StaffBackend")
    return client


def _addresses() -> dict[str, str]:
    """What is read, by name."""
    from contacts.models import Agent, Campaign, Channel, Contact, Message
    from labels.models import Label

    labels = list(Label.objects.order_by("id"))
    usual, rare = labels[0], labels[-1]
    team_channel = Channel.objects.filter(team__isnull=False).order_by("team_id", "id").first()
    agent = Agent.objects.filter(ownerships__channel=team_channel).first() or Agent.objects.order_by("id").first()
    campaign, chatty = Campaign.objects.first(), Message.objects.first()
    middle = Contact.objects.order_by("id")[500_000:500_001].get()
    assert team_channel is not None, "filled before"
    assert agent is not None, "filled before"
    assert campaign is not None, "filled before"
    assert chatty is not None, "filled before"
    contacts = "/admin/contacts/contact/"
    return {
        "contacts": contacts,
        "contacts, deep": f"{contacts}?after={_cursor(middle)}",
        "label": f"{contacts}?label={usual.pk}",
        "label, rare": f"{contacts}?label={rare.pk}",
        "label and channel": f"{contacts}?label={usual.pk}&channel={team_channel.pk}",
        "no label now": f"{contacts}?label=none",
        "labels: all of two": f"{contacts}?label_all={usual.pk}&label_all={labels[1].pk}",
        "labels: none of two": f"{contacts}?label_none={usual.pk}&label_none={labels[1].pk}",
        "label on for over 7 days": f"{contacts}?label={usual.pk}&label_age=7",
        "any label on for over 90 days": f"{contacts}?label_age=90",
        "label by one CS": f"{contacts}?label={usual.pk}&labelled_by={agent.pk}",
        "contacts of a CS": f"{contacts}?cs={agent.pk}",
        "a CS's label on for over 7 days": f"{contacts}?label={usual.pk}&cs={agent.pk}&label_age=7",
        "by name": f"{contacts}?o=name_shown",
        "by name, from the end": f"{contacts}?o=-name_shown",
        "by last message": f"{contacts}?o=-last_inbound_shown",
        "by last message, oldest first": f"{contacts}?o=last_inbound_shown",
        "by first seen": f"{contacts}?o=-first_seen_shown",
        "a label, by its age": f"{contacts}?label={usual.pk}&o=labelled_shown",
        "two labels, by their age": f"{contacts}?label={usual.pk}&label={labels[1].pk}&o=-labelled_shown",
        "by name, of a CS": f"{contacts}?o=name_shown&cs={agent.pk}",
        "by value": f"{contacts}?o=-labels_shown",
        "by value, least first": f"{contacts}?o=labels_shown",
        "by value, of a CS": f"{contacts}?o=-labels_shown&cs={agent.pk}",
        "a label, by value": f"{contacts}?label={usual.pk}&o=-labels_shown",
        "a rare label, by value": f"{contacts}?label={rare.pk}&o=-labels_shown",
        "count of a label": f"{contacts}count/?label={usual.pk}",
        "count of all": f"{contacts}count/",
        "category": f"{contacts}?category={usual.category_id}",
        "channel": f"{contacts}?channel={team_channel.pk}",
        "campaign": f"{contacts}?campaign__id__exact={campaign.pk}",
        "never labelled": f"{contacts}?never_labelled=1",
        "stale": f"{contacts}?stale=1",
        "opted out": f"{contacts}?opted_out=1",
        "first seen on a day": f"{contacts}?first_seen_at_from={middle.first_seen_at:%Y-%m-%d}"
        f"&first_seen_at_to={middle.first_seen_at:%Y-%m-%d}",
        "search: a common name": f"{contacts}?q=siti",
        "search: a full name": f"{contacts}?q=siti+simanjuntak",
        "search: nobody": f"{contacts}?q=zzyzx",
        "search: a phone": f"{contacts}?q={middle.phone[3:]}",
        "search: part of a phone": f"{contacts}?q={middle.phone[-6:]}",
        "search in a label": f"{contacts}?q=siti&label={rare.pk}",
        "contact with 10,000 messages": f"{contacts}{chatty.contact_id}/",
        "API: contacts": "/api/v1/contacts/?page_size=100",
        "API: contacts of a label": f"/api/v1/contacts/?label={usual.pk}&page_size=100",
        "API: assignments": "/api/v1/assignments/?active=true&page_size=100",
        "API: label events": "/api/v1/label-events/?page_size=100",
    }


def _cursor(contact: Any) -> str:
    from desk.contacts.contacts import ContactAdmin

    return ContactAdmin.keyset.cursor(contact)


def _read(client: Any, address: str, rounds: int) -> tuple[float, int]:
    """Milliseconds (median) and queries of one address."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        get(client, address)
    queries = len(captured)  # asked now: the next request forgets them
    return median([timed(lambda: get(client, address)) for _ in range(rounds)]), queries


def timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def get(client: Any, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    getattr(answer, "content", None)
