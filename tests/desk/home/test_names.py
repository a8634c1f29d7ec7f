"""Names in the feed and the tiles are those of now, for who looks now: in this process, and written by another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import Agent, Channel, Contact, Team
from contacts.services.contacts import edit_contact
from desk.home.live import live
from desk.home.page import SentRows, row_html, tiles_html
from labelcrm.core.viewer import Viewer
from labels.models import Category, ChannelLabel, Label
from labels.services import canonical
from labels.services.merging import merge
from reports.selectors.feed import read_feed
from tests.desk.home.conftest import Company, reader

pytestmark = pytest.mark.django_db

EVERYTHING = Viewer(everything=True)
A, B = "6281200000001", "6281200000002"


@pytest.fixture(autouse=True)
def _readings_are_kept() -> Iterator[None]:
    """As where a page is open: nothing was announced since the last reading, which is therefore served again."""
    live.listener.connected = True
    yield
    live.listener.connected = False


@pytest.fixture
def owner(company: Company) -> Client:
    client = Client()
    client.force_login(company.owner)
    return client


def told(client: Client) -> str:
    """What a page that knows nothing yet is told."""
    answer = client.get("/live/feed/?since=0").json()
    return "".join(row["html"] for row in answer["rows"]) + answer["tiles"]


def labelled(company: Company) -> Contact:
    company.name(company.sales, "1", "Grade A")
    company.label(company.sales, "1", A)
    contact: Contact = Contact.objects.get(phone=f"+{A}")
    return edit_contact(contact, actor=None, origin="test", name="Ratna Lama")


def by_service(contact: Contact) -> None:
    edit_contact(contact, actor=None, origin="test", name="Ratna Baru")


def by_another_process(contact: Contact) -> None:
    """Nothing in this process hears of a row that is written with SQL alone."""
    Contact.objects.filter(pk=contact.pk).update(name="Ratna Baru", phone="+6281299999999")


@pytest.mark.parametrize("rename", [by_service, by_another_process])
def test_a_renamed_contact_has_the_new_name_at_once(
    company: Company, owner: Client, rename: Callable[[Contact], None]
) -> None:
    contact = labelled(company)
    assert "Ratna Lama" in told(owner)
    rename(contact)
    for html in (told(owner), owner.get("/admin/").content.decode()):
        assert "Ratna Baru" in html
        assert "Ratna Lama" not in html


@pytest.mark.parametrize("gone", ["archived", "deleted"])
def test_an_archived_or_erased_contact_is_gone_at_once(company: Company, owner: Client, gone: str) -> None:
    contact = labelled(company)
    assert "Ratna Lama" in told(owner)
    if gone == "archived":
        Contact.objects.filter(pk=contact.pk).update(deleted_at=timezone.now())
    else:
        contact.delete()
    answer = owner.get("/live/feed/?since=0").json()
    assert (answer["rows"], answer["ids"]) == ([], [])


def test_a_merged_contact_shows_the_one_that_survived(company: Company, owner: Client) -> None:
    contact = labelled(company)
    company.label(company.sales, "2", B)
    survivor = Contact.objects.get(phone=f"+{B}")
    edit_contact(survivor, actor=None, origin="test", name="Sinta")
    assert "Ratna Lama" in told(owner)
    merge(survivor_id=survivor.pk, merged_id=contact.pk, reason="test", actor=None)
    assert "Ratna Lama" not in told(owner)


@pytest.mark.parametrize(
    "rename",
    [
        lambda: Label.objects.filter(name="Grade A").update(name="Nama Baru", name_en="Nama Baru"),
        lambda: ChannelLabel.objects.filter(external_id="1").update(label=Label.objects.create(name="Nama Baru")),
        lambda: Agent.objects.filter(code="rina").update(name="Nama Baru"),
        lambda: Channel.objects.filter(key="cs-rina").update(name="Nama Baru"),
    ],
    ids=["label", "meaning", "agent", "channel"],
)
def test_a_renamed_label_agent_or_number_has_the_new_name_at_once(
    company: Company, owner: Client, rename: Callable[[], object]
) -> None:
    labelled(company)
    assert "Nama Baru" not in told(owner)
    rename()
    assert "Nama Baru" in "".join(row["html"] for row in owner.get("/live/feed/?since=0").json()["rows"])


def test_tiles_name_labels_and_categories_as_they_are_called_now(company: Company, owner: Client) -> None:
    labelled(company)
    told(owner)
    canonical.update_label(Label.objects.get(name="Grade A"), actor=None, origin="test", name="Kelas Satu", name_en="")
    category = Category.objects.get(code="filter")
    canonical.update_category(category, actor=None, origin="test", name="Saringan Baru", name_en="")
    html = told(owner)
    assert "Kelas Satu" in html
    assert "Saringan Baru" in html


def test_the_limit_that_the_tiles_say_is_that_of_now(company: Company, settings: object) -> None:
    company.message(company.sales, "6281200000001", ago=100)
    audience = reader(EVERYTHING)
    assert "1 hour" in tiles_html(live.tiles.get(EVERYTHING), audience)
    settings.NEVER_LABELLED_MINUTES = 90  # type: ignore[attr-defined]
    assert "90 minutes" in tiles_html(live.tiles.get(EVERYTHING), audience)


def test_each_reader_is_told_in_the_language_they_have_now(company: Company, owner: Client) -> None:
    labelled(company)
    assert "added by" in told(owner)
    company.owner.language = "id"
    company.owner.save()
    assert "added by" not in told(owner)


def test_who_leaves_a_team_is_told_nothing_of_it_any_more(company: Company) -> None:
    labelled(company)
    client = Client()
    client.force_login(company.lead)
    assert "Ratna Lama" in told(client)
    company.lead.teams.remove(Team.objects.get(name="Sales"))
    assert "Ratna Lama" not in told(client)


def test_a_number_that_moves_to_another_team_leaves_the_feed(company: Company) -> None:
    labelled(company)
    client = Client()
    client.force_login(company.lead)
    assert "Ratna Lama" in told(client)
    Channel.objects.filter(key="cs-rina").update(team=Team.objects.get(name="Support"))
    assert "Ratna Lama" not in told(client)


def test_a_kept_feed_costs_one_query_for_the_names_of_now(
    company: Company, django_assert_num_queries: Callable[[int], object]
) -> None:
    labelled(company)
    live.feed.get(EVERYTHING)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        live.feed.get(EVERYTHING)


def test_drawing_a_row_asks_the_database_nothing(
    company: Company, django_assert_num_queries: Callable[[int], object]
) -> None:
    """A stream draws in a thread that has let its connection go."""
    labelled(company)
    rows = live.feed.get(EVERYTHING).rows
    row_html.cache_clear()
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert "Ratna Lama" in row_html(rows[0], "en")


def test_an_open_page_is_told_only_what_looks_different(company: Company) -> None:
    contact = labelled(company)
    company.label(company.sales, "2", B)
    sent = SentRows(last=0)
    now = timezone.now()
    assert [len(sent.news(read_feed(EVERYTHING), now=now)[0]) for _ in range(2)] == [2, 0]
    by_another_process(contact)
    rows, left = sent.news(read_feed(EVERYTHING), now=now)
    assert ([row.event.contact.pk for row in rows], left) == ([contact.pk], False)
    contact.delete()
    assert sent.news(read_feed(EVERYTHING), now=now) == ([], True)
