"""The builder of segments: what is said in its form comes back as a number, in the address, and as a saved segment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import CampaignTouch, Contact
from labelcrm.core.models import AuditEntry
from labels.models import Label
from reports.models import Segment
from tests.api.story import Story
from tests.factories import THEN, AgentFactory, CampaignFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
NEW = "/admin/segments/new/"


@pytest.fixture
def story() -> Story:
    """Four contacts with Grade A, of whom one has Complaint too; Grade C is on a fifth."""
    story = Story(team=TeamFactory(name="Toko"))
    people = [story.contact(name=f"Ani {n}") for n in range(5)]
    for contact in people[:4]:
        story.put_on(contact, "Grade A")
    story.put_on(people[0], "Complain")
    story.put_on(people[4], "Grade C")
    return story


@pytest.fixture
def marketing(client_of: ClientOf) -> Client:
    return client_of("marketing")


def label(name: str) -> int:
    return Label.objects.get(name=name).pk


def has(name: str, **more: Any) -> dict[str, Any]:
    return {"field": "label", "op": "active", "labels": [label(name)], **more}


def draft(*groups: list[dict[str, Any]]) -> str:
    return json.dumps({"any": [{"all": group} for group in groups]})


def opened(client: Client, text: str, path: str = NEW) -> Any:
    return client.get(f"{path}?{urlencode({'d': text})}")


def changed(client: Client, fields: dict[str, Any], path: str = NEW) -> dict[str, Any]:
    """What our script is answered after a change."""
    answer = client.post(path, fields, headers={"X-Requested-With": "fetch"})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def count_of(html: str) -> str:
    return html.partition('id="segment-count">')[2].partition("<")[0]


def one(**fields: Any) -> dict[str, Any]:
    """The fields of a form with one condition."""
    return {"group": "0", "row": "0.0", **{f"0.0.{name.replace('__', '.')}": value for name, value in fields.items()}}


# -- Counting ---------------------------------------------------------------------------------------------------------


def test_a_link_shows_the_conditions_and_exactly_how_many(marketing: Client, story: Story) -> None:
    html = opened(marketing, draft([has("Grade A"), has("Komplain", **{"not": True})])).content.decode()
    assert count_of(html) == "3 contacts"
    assert "Has the label “Grade A” and does not have the label “Complain”" in html
    assert html.count('class="lc-seg-row"') == 2


def test_the_same_link_counts_each_readers_own_people(marketing: Client, client_of: ClientOf, story: Story) -> None:
    stranger = client_of("cs_lead")
    stranger.user.teams.add(TeamFactory())  # type: ignore[attr-defined]
    link = draft([has("Grade A")])
    assert count_of(opened(marketing, link).content.decode()) == "4 contacts"
    assert count_of(opened(stranger, link).content.decode()) == "0 contacts"


def test_a_name_that_is_typed_becomes_a_chip(marketing: Client, story: Story) -> None:
    told = changed(marketing, one(kind="label.active", labels__typed="grade a"))
    assert json.loads(told["d"]) == {"any": [{"all": [has("Grade A")]}]}
    assert told["said"] == count_of(told["rail"]) == "4 contacts"
    assert 'lc-family-yellow"><input type="hidden" name="0.0.labels"' in told["rows"]


def test_a_label_is_found_by_its_name_in_the_other_language(marketing: Client, story: Story) -> None:
    told = changed(marketing, one(kind="label.active", labels__typed="selesai"))
    assert json.loads(told["d"])["any"][0]["all"][0]["labels"] == [label("Selesai")]


def test_a_whole_category_is_chosen_by_its_name(marketing: Client, story: Story) -> None:
    told = changed(marketing, one(kind="label.active", labels__typed="Category: Filter"))
    assert json.loads(told["d"])["any"][0]["all"][0] == {"field": "label", "op": "active", "categories": ["filter"]}
    assert told["said"] == "5 contacts"


def test_how_often_is_a_number_beside_the_label(marketing: Client, story: Story) -> None:
    """Once is what a label says by itself."""
    often = changed(marketing, one(kind="label.ever", labels__typed="grade a", times="2"))
    assert json.loads(often["d"])["any"][0]["all"][0]["times"] == 2
    assert often["said"] == "0 contacts"
    assert '<details class="lc-seg-more" open>' in often["rows"]
    once = changed(marketing, one(kind="label.ever", labels__typed="grade a", times="1"))
    assert (once["said"], "times" in json.loads(once["d"])["any"][0]["all"][0]) == ("4 contacts", False)
    never = changed(marketing, one(kind="label.added", labels__typed="grade a", times="0"))
    assert "Must lie between 1 and 50." in never["rows"]


def test_a_campaign_has_a_time_that_may_be_left_away(marketing: Client, story: Story) -> None:
    campaign = CampaignFactory(name="Ramadan")
    for contact, at in zip(Contact.objects.order_by("id")[:2], (THEN, THEN + timedelta(days=40)), strict=True):
        CampaignTouch.objects.create(contact=contact, campaign=campaign, at=at, method="manual")
    chosen = {"kind": "campaign.any", "campaigns": str(campaign.pk)}
    assert changed(marketing, one(**chosen))["said"] == "2 contacts"
    first, last = (f"{THEN + timedelta(days=n):%Y-%m-%d}" for n in (-1, 1))
    dated = changed(marketing, one(**chosen, when="dates", was="dates", **{"from": first, "until": last}))
    assert dated["said"] == "1 contact"


def test_a_name_of_nothing_is_said_beside_its_condition(marketing: Client, story: Story) -> None:
    fields = {**one(kind="label.active", labels__typed="Grade Z"), "row": ["0.0", "0.1"], "0.1.kind": "labelled.now"}
    told = changed(marketing, fields)
    assert "There is no “Grade Z” to choose here." in told["rows"]
    assert told["said"] == "5 contacts"
    assert "1 condition is not complete" in told["rail"]


def test_a_group_that_says_nothing_yet_means_nobody(marketing: Client, story: Story) -> None:
    """Without its conditions it would mean everybody."""
    told = changed(marketing, {**one(kind="label.active", labels=label("Grade A")), "do": "group"})
    assert told["said"] == "4 contacts"
    assert changed(marketing, one(kind=""))["said"] == "Nothing to count yet."


def test_a_mistake_is_shown_at_the_condition_it_is_in(marketing: Client, story: Story) -> None:
    html = opened(
        marketing, draft([has("Grade A"), {"field": "phone", "op": "starts", "text": "0812"}])
    ).content.decode()
    second = html.partition('id="row-0-1-error"')[2].partition("</p>")[0]
    assert "Must be the beginning of a number with its country code" in second
    assert html.partition('id="row-0-0-error"')[2].startswith(' class="lc-seg-said" data-said></p>')


def test_a_time_that_ends_before_it_begins_is_warned_of(marketing: Client, story: Story) -> None:
    when = {"from": {"days_ago": 3}, "to": {"days_ago": 9}}
    html = opened(marketing, draft([{"field": "first_seen", "op": "between", **when}])).content.decode()
    assert "It begins after it ends: nobody meets this." in html


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({"when": "last", "was": "last", "days_from": "14"}, {"from": {"days_ago": 14}}),
        ({"when": "before", "was": "before", "days_to": "7"}, {"to": {"days_ago": 7}}),
        (
            {"when": "range", "was": "range", "days_from": "14", "days_to": "7"},
            {"from": {"days_ago": 14}, "to": {"days_ago": 7}},
        ),
        (
            {"when": "dates", "was": "dates", "from": "2 Mar 2026", "until": "3/3/2026"},
            {"from": "2026-03-02T00:00:00+07:00", "to": "2026-03-04T00:00:00+07:00"},
        ),
        ({"when": "last", "was": "dates"}, {"from": {"days_ago": 30}}),
        ({"when": "kept", "kept": '{"from":"2026-03-02T10:00:00+07:00"}'}, {"from": "2026-03-02T10:00:00+07:00"}),
    ],
)
def test_each_way_to_name_a_time_is_a_time_of_the_definition(
    marketing: Client, fields: dict[str, str], ends: dict[str, Any]
) -> None:
    told = changed(marketing, one(kind="first_seen.between", **fields))
    [condition] = json.loads(told["d"])["any"][0]["all"]
    condition.pop("when", None)
    assert condition == {"field": "first_seen", "op": "between", **ends}


def test_a_follow_up_that_is_still_to_come_is_not_in_the_last_days(marketing: Client, story: Story) -> None:
    Contact.objects.filter(pk=Contact.objects.first().pk).update(follow_up_at=timezone.now() + timedelta(days=9))
    ahead = changed(marketing, one(kind="follow_up.between", when="last", was="last", days_from="30"))
    assert ahead["said"] == "1 contact"
    assert "Is to be followed up from 30 days ago on" in ahead["rail"]
    assert '<option value="last" selected>from … days ago on</option>' in ahead["rows"]
    assert 'aria-label="From how many days ago on"' in ahead["rows"]
    past = changed(marketing, one(kind="first_seen.between", when="last", was="last", days_from="30"))
    assert '<option value="last" selected>in the last … days</option>' in past["rows"]
    assert 'aria-label="In the last how many days"' in past["rows"]


def test_days_that_are_left_empty_do_not_mean_at_any_time(marketing: Client, story: Story) -> None:
    fields = one(kind="label.added", labels=label("Grade A"), when="last", was="last", days_from="")
    told = changed(marketing, fields)
    assert "Say how many days, or which days." in told["rows"]
    assert told["said"] == "Nothing to count yet."


@pytest.mark.parametrize(
    ("button", "rows"),
    [("add:0", ["0.0", "0.1"]), ("group", ["0.0", "1.0"]), ("remove:0.0", ["0.0"]), ("remove:9.9", ["0.0"])],
)
def test_buttons_add_and_remove_conditions(marketing: Client, button: str, rows: list[str]) -> None:
    told = changed(marketing, {**one(kind="labelled.now"), "do": button})
    assert [part.partition('"')[0] for part in told["rows"].split('name="row" value="')[1:]] == rows


def test_a_chip_is_taken_away(marketing: Client) -> None:
    fields = one(kind="assigned.is", agents=["none"])
    told = changed(marketing, {**fields, "do": "drop:0.0.agents.none"})
    assert json.loads(told["d"])["any"][0]["all"] == [{"field": "assigned", "op": "is"}]


@pytest.mark.parametrize("text", ["{", "[]", '{"any":[]}', '{"any":[{"all":1}]}', '{"any":1}', "x" * 30_000])
def test_an_address_that_was_damaged_is_refused(marketing: Client, text: str) -> None:
    assert opened(marketing, text).status_code == 400


@pytest.mark.parametrize(
    "raw",
    [
        {"field": ["label"], "op": "active"},
        {"field": "label", "op": {}},
        {"field": "label", "op": "active", "labels": [{}, [], True, 2**80, "1", None]},
        {"field": "label", "op": "added", "labels": "x", "from": {"days_ago": []}, "to": 5, "when": []},
        {"field": "first_seen", "op": "between", "from": {"days_ago": 10**30}},
        {"field": "label", "op": "active_for", "labels": [1], "days": {"a": 1}},
        {"field": "name", "op": "contains", "text": 5},
        {"field": "opted_out", "op": "is", "value": "x", "not": 7},
        {"field": "channel", "op": "is", "channels": [5, "\u0001"]},
    ],
)
def test_a_condition_that_nobody_wrote_here_still_opens(marketing: Client, raw: dict[str, Any]) -> None:
    answer = opened(marketing, draft([raw]))
    assert answer.status_code == 200
    assert count_of(answer.content.decode()) == "–"


@pytest.mark.parametrize(
    "raw",
    [
        *(
            {"op": "labels", "by": "day", "figure": "added", "row": row}
            for row in ("abc", 5, "2026-13-01", "null", "1:2")
        ),
        *({"op": "heatmap", "figure": "inbound", "row": row} for row in ("abc", 999, "63x")),
        {"op": "labels", "by": "team", "figure": "added", "row": "abc"},
        {"op": "labels", "by": "channel", "figure": "added", "row": 5},
        {"op": "movement", "figure": "contacts", "row": "abc"},
        {"op": "moves", "figure": "count", "row": "a:b:c"},
    ],
)
def test_a_row_that_no_report_has_opens_and_means_nobody(marketing: Client, story: Story, raw: dict[str, Any]) -> None:
    text = draft([{"field": "report", "from": {"days_ago": 3650}, **raw}])
    answer = opened(marketing, text)
    assert answer.status_code == 200
    assert count_of(answer.content.decode()) == "0 contacts"
    told = marketing.get(f"/admin/segments/narrowing/?{urlencode({'d': text})}")
    assert told.status_code == 200
    assert "→ <b>0</b>" in told.json()["html"]


# -- What each condition takes away -----------------------------------------------------------------------------------


def test_each_condition_says_how_many_it_takes_away(marketing: Client, story: Story) -> None:
    silent = {"field": "last_inbound", "op": "between", "from": {"days_ago": 1}}
    text = draft([has("Grade A"), has("Komplain", **{"not": True}), silent])
    told = marketing.get(f"/admin/segments/narrowing/?{urlencode({'d': text})}").json()["html"]
    steps = [part.partition("</span>")[0] for part in told.split('<span class="lc-nowrap">')[1:]]
    assert steps == ["−1 → <b>4</b>", "−1 → <b>3</b>", "−3 → <b>0</b>"]
    assert told.count("Nobody at all meets this.") == 1


def test_without_javascript_the_page_says_it_when_asked(marketing: Client, story: Story) -> None:
    html = marketing.post(f"{NEW}?narrowing=1", one(kind="label.active", labels=label("Grade A"))).content.decode()
    assert count_of(html) == "4 contacts"
    assert "−1 → <b>4</b>" in html


# -- Saving -----------------------------------------------------------------------------------------------------------


def test_a_segment_is_saved_and_opens_with_what_it_says(marketing: Client, story: Story) -> None:
    fields = one(kind="label.added", labels=label("Grade A"), when="last", was="last", days_from="14")
    answer = marketing.post(NEW, {**fields, "name": " Grade A baru ", "shared": "everyone", "do": "save"})
    segment = Segment.objects.get()
    assert answer.url == f"/admin/segments/{segment.pk}/"
    assert (segment.name, segment.shared, segment.owner) == ("Grade A baru", "everyone", marketing.user)  # type: ignore[attr-defined]
    added = {"field": "label", "op": "added", "labels": [label("Grade A")], "from": {"days_ago": 14}}
    assert segment.definition == {"any": [{"all": [added]}]}
    html = marketing.get(answer.url).content.decode()
    assert f'href="/admin/contacts/contact/?segment={segment.pk}"' in html
    assert 'value="14"' in html
    assert AuditEntry.objects.filter(action="segment.created").count() == 1


PUT_ON = {"kind": "label.added", "labels__typed": "Grade A"}
INCOMPLETE = [
    one(kind=""),
    one(kind="label.active"),
    one(kind="label.active", labels="999999"),
    one(**PUT_ON, when="last", was="last", days_from=""),
    one(**PUT_ON, when="before", was="before", days_to=""),
    one(**PUT_ON, when="range", was="range", days_from="14", days_to=""),
    one(**PUT_ON, when="dates", was="dates"),
    one(kind="label.active", labels__typed="Grade A", agents__typed="Rinna"),
    {**one(kind="labelled.now"), "row": ["0.0", "0.1"], "0.1.kind": "channel.is", "0.1.channels.typed": "CS 99"},
]


@pytest.mark.parametrize("fields", INCOMPLETE)
@pytest.mark.parametrize(("saved", "button"), [(False, "save"), (True, "save"), (True, "save-new")])
def test_what_is_not_complete_is_not_saved(marketing: Client, fields: dict[str, Any], saved: bool, button: str) -> None:
    """Without what is missing it would be another segment, which means more people."""
    path, before = NEW, {"any": [{"all": [{"field": "labelled", "op": "ever"}]}]}
    if saved:
        segment = Segment.objects.create(name="X", definition=before, owner=marketing.user)  # type: ignore[attr-defined]
        path = f"/admin/segments/{segment.pk}/"
    html = marketing.post(path, {**fields, "name": "Y", "shared": "private", "do": button}).content.decode()
    assert "Not saved: a condition is not complete" in html
    assert list(Segment.objects.values_list("name", "definition")) == ([("X", before)] if saved else [])


@pytest.mark.parametrize("more", [{"when": "last", "was": "last", "days_from": ""}, {"agents__typed": "Rinna"}])
def test_the_contact_list_is_offered_of_what_is_said_completely(marketing: Client, more: dict[str, str]) -> None:
    """The list shows the segment as it is saved, which what is incomplete leaves as it was."""
    added = {"field": "label", "op": "added", "labels": [label("Grade A")]}
    segment = Segment.objects.create(name="X", definition={"any": [{"all": [added]}]}, shared="everyone")
    path, fields = f"/admin/segments/{segment.pk}/", {"kind": "label.added", "labels": added["labels"]}
    assert 'id="segment-contacts"' in changed(marketing, one(**fields, when="any"), path)["rail"]
    assert 'id="segment-contacts"' not in changed(marketing, one(**{**fields, "when": "any", **more}), path)["rail"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"name": "", "shared": "private"}, "This field cannot be blank."),
        ({"name": "X", "shared": "team"}, "You are in no team that could see it"),
        ({"name": "X", "shared": "nobody"}, "is not a valid choice"),
    ],
)
def test_what_cannot_be_saved_is_said_beside_its_field(marketing: Client, more: dict[str, str], sentence: str) -> None:
    html = marketing.post(NEW, {**one(kind="labelled.now"), **more, "do": "save"}).content.decode()
    assert sentence in html
    assert not Segment.objects.exists()


@pytest.mark.parametrize("maker", ["deleted", "left", "in another team", "there"])
@pytest.mark.parametrize("saver_is_in_it", [False, True])
def test_who_sees_a_segment_stays_when_another_thing_of_it_is_changed(
    client_of: ClientOf, maker: str, saver_is_in_it: bool
) -> None:
    """The page says with every saving who sees it, also where nobody touched that."""
    mine, other = TeamFactory(name="A"), TeamFactory(name="B")
    owner = UserFactory(role="cs_lead", teams=[other if maker == "in another team" else mine])
    if maker == "left":
        AgentFactory(user=owner, team=mine, deleted_at=THEN)
    shared = Segment.objects.create(
        name="X", definition={"any": [{"all": []}]}, shared="team", owner=None if maker == "deleted" else owner
    )
    shared.teams.add(mine)
    client = client_of("owner")
    client.user.teams.add(*[other] * saver_is_in_it)  # type: ignore[attr-defined]
    fields = {**one(kind="labelled.now"), "name": "Y", "shared": "team", "do": "save"}
    assert client.post(f"/admin/segments/{shared.pk}/", fields).status_code == 302
    shared.refresh_from_db()
    assert (shared.name, list(shared.teams.all())) == ("Y", [mine])


def test_a_segment_is_shared_with_the_teams_of_who_made_it(client_of: ClientOf) -> None:
    team = TeamFactory()
    maker = UserFactory(role="cs_lead", teams=[team])
    own = Segment.objects.create(name="X", definition={"any": [{"all": []}]}, shared="everyone", owner=maker)
    client, fields = client_of("owner"), {**one(kind="labelled.now"), "name": "Y", "do": "save"}
    for shared, teams in (("team", [team]), ("everyone", []), ("team", [team])):
        assert client.post(f"/admin/segments/{own.pk}/", {**fields, "shared": shared}).status_code == 302
        assert list(own.teams.all()) == teams
    own.teams.clear()  # as when the team was deleted
    client.post(f"/admin/segments/{own.pk}/", {**fields, "shared": "team"})
    assert list(own.teams.all()) == [team]


def test_others_save_a_copy_and_do_not_change_it(client_of: ClientOf, marketing: Client) -> None:
    theirs = Segment.objects.create(
        name="Theirs", definition={"any": [{"all": []}]}, shared="everyone", owner=UserFactory(first_name="Sari")
    )
    path = f"/admin/segments/{theirs.pk}/"
    html = marketing.get(path).content.decode()
    assert "Made by Sari: only they or an owner change it" in html
    assert 'value="save"' not in html
    fields = {**one(kind="labelled.now"), "name": "Mine", "shared": "private"}
    assert marketing.post(path, {**fields, "do": "save"}).status_code == 403
    marketing.post(path, {**fields, "do": "save-new"})
    assert [(s.name, s.owner) for s in Segment.objects.order_by("id")] == [
        ("Theirs", theirs.owner),
        ("Mine", marketing.user),  # type: ignore[attr-defined]
    ]
    client_of("owner").post(path, {**fields, "do": "save"})
    theirs.refresh_from_db()
    assert theirs.name == "Mine"


@pytest.mark.parametrize(("role", "reads", "makes"), [("cs", 403, 403), ("auditor", 200, 403), ("analyst", 200, 200)])
def test_who_may_read_segments_opens_them_and_who_may_add_makes_one(
    client_of: ClientOf, role: str, reads: int, makes: int
) -> None:
    client = client_of(role)
    everybodys = Segment.objects.create(name="X", definition={"any": [{"all": []}]}, shared="everyone")
    for path in ("/admin/segments/", f"/admin/segments/{everybodys.pk}/"):
        assert client.get(path).status_code == reads
    assert client.get(NEW).status_code == client.get("/admin/segments/from-contacts/", follow=True).status_code == makes
    saving = {**one(kind="labelled.now"), "name": "Y", "shared": "private"}
    assert client.post(f"/admin/segments/{everybodys.pk}/", {**saving, "do": "save"}).status_code == 403
    assert client.post(NEW, {**saving, "do": "save"}).status_code == (302 if makes == 200 else 403)


def test_a_segment_that_one_does_not_see_is_not_there(marketing: Client) -> None:
    private = Segment.objects.create(name="X", definition={"any": [{"all": []}]}, owner=UserFactory())
    for path in ("", "count/"):
        assert marketing.get(f"/admin/segments/{private.pk}/{path}").status_code == 404
    for path in ("duplicate/", "archive/", "restore/"):
        assert marketing.post(f"/admin/segments/{private.pk}/{path}").status_code == 404


def test_many_conditions_cost_no_more_queries(
    marketing: Client, story: Story, django_assert_max_num_queries: Any
) -> None:
    """Names and choices are looked up once for all conditions."""
    campaign = CampaignFactory()
    CampaignTouch.objects.create(contact=story.contact(), campaign=campaign, at=THEN, method="manual")
    kinds = [has("Grade A"), {"field": "campaign", "op": "any", "campaigns": [campaign.pk]}]
    with django_assert_max_num_queries(30):
        opened(marketing, draft(*[kinds] * 10))
