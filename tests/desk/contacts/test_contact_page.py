"""The contact page: what is on now, what was, the chat, notes, and what may be edited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import CampaignTouch, Consent, Contact, Message, Note
from labelcrm.core.models import AuditEntry
from tests.desk.conftest import Shop
from tests.factories import THEN, CampaignFactory, ChannelFactory

ClientOf = Callable[..., Client]


def page(contact: Contact) -> str:
    return f"/admin/contacts/contact/{contact.pk}/"


def section(response: Any, name: str) -> str:
    html: str = response.content.decode()
    start = html.index(f'id="{name}"')
    return html[start : html.index("</section>", start)]


def test_both_addresses_show_the_contact(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti Aisyah", phone="+6281298765432", lid="99887766554433")
    client = client_of("cs", shop)
    for url in (page(contact), f"{page(contact)}change/"):
        response = client.get(url)
        assert response.status_code == 200
        html = response.content.decode()
        assert "Siti Aisyah" in html
        assert "+62 812-9876-5432" in html
        assert "99887766554433@lid" in html


def test_removed_labels_are_history_and_nothing_else(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Grade A"))
    shop.put(contact, shop.whatsapp_label("Komplain"), hours=5)
    response = client_of("cs", shop).get(page(contact))
    assert "Grade A" in section(response, "labels")
    assert "Complain" not in section(response, "labels")
    history = section(response, "history")
    assert history.count("added</td>") == 2
    assert history.count("removed</td>") == 1
    assert "taken off" not in history  # "removed" says it
    assert "owner of the number" in history
    timeline = section(response, "timeline")
    assert timeline.count("<rect") == 2
    assert timeline.count("lc-bar--open") == 1


def test_the_timeline_places_intervals_by_time(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    row = shop.whatsapp_label("Grade A")
    shop.put(contact, row, hours=24)
    shop.put(contact, row, added_at=THEN + timedelta(hours=48))
    view = client_of("cs", shop).get(page(contact)).context["page"]
    first, second = view.lanes[0].bars
    assert first.x == "0.000%"
    assert float(second.x[:-1]) == pytest.approx(2 * float(first.width[:-1]), rel=0.3, abs=1)
    assert float(second.x[:-1]) + float(second.width[:-1]) == pytest.approx(100, abs=0.01)


def test_numbers_on_the_timeline_are_written_for_the_browser_in_every_language(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    shop.put(contact, shop.whatsapp_label("Grade A"), hours=5)
    assert 'x="0.000%"' in section(client_of("cs", shop, language="id").get(page(contact)), "timeline")


def test_a_merged_contact_leads_to_the_one_that_survived(client_of: ClientOf, shop: Shop) -> None:
    survivor = shop.contact(name="Siti")
    merged = shop.contact(name="Siti lama", deleted_at=THEN, merged_into=survivor)
    response = client_of("cs", shop).get(page(merged))
    assert (response.status_code, response["Location"]) == (302, page(survivor))


def test_contacts_of_another_team_are_not_found(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    foreign = other_shop.contact(name="Rahasia")
    response = client_of("cs", shop).get(page(foreign), follow=True)
    assert "Rahasia" not in response.content.decode()


def test_chat_and_labels_of_another_teams_number_stay_with_it(
    client_of: ClientOf, shop: Shop, other_shop: Shop
) -> None:
    contact = shop.contact()
    shop.say(contact, "Halo kak")
    other_shop.say(contact, "Rahasia tim lain", minute=1)
    shop.put(contact, other_shop.whatsapp_label("Komplain"))
    html = client_of("cs", shop).get(page(contact)).content.decode()
    assert "Halo kak" in html
    assert "Rahasia tim lain" not in html
    assert "Complain" not in html
    assert "Rahasia tim lain" in client_of("owner").get(page(contact)).content.decode()


def test_the_chat_names_a_type_that_is_not_known_and_a_message_that_waits(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    for minute, values in enumerate(
        ({"kind": "unknown", "wire_type": "hologram"}, {"kind": "unknown"}, {"kind": "waiting"})
    ):
        Message.objects.filter(pk=shop.say(contact, "", minute=minute).pk).update(**values)
    chat = section(client_of("cs", shop).get(page(contact)), "chat")
    assert "[a message of a type that labelcrm does not know (hologram)]" in chat
    assert "[a message of a type that labelcrm does not know]" in chat
    assert "[a message whose content has not come yet]" in chat


def test_the_chat_shows_the_latest_fifty_and_pages_back(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    for minute in range(120):
        shop.say(contact, f"pesan {minute}.", minute=minute, from_me=minute % 2 == 1)
    client = client_of("cs", shop)
    seen: list[str] = []
    query: dict[str, str] = {}
    while True:
        chat = client.get(page(contact), query).context["page"].chat
        seen = [message.text for message in chat.messages] + seen
        if not chat.older:
            break
        query = {"older": chat.older}
    assert seen == [f"pesan {minute}." for minute in range(120)]
    newer = client.get(page(contact), {"newer": chat.newer}).context["page"].chat
    assert newer.messages[0].text == "pesan 20."


def test_texts_of_strangers_are_never_markup(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="<script>alert(1)</script>")
    shop.say(contact, "<b onmouseover=alert(2)>hai</b>")
    Note.objects.create(contact=contact, text="<script>alert(3)</script>")
    html = client_of("cs", shop).get(page(contact)).content.decode()
    for evil in ("<script>alert", "<b onmouseover"):
        assert evil not in html


def test_the_first_and_the_last_of_several_touches_are_marked(client_of: ClientOf, shop: Shop) -> None:
    """What a person said is the first, whenever it was; one that is not the reader's to see may be the last."""
    contact, other = shop.contact(), ChannelFactory()
    touches = [("ad", shop.channel), ("manual", None), ("ad", shop.channel), ("ad", other)]
    for n, (method, channel) in enumerate(touches):
        campaign = CampaignFactory(name=f"Kampanye {n}")
        at = THEN + timedelta(days=n)
        CampaignTouch.objects.create(contact=contact, campaign=campaign, at=at, method=method, channel=channel)
    marked = {
        role: [
            (each.campaign.name[-1], each.is_first, each.is_last)
            for each in client_of(role, *shops).get(page(contact)).context["page"].touches
        ]
        for role, shops in (("owner", ()), ("cs_lead", (shop,)))
    }
    assert marked["owner"] == [("0", False, False), ("1", True, False), ("2", False, False), ("3", False, True)]
    assert marked["cs_lead"] == marked["owner"][:3]


