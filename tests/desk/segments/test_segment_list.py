"""The list of segments, what to start from, and the way between a segment and the contact list."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from desk.contacts import list_filters
from labels.models import Label
from reports.models import Segment
from tests.api.story import Story
from tests.desk.conftest import Shop
from tests.factories import CampaignFactory, TeamFactory, UserFactory
from transfer.models import Export

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
ONE_EXPORT = re.compile(r'href="/admin/exports/\d+/"')
LIST, CONTACTS = "/admin/segments/", "/admin/contacts/contact/"


@pytest.fixture
def marketing(client_of: ClientOf) -> Client:
    return client_of("marketing")


def label(name: str) -> int:
    return Label.objects.get(name=name).pk


def segment(name: str, *conditions: dict[str, Any], **values: Any) -> Segment:
    definition = {"any": [{"all": list(conditions)}]}
    return Segment.objects.create(name=name, definition=definition, **{"shared": "everyone", **values})


# -- The list ---------------------------------------------------------------------------------------------------------


def test_the_list_says_what_each_segment_means_and_who_made_it(marketing: Client) -> None:
    segment(
        "Panas", {"field": "label", "op": "active", "labels": [label("Grade A")]}, owner=UserFactory(first_name="Sari")
    )
    segment("Sendiri", owner=marketing.user, shared="private")  # type: ignore[attr-defined]
    segment("Rahasia", owner=UserFactory(), shared="private")
    html = marketing.get(LIST).content.decode()
    assert "Has the label “Grade A”" in html
    assert "made by Sari" in html
    assert "made by you" in html
    assert "Rahasia" not in html


def test_a_segment_of_the_list_is_counted_when_it_is_asked_for(marketing: Client, client_of: ClientOf) -> None:
    story = Story(team=TeamFactory())
    for n in range(3):
        story.contact(name=f"Ani {n}")
    everybody = segment("Semua")
    assert marketing.get(f"{LIST}{everybody.pk}/count/").json() == {"count": 3, "text": "3 contacts"}
    assert client_of("cs_lead").get(f"{LIST}{everybody.pk}/count/").json()["count"] == 0


def test_the_list_costs_the_same_for_one_and_for_many(marketing: Client) -> None:
    active = {"field": "label", "op": "active", "labels": [label("Grade A")]}
    segment("1", active)
    marketing.get(LIST)
    with CaptureQueriesContext(connection) as few:
        marketing.get(LIST)
    for n in range(20):
        segment(f"n{n}", active, {"field": "campaign", "op": "any", "campaigns": [n + 1]})
    with CaptureQueriesContext(connection) as many:
        marketing.get(LIST)
    assert len(many) <= len(few) + 1, "one more for the names of campaigns"


def test_segments_are_copied_archived_and_restored(marketing: Client) -> None:
    own = segment("Panas", owner=marketing.user)  # type: ignore[attr-defined]
    marketing.post(f"{LIST}{own.pk}/duplicate/")
    copy = Segment.objects.get(name="Panas (copy)")
    assert (copy.owner, copy.shared, copy.definition) == (own.owner, "private", own.definition)
    marketing.post(f"{LIST}{own.pk}/archive/")
    assert "Panas (copy)" in (html := marketing.get(LIST).content.decode())
    assert ">Panas</a>" not in html
    assert ">Panas</a>" in marketing.get(f"{LIST}?state=archived").content.decode()
    marketing.post(f"{LIST}{own.pk}/restore/")
    assert Segment.objects.filter(pk=own.pk).exists()


def test_what_a_segment_is_used_by_is_said_before_it_is_archived(marketing: Client) -> None:
    """Its page and the question name one's own exports, and how many colleagues made."""
    own = segment("Panas", owner=marketing.user)  # type: ignore[attr-defined]
    for owner in (marketing.user, marketing.user, UserFactory()):  # type: ignore[attr-defined]
        Export.objects.create(segment=own, name="Panas", owner=owner, layout="csv", rows=1_200)
    page = marketing.get(f"{LIST}{own.pk}/").content.decode()
    asked = marketing.post(f"{LIST}{own.pk}/archive/")
    for html in (page, asked.content.decode()):
        assert len(ONE_EXPORT.findall(html)) == 2
        assert html.count("1,200 rows") == 2
        assert "and 1 by a colleague" in html
    assert not Segment.all_objects.get(pk=own.pk).is_archived
    assert marketing.post(f"{LIST}{own.pk}/archive/", {"confirmed": "1"}).status_code == 302
    assert Segment.all_objects.get(pk=own.pk).is_archived


