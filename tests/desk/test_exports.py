"""The pages of an export: the funnel before it, and what is known of it afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import Contact
from labelcrm.core.bulk import execute
from labelcrm.core.models import Job
from reports.definitions import definition
from reports.models import Segment
from tests.api.story import Story
from tests.desk.conftest import Shop
from tests.factories import TeamFactory
from tests.work import do_work
from transfer.models import Export, Reason

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]


@pytest.fixture
def segment(db: None) -> Segment:
    """Five people with a complaint on the first, an opt-out of the second, no number of the third."""
    story = Story(team=TeamFactory(name="Sales"))
    people = [story.contact(name=f"Ani {n}") for n in range(5)]
    story.put_on(people[0], "Komplain")
    Contact.objects.filter(pk=people[1].pk).update(opted_out_at=timezone.now())
    Contact.objects.filter(pk=people[2].pk).update(phone="")
    return Segment.objects.create(name="Semua", definition={"any": [{"all": []}]}, shared="everyone")


def words(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def page_of(segment: Segment) -> str:
    return f"/admin/segments/{segment.pk}/export/"


def export(client: Client, segment: Segment, **asked: Any) -> Export:
    answer = client.post(page_of(segment), {"asked": "1", "layout": "csv", "complaint": "1", "no_phone": "1"} | asked)
    assert answer.status_code == 302, answer.content
    do_work()
    found = Export.objects.get(pk=int(answer.url.split("/")[3]))
    assert found.state == Job.State.DONE
    return found


def names(page: Any) -> list[str]:
    return [contact.name for contact in page.context["people"]]


def test_each_number_of_the_funnel_opens_its_people(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    page = client.get(page_of(segment))
    assert "All contacts" in words(page)
    found = {step.code: (step.count, step.url) for step in page.context["steps"]}
    assert {code: count for code, (count, _url) in found.items()} == {
        "matched": 5, "complaint": 1, "opted_out": 1, "no_phone": 1, "file": 2,
    }  # fmt: skip
    opened = {code: names(client.get(page_of(segment) + url)) for code, (_count, url) in found.items()}
    assert opened["complaint"] == ["Ani 0"]
    assert opened["opted_out"] == ["Ani 1"]
    assert opened["no_phone"] == ["Ani 2"]
    assert opened["file"] == ["Ani 3", "Ani 4"]
    assert len(opened["matched"]) == 5


def test_the_picture_says_what_the_numbers_say(client_of: ClientOf, segment: Segment) -> None:
    steps = client_of("marketing").get(page_of(segment)).context["steps"]
    assert [(step.left, step.taken) for step in steps] == [
        ("100.00%", "0.00%"), ("80.00%", "20.00%"), ("60.00%", "20.00%"), ("40.00%", "20.00%"), ("40.00%", "0.00%"),
    ]  # fmt: skip


def test_only_the_funnel_is_sent_to_who_asks_for_it_alone(client_of: ClientOf, segment: Segment) -> None:
    answer = client_of("marketing").get(
        page_of(segment), {"asked": "1", "layout": "xlsx", "hold_out": "50"}, headers={"X-Requested-With": "fetch"}
    )
    text = answer.content.decode()
    assert "<html" not in text
    assert 'class="lc-funnel"' in text
    assert answer.context["counts"].excluded["hold_out"] == 2


def test_who_may_not_export_sees_no_page_of_it(client_of: ClientOf, segment: Segment, shop: Shop) -> None:
    found = export(client_of("marketing"), segment)
    for role, of_people in (("cs", 403), ("auditor", 404)):  # an auditor exports reports, and sees those alone
        client = client_of(role, shop)
        assert client.get(page_of(segment)).status_code == 403
        assert client.get(f"/admin/exports/{found.pk}/").status_code == of_people
        assert str(found) not in client.get("/admin/exports/").text
        assert client.post(page_of(segment), {"asked": "1", "layout": "csv"}).status_code == 403


def test_a_private_segment_or_somebody_elses_export_does_not_exist(client_of: ClientOf, segment: Segment) -> None:
    found, other = export(client_of("marketing"), segment), client_of("marketing")
    here = f"/admin/exports/{found.pk}/"
    for address in (here, f"{here}state/", f"{here}people/file/", f"{here}since/{found.pk}/"):
        assert other.get(address).status_code == 404
    assert other.post(f"{here}cancel/").status_code == 404
    Segment.objects.update(shared="private")
    assert other.get(page_of(segment)).status_code == 404


def test_the_page_of_an_export_says_everything_about_it(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    found = export(client, segment, columns=["campaign"], hold_out="50")
    page = client.get(f"/admin/exports/{found.pk}/")
    said = words(page)
    assert found.sha256 in said
    assert "Everybody&#x27;s contacts." in said
    assert "Phone, Name, Labels, Campaign" in said
    assert page.context["link"].startswith("/exports/")
    assert names(client.get(f"/admin/exports/{found.pk}/people/opted_out/")) == ["Ani 1"]
    assert len(names(client.get(f"/admin/exports/{found.pk}/people/hold_out/"))) == 1
    assert client.get(f"/admin/exports/{found.pk}/people/nobody/").status_code == 404
    listed = client.get(f"/admin/exports/?segment={segment.pk}").context["history"]
    assert [each.pk for each in listed] == [found.pk]


def test_each_figure_of_the_result_says_what_it_means(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    html = client.get(f"/admin/exports/{export(client, segment).pk}/").content.decode()
    for name in ("replied", "forward", "won", "difference"):
        assert html.count(f'popovertarget="def-broadcast_{name}"') == html.count(f'id="def-broadcast_{name}"') == 1
    assert definition("broadcast_forward", "en").text in html


def test_people_are_listed_by_pages(client_of: ClientOf, segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.exports.asking.SHOWN", 2)
    monkeypatch.setattr("desk.exports.results.SHOWN", 2)
    client = client_of("marketing")
    found = export(client, segment)
    for address in (f"{page_of(segment)}?people=matched", f"/admin/exports/{found.pk}/people/matched/"):
        seen, page = [], client.get(address)
        seen += names(page)
        while page.context["next"]:
            page = client.get(address.partition("?")[0] + page.context["next"])
            seen += names(page)
        assert seen == [f"Ani {n}" for n in range(5)]


def test_an_export_is_stopped_from_its_page(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    answer = client.post(page_of(segment), {"asked": "1", "layout": "csv"})
    page = client.get(answer.url)
    assert page.context["waiting"]
    client.post(f"{answer.url}cancel/")
    do_work()
    assert Export.objects.get().state == Job.State.CANCELLED
    assert not client.get(f"{answer.url}state/").context["waiting"]


def test_a_failed_export_says_why(client_of: ClientOf, segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of("marketing")
    monkeypatch.setattr("transfer.exports.XLSX_ROWS", 1)
    answer = client.post(page_of(segment), {"asked": "1", "layout": "xlsx"})
    do_work()
    assert "An XLSX file holds at most" in words(client.get(answer.url))


def test_two_exports_are_held_against_each_other(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    earlier = export(client, segment)
    Contact.objects.filter(name="Ani 4").update(opted_out_at=timezone.now())
    Contact.objects.filter(name="Ani 1").update(opted_out_at=None)
    later = export(client, segment)
    here = f"/admin/exports/{later.pk}/since/{earlier.pk}/"
    page = client.get(here)
    assert (page.context["added"], page.context["gone"], page.context["stayed"]) == (1, 1, 1)
    assert names(client.get(f"{here}added/")) == ["Ani 1"]
    assert names(client.get(f"{here}gone/")) == ["Ani 4"]
    assert client.get(f"{here}else/").status_code == 404
    assert [other.pk for other in client.get(f"/admin/exports/{later.pk}/").context["others"]] == [earlier.pk]


def test_the_contact_page_says_in_which_files_somebody_was(client_of: ClientOf, segment: Segment) -> None:
    client, other = client_of("marketing"), client_of("marketing")
    found = export(client, segment)
    inside, outside = (Contact.objects.get(name=name) for name in ("Ani 3", "Ani 0"))
    page = client.get(f"/admin/contacts/contact/{inside.pk}/")
    assert f'href="/admin/exports/{found.pk}/"' in page.content.decode()
    assert [visible for _export, visible in other.get(f"/admin/contacts/contact/{inside.pk}/").context["exports"]] == [
        False
    ]
    assert client.get(f"/admin/contacts/contact/{outside.pk}/").context["exports"] == []
    assert client_of("auditor").get(f"/admin/contacts/contact/{inside.pk}/").context["exports"] == []


def test_people_of_an_export_are_those_that_the_reader_sees(client_of: ClientOf, segment: Segment, shop: Shop) -> None:
    """A lead whose team changes keeps the export, and sees of its people whom they see now."""
    lead = client_of("cs_lead", shop)
    lead.user.teams.set(TeamFactory._meta.model.objects.filter(name="Sales"))  # type: ignore[attr-defined]
    found = export(lead, segment)
    lead.user.teams.clear()  # type: ignore[attr-defined]
    page = lead.get(f"/admin/exports/{found.pk}/people/file/")
    assert (names(page), page.context["hidden"]) == ([], 2)


def test_more_exports_cost_no_more_queries(
    client_of: ClientOf, segment: Segment, django_assert_max_num_queries: Any
) -> None:
    client = client_of("marketing")
    for _ in range(5):
        export(client, segment)
    client.get("/admin/jobs/")  # where they are told that these are done
    with django_assert_max_num_queries(12):
        assert len(client.get("/admin/exports/").context["history"]) == 5
    with django_assert_max_num_queries(26):
        client.get(f"/admin/exports/{Export.objects.latest('pk').pk}/")


def test_an_old_export_has_no_link_and_keeps_its_people(client_of: ClientOf, segment: Segment) -> None:
    client = client_of("marketing")
    found = export(client, segment)
    execute("UPDATE core_job SET finished_at = finished_at - make_interval(days => 8)", [])
    page = client.get(f"/admin/exports/{found.pk}/")
    assert page.context["link"] == ""
    assert "deleted after 7 days" in words(page)
    assert len(names(client.get(f"/admin/exports/{found.pk}/people/{Reason.FILE.code}/"))) == 2