def test_campaign_touches_are_listed(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    campaign = CampaignFactory(name="Promo Ramadan")
    CampaignTouch.objects.create(contact=contact, campaign=campaign, channel=shop.channel, at=THEN, method="keyword")
    assert "Promo Ramadan" in section(client_of("cs", shop).get(page(contact)), "campaigns")


# -- Writing ----------------------------------------------------------------------------------------------------------


def test_a_note_is_added_with_its_author(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    client = client_of("cs", shop)
    client.post(f"{page(contact)}notes/", {"text": "Minta dihubungi setelah gajian"})
    note = contact.notes.get()
    assert (note.text, note.author) == ("Minta dihubungi setelah gajian", client.user)  # type: ignore[attr-defined]
    assert AuditEntry.objects.filter(object_id=contact.pk, action="contact.note_added").exists()


def test_who_may_not_write_notes_is_told_and_nothing_is_written(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact()
    response = client_of("auditor").post(f"{page(contact)}notes/", {"text": "x"}, follow=True)
    assert "not write them" in response.content.decode()
    assert not contact.notes.exists()


def test_saving_changes_what_was_changed_and_leaves_an_audit_row(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    client = client_of("cs_lead", shop)
    form = {"name": "Siti A.", "assigned_to": shop.agent.pk, "follow_up_at": "2026-03-05T09:00", "opted_out": "on"}
    response = client.post(f"{page(contact)}change/", form)
    assert response["Location"] == page(contact)
    contact.refresh_from_db()
    assert (contact.name, contact.name_source, contact.assigned_to) == ("Siti A.", "person", shop.agent)
    assert contact.follow_up_at is not None
    assert contact.follow_up_at.isoformat() == "2026-03-05T02:00:00+00:00"
    assert contact.opted_out_at is not None
    assert Consent.objects.get(contact=contact).given is False
    assert AuditEntry.objects.filter(object_id=contact.pk, action="contact.changed").exists()


def test_a_follow_up_in_the_year_one_is_not_kept(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    form = {"name": "Siti", "follow_up_at": "0001-01-01T00:00"}
    client_of("cs_lead", shop).post(f"{page(contact)}change/", form)
    contact.refresh_from_db()  # what PostgreSQL kept of it could not be read any more
    assert contact.follow_up_at is None


def test_saving_nothing_new_writes_nothing(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    client_of("cs_lead", shop).post(f"{page(contact)}change/", {"name": "Siti"})
    assert not AuditEntry.objects.filter(object_id=contact.pk).exists()
    assert Contact.objects.get(pk=contact.pk).updated_at == THEN


def test_an_assignee_the_editor_cannot_see_survives_the_edit(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    contact = shop.contact(name="Siti", assigned_to=other_shop.agent)
    client = client_of("cs", shop)
    assert other_shop.agent.name in section(client.get(page(contact)), "edit")
    client.post(f"{page(contact)}change/", {"name": "Siti B", "assigned_to": other_shop.agent.pk})
    contact.refresh_from_db()
    assert (contact.name, contact.assigned_to) == ("Siti B", other_shop.agent)


def test_who_may_only_look_finds_no_form(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    client = client_of("auditor")
    response = client.get(page(contact))
    assert 'name="_save"' not in response.content.decode()
    assert client.post(f"{page(contact)}change/", {"name": "X"}).status_code == 403
    contact.refresh_from_db()
    assert contact.name == "Siti"


# -- Cost -------------------------------------------------------------------------------------------------------------


def test_the_page_needs_no_more_queries_however_much_happened(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(campaign=CampaignFactory())
    for number in range(12):
        row = shop.whatsapp_label(f"Label {number}", label="Grade A", external_id=f"x{number}")
        shop.put(contact, row, hours=number or None)
    for minute in range(60):
        shop.say(contact, "hai", minute=minute)
    client = client_of("cs_lead", shop)
    with CaptureQueriesContext(connection) as queries:
        client.get(page(contact))
    assert len(queries) <= 12, [query["sql"] for query in queries]


def test_who_only_reads_a_contact_is_shown_no_switch(client_of: ClientOf, shop: Shop) -> None:
    html = client_of("analyst", shop, language="id").get(page(shop.contact())).text
    assert "Opted out" not in html
    assert "opted_out" not in html