def test_of_many_uses_the_newest_are_named_at_the_same_cost(marketing: Client) -> None:
    own = segment("Panas", owner=marketing.user)  # type: ignore[attr-defined]
    counts = []
    for made in (1, 9):
        for _ in range(made):
            Export.objects.create(segment=own, owner=marketing.user, layout="csv")  # type: ignore[attr-defined]
        with CaptureQueriesContext(connection) as queries:
            html = marketing.get(f"{LIST}{own.pk}/").content.decode()
        counts.append(len(queries))
    assert counts[0] >= counts[1]
    assert len(ONE_EXPORT.findall(html)) == 5
    assert f'href="/admin/exports/?segment={own.pk}"' in html


def test_only_who_made_it_or_an_owner_archives_it(marketing: Client, client_of: ClientOf) -> None:
    theirs = segment("Panas", owner=UserFactory())
    assert marketing.post(f"{LIST}{theirs.pk}/archive/").status_code == 403
    assert client_of("owner").post(f"{LIST}{theirs.pk}/archive/").status_code == 302


def test_what_to_start_from_follows_what_labels_mean(marketing: Client) -> None:
    Label.objects.filter(meaning="loyal").update(name="Langganan", name_en="Regular")
    html = marketing.get(LIST).content.decode()
    assert html.count('href="/admin/segments/new/?name=') == 5
    assert "Has the label “Regular” and their last message did not come in the last 45 days" in html
    Label.objects.filter(meaning="loyal").update(deleted_at="2026-01-01T00:00:00Z")
    assert marketing.get(LIST).content.decode().count('href="/admin/segments/new/?name=') == 3


def test_every_starting_point_opens_complete(marketing: Client) -> None:
    html = marketing.get(LIST).content.decode()
    for part in html.split('href="/admin/segments/new/?')[2:]:
        answer = marketing.get("/admin/segments/new/?" + part.partition('"')[0].replace("&amp;", "&"))
        assert "is not complete" not in answer.content.decode()
        assert answer.context["counted"] is not None


def test_the_search_finds_a_segment_that_one_sees(marketing: Client) -> None:
    seen = segment("Ramadan panas")
    segment("Ramadan rahasia", owner=UserFactory(), shared="private")
    html = marketing.get("/admin/search/?q=ramadan").content.decode()
    assert f'href="/admin/segments/{seen.pk}/"' in html
    assert "rahasia" not in html


# -- The contact list -------------------------------------------------------------------------------------------------


def test_a_segment_opens_in_the_contact_list_with_the_same_number(client_of: ClientOf) -> None:
    story = Story(team=TeamFactory())
    for n in range(3):
        story.put_on(story.contact(name=f"Ani {n}"), "Grade A")
    story.contact(name="Budi")
    graded = segment("Panas", {"field": "label", "op": "active", "labels": [label("Grade A")]})
    client = client_of("marketing")
    page = client.get(f"{CONTACTS}?segment={graded.pk}")
    assert [contact.name for contact in page.context["cl"].result_list] == ["Ani 2", "Ani 1", "Ani 0"]
    assert "<b>Panas</b>" in page.content.decode()
    assert client.get(f"{CONTACTS}count/?segment={graded.pk}").json()["count"] == 3
    assert client.get(f"{CONTACTS}count/?segment={graded.pk}&q=Ani 1").json()["count"] == 1


def test_a_segment_of_many_is_narrowed_and_paged_like_any_list(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_filters, "FEW", 2)
    story = Story(team=TeamFactory())
    people = [story.contact(name=f"Ani {n}") for n in range(4)]
    for contact in people[:3]:
        story.put_on(contact, "Grade A")
    graded = segment("Panas", {"field": "label", "op": "active", "labels": [label("Grade A")]})
    client = client_of("marketing")
    for more, names in (("", ["Ani 2", "Ani 1", "Ani 0"]), (f"&label_none={label('Grade B')}&q=Ani 1", ["Ani 1"])):
        page = client.get(f"{CONTACTS}?segment={graded.pk}{more}")
        assert [contact.name for contact in page.context["cl"].result_list] == names
        assert client.get(f"{CONTACTS}count/?segment={graded.pk}{more}").json()["count"] == len(names)


def test_a_segment_that_one_does_not_see_lists_nobody(marketing: Client) -> None:
    Story(team=TeamFactory()).contact()
    private = segment("Rahasia", owner=UserFactory(), shared="private")
    assert marketing.get(f"{CONTACTS}count/?segment={private.pk}").json()["count"] == 0
    for pk in (private.pk, 880_088):
        html = marketing.get(f"{CONTACTS}?segment={pk}").content.decode()
        assert "<b>one that is not there, or not shared with you</b>" in html
        assert "Rahasia" not in html
        assert "from-contacts" not in html  # nothing of it can be saved


def test_an_archived_segment_still_says_its_name(client_of: ClientOf) -> None:
    gone = segment("Lebaran lalu", {"field": "stale", "op": "is", "value": True})
    Segment.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    html = client_of("marketing").get(f"{CONTACTS}?segment={gone.pk}").content.decode()
    assert "<b>Lebaran lalu</b>" in html


def taken(client: Client, **filters: Any) -> tuple[list[list[dict[str, Any]]], list[str]]:
    """The groups that filters of the contact list come to, and what is said to be left out."""
    answer = client.get(f"{LIST}from-contacts/?{urlencode(filters, doseq=True)}")
    query = parse_qs(urlsplit(answer.url).query)
    groups = [group["all"] for group in json.loads(query["d"][0])["any"]]
    assert client.get(answer.url).status_code == 200
    return groups, query.get("left", [])


def test_filters_of_the_contact_list_become_conditions(marketing: Client, shop: Shop) -> None:
    campaign, grade, hot = CampaignFactory(), label("Grade A"), label("Grade B")
    filters = {
        "label": [grade, hot], "label_all": [grade], "label_none": [hot], "labelled_by": shop.agent.pk, "label_age": 30,
        "campaign__id__exact": campaign.pk, "channel": shop.channel.pk, "follow_up": "due", "stale": "1",
        "opted_out": "0", "last_inbound_at_from": "2026-03-02", "last_inbound_at_to": "2026-03-03",
    }  # fmt: skip
    by = {"field": "label", "op": "active_for", "days": 30, "agents": [shop.agent.pk]}
    assert taken(marketing, **filters) == (
        [
            [
                {**by, "labels": [grade, hot]},
                {**by, "labels": [grade]},
                {"field": "label", "op": "active", "labels": [hot], "not": True},
                {"field": "campaign", "op": "first", "campaigns": [campaign.pk]},
                {"field": "channel", "op": "is", "channels": [shop.channel.key]},
                {
                    "field": "last_inbound", "op": "between",
                    "from": "2026-03-02T00:00:00+07:00", "to": "2026-03-04T00:00:00+07:00",
                },
                {"field": "follow_up", "op": "between", "to": {"days_ago": 0}},
                {"field": "stale", "op": "is", "value": True},
                {"field": "opted_out", "op": "is", "value": False},
            ]
        ],
        [],
    )  # fmt: skip


def test_who_is_planned_is_to_be_followed_up_from_now_on(marketing: Client) -> None:
    html = marketing.get(f"{LIST}from-contacts/?follow_up=planned", follow=True).content.decode()
    assert "Is to be followed up from now on" in html
    assert "in the last" not in html


def test_a_category_means_its_archived_labels_in_the_list_and_in_a_segment(marketing: Client) -> None:
    story = Story(team=TeamFactory())
    for name in ("Grade A", "Grade B"):
        story.put_on(story.contact(name=name), name)
    gone = Label.objects.get(name="Grade B")
    Label.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    listed = marketing.get(f"{CONTACTS}count/?category={gone.category_id}").json()["count"]
    builder = marketing.get(f"{LIST}from-contacts/?category={gone.category_id}", follow=True)
    assert listed == builder.context["counted"].count == 2


@pytest.mark.parametrize(
    ("filters", "is_said"),
    [
        ({"label": 1, "label_age": 30}, True),
        ({"category": 1, "labelled_by": 1}, True),
        ({"label": 1}, False),
        ({"label_age": 30}, False),
        ({"label_none": 1, "labelled_by": 1}, False),
    ],
)
def test_what_a_segment_goes_by_instead_is_said_once(
    marketing: Client, shop: Shop, filters: dict[str, Any], is_said: bool
) -> None:
    """The list goes by the label of each number; a segment by when it first came over all of them."""
    meant = {"labelled_by": shop.agent.pk, "category": Label.objects.get(name="Grade A").category_id}
    named = {"label": label("Grade A"), "label_none": label("Grade B")}
    given = {name: {**meant, **named}.get(name, value) for name, value in filters.items()}
    html = marketing.get(f"{LIST}from-contacts/?{urlencode(given)}", follow=True).content.decode()
    assert html.count("a segment goes by who put the label on first over all numbers") == is_said
    assert ("A segment cannot say this" in html) == (not is_said and "label" not in filters)


def test_a_cs_is_whom_contacts_are_assigned_to_or_whose_number_it_is(marketing: Client, shop: Shop) -> None:
    groups, left = taken(marketing, cs=shop.agent.pk, label="none")
    unlabelled = {"field": "labelled", "op": "now", "not": True}
    assert groups == [
        [unlabelled, {"field": "assigned", "op": "is", "agents": [shop.agent.pk]}],
        [
            unlabelled,
            {"field": "assigned", "op": "is", "agents": [None]},
            {"field": "channel", "op": "is", "channels": [shop.channel.key]},
        ],
    ]
    assert left == []


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"q": "ani", "never_labelled": "1"}, ["q", "never_labelled"]),
        ({"label_age": "30"}, ["label_age"]),
        ({"segment": "99999"}, ["segment"]),
        ({"category": "unmapped", "archived": "1"}, ["unmapped", "archived"]),
        ({"opted_out": "lately"}, ["opted_out"]),
    ],
)
def test_what_a_segment_cannot_say_is_named(marketing: Client, filters: dict[str, str], left: list[str]) -> None:
    assert taken(marketing, **filters) == ([[{}]], left)
    answer = marketing.get(f"{LIST}from-contacts/?{urlencode(filters)}", follow=True)
    assert "A segment cannot say this, so it is not in it:" in answer.content.decode()


def test_filters_within_a_segment_narrow_it(marketing: Client) -> None:
    groups = [[{"field": "labelled", "op": "now"}], [{"field": "phone", "op": "empty"}]]
    definition = {"any": [{"all": group} for group in groups]}
    both = Segment.objects.create(name="X", shared="everyone", definition=definition)
    opted_out = {"field": "opted_out", "op": "is", "value": True}
    narrowed = [[*group, opted_out] for group in groups]
    assert taken(marketing, segment=both.pk, opted_out="1") == (narrowed, [])
    Segment.objects.filter(pk=both.pk).update(deleted_at=timezone.now())  # the list still shows its people
    assert taken(marketing, segment=both.pk, opted_out="1") == (narrowed, [])


@pytest.mark.parametrize(
    "groups",
    [
        [[{"field": "labelled", "op": "now"}]] * 11,
        [[{"field": "labelled", "op": "now"}] * 24],
        [[{"field": "stage", "op": "is", "labels": list(range(10**9, 10**9 + 500))}] * 2],
    ],
    ids=["groups", "conditions", "characters"],
)
def test_filters_that_are_too_much_for_a_segment_lead_back(
    marketing: Client, shop: Shop, groups: list[list[dict[str, Any]]]
) -> None:
    """A filter by CS makes two groups of each."""
    full = Segment.objects.create(name="X", shared="everyone", definition={"any": [{"all": group} for group in groups]})
    query = urlencode({"segment": full.pk, "cs": shop.agent.pk})
    page = marketing.get(f"{LIST}from-contacts/?{query}", follow=True)
    assert page.redirect_chain == [(f"{CONTACTS}?{query}", 302)]
    assert (
        "Together this is more than a segment can hold (at most 20 groups and 50 conditions)." in page.content.decode()
    )
    assert page.status_code == 200


@pytest.mark.parametrize("definition", [{"version": 0}, {"any": [{"all": [{"field": "mood", "op": "is"}]}]}])
def test_a_segment_that_cannot_be_read_any_more_means_nobody(marketing: Client, shop: Shop, definition: Any) -> None:
    """It stays where it is named, and its own page is where it is written anew."""
    shop.contact(name="Ani")
    old = Segment.objects.create(name="Lama", definition=definition, shared="everyone")
    page = marketing.get(f"{CONTACTS}?segment={old.pk}")
    assert (page.status_code, len(page.context["cl"].result_list)) == (200, 0)
    assert marketing.get(f"{CONTACTS}count/?segment={old.pk}").json()["count"] == 0
    builder = marketing.get(f"{LIST}{old.pk}/").content.decode()
    assert ("cannot be read any more." in builder) != ("Must be one of:" in builder), "or what is wrong where it stands"
    taken = marketing.get(f"{LIST}from-contacts/?segment={old.pk}&opted_out=1", follow=True)
    assert taken.status_code == 200
    asked = marketing.get(f"{LIST}{old.pk}/export/", follow=True)
    assert asked.redirect_chain == [(f"{LIST}{old.pk}/", 302)]
    assert "This segment was saved in a form that cannot be read any more" in asked.content.decode()


def test_the_contact_list_leads_to_the_builder(marketing: Client, client_of: ClientOf, shop: Shop) -> None:
    link = f'href="/admin/segments/from-contacts/?label={label("Grade A")}"'
    assert link in marketing.get(f"{CONTACTS}?label={label('Grade A')}").content.decode()
    assert "from-contacts" not in marketing.get(CONTACTS).content.decode()
    assert "from-contacts" not in client_of("cs", shop).get(f"{CONTACTS}?label=none").content.decode()
