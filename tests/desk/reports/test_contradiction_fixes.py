"""What the buttons of the list of contradictions do, the rules people edit, and the history of fixes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.models import Contact
from labelcrm.core.models import AuditEntry
from labels.models import ContradictionFlag, ContradictionRule, Label, LabelAssignment
from labels.services.contradictions import flag_contradictions
from tests.crm_labels import label_in_the_crm
from tests.desk.conftest import Shop
from tests.factories import THEN

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
LIST = "/admin/reports/contradictions/"
ACT = f"{LIST}act/"
HISTORY = "/admin/labels/contradictionflag/"
RULES = "/admin/labels/contradictionrule/"


def graded_twice(shop: Shop, name: str = "Ibu Ratna") -> Contact:
    contact = shop.contact(name=name)
    for label in ("Grade A", "Grade B"):
        label_in_the_crm(contact, timezone.now(), label)
    return contact


def key(contact: Contact) -> str:
    return f"{contact.pk}-{ContradictionRule.objects.get(kind='exclusive').pk}-grade"


def on(contact: Contact) -> list[str]:
    found = LabelAssignment.objects.filter(contact=contact, removed_at__isnull=True)
    return sorted(found.values_list("label__name", flat=True))


def test_one_click_takes_the_proposed_label_off(client_of: ClientOf, shop: Shop) -> None:
    contact, client = graded_twice(shop), client_of("owner")
    html = client.get(LIST).content.decode()
    assert "Take “Grade A” off" in html
    answer = client.post(f"{ACT}?rule=exclusive", {"one": f"fix~{key(contact)}~"}, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?rule=exclusive", 302)]
    assert "Taken off: “Grade A”." in answer.content.decode()
    assert (on(contact), list(answer.context["lines"])) == (["Grade B"], [])


def test_a_label_of_whatsapp_is_to_be_taken_off_there(client_of: ClientOf, shop: Shop) -> None:
    """A team's report leaves out what exists in the CRM alone, so it is read by who sees everything."""
    contact, lead = graded_twice(shop), client_of("owner")
    LabelAssignment.objects.filter(contact=contact).update(channel=shop.channel)
    assert f"take “Grade A” off on {shop.channel.name}" in lead.get(LIST).content.decode()
    lead.post(ACT, {"one": f"fix~{key(contact)}~{Label.objects.get(name='Grade A').pk}"})
    assert ContradictionFlag.objects.get().awaited == Label.objects.get(name="Grade A")
    html = lead.get(LIST).content.decode()
    assert "1 waits for WhatsApp" in html
    assert "Stop waiting" in html
    assert lead.get(HISTORY, {"state": "waiting"}).content.decode().count("Ibu Ratna") >= 1
    lead.post(ACT, {"one": f"back~{key(contact)}~"})
    assert ContradictionFlag.objects.get().awaited is None


def test_what_is_ticked_is_done_at_once_and_each_by_itself(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    ours, gone, theirs = graded_twice(shop), graded_twice(shop), graded_twice(other_shop)
    LabelAssignment.objects.filter(contact=gone, label__name="Grade A").update(removed_at=timezone.now())
    client = client_of("cs_lead", shop)
    answer = client.post(ACT, {"do": "keep", "finding": [key(ours), key(theirs)], "reason": "two orders"}, follow=True)
    assert "Both are right" in answer.content.decode()
    assert list(ContradictionFlag.objects.filter(closed_reason="right").values_list("contact", "remark")) == [
        (ours.pk, "two orders")
    ]
    assert AuditEntry.objects.filter(action="contradiction.right").count() == 1


@pytest.mark.parametrize(
    "fields",
    [{}, {"do": "drop"}, {"one": "drop~1-1-~"}],
)
def test_what_is_no_button_is_refused(client_of: ClientOf, shop: Shop, fields: dict[str, Any]) -> None:
    assert client_of("cs_lead", shop).post(ACT, fields).status_code == 400


@pytest.mark.parametrize("finding", ["", "x", "1", "1-1", "99999999999999999999-1-", "-1--1-"])
def test_a_damaged_finding_does_nothing(client_of: ClientOf, shop: Shop, finding: str) -> None:
    answer = client_of("cs_lead", shop).post(ACT, {"do": "fix", "finding": finding})
    assert (answer.status_code, ContradictionFlag.objects.count()) == (302, 0)


def test_who_may_not_fix_sees_no_button_and_is_refused(client_of: ClientOf, shop: Shop) -> None:
    contact, client = graded_twice(shop), client_of("analyst")
    assert "Take “Grade A” off" not in client.get(LIST).content.decode()
    assert client.post(ACT, {"do": "fix", "finding": key(contact)}).status_code == 403
    assert client.get(ACT).status_code == 405


# -- Rules and history ------------------------------------------------------------------------------------------------


def test_a_pair_is_added_and_a_rule_switched_off_in_the_admin(client_of: ClientOf, shop: Shop) -> None:
    contact, client = graded_twice(shop), client_of("owner")
    hot, grade = Label.objects.get(name="Prospek panas"), Label.objects.get(name="Grade B")
    label_in_the_crm(contact, timezone.now(), "Prospek panas")
    fields = {"name": "", "name_en": "", "label": hot.pk, "other": grade.pk, "active": "on", "position": 5}
    assert client.post(f"{RULES}add/", fields).status_code == 302
    assert sorted(line.row.rule for line in client.get(LIST).context["lines"]) == ["exclusive", "pair"]
    rule = ContradictionRule.objects.get(kind="exclusive")
    client.post(f"{RULES}{rule.pk}/change/", {"name": "", "name_en": "", "position": 1})
    assert [line.row.rule for line in client.get(LIST).context["lines"]] == ["pair"]
    assert AuditEntry.objects.filter(action="contradictionrule.changed").exists()


def test_a_rule_counts_the_contacts_that_its_reader_sees(client_of: ClientOf, shop: Shop, other_shop: Shop) -> None:
    rule = ContradictionRule.objects.get(kind="exclusive")
    for name in ("Ibu Ratna", "Ibu Sari"):
        contact = other_shop.contact(name=name)
        ContradictionFlag.objects.create(contact=contact, rule=rule, labels=[], since=THEN, flagged_at=THEN)

    def counted(client: Client) -> int:
        return client.get(RULES).context["cl"].result_list.get(pk=rule.pk).open_flags

    assert counted(client_of("cs", shop)) == 0
    assert counted(client_of("cs_lead", other_shop)) == counted(client_of("owner")) == 2


def test_a_pair_that_a_group_forbids_is_refused_in_words(client_of: ClientOf, shop: Shop) -> None:
    pair = [Label.objects.get(name=name).pk for name in ("Grade A", "Grade B")]
    fields = {"name": "", "name_en": "", "label": pair[0], "other": pair[1], "active": "on", "position": 5}
    answer = client_of("owner").post(f"{RULES}add/", fields, follow=True)
    assert "exclude each other already" in answer.content.decode()


def test_the_history_says_who_when_and_how_and_costs_the_same(
    client_of: ClientOf, shop: Shop, other_shop: Shop
) -> None:
    client = client_of("cs_lead", shop)
    graded_twice(other_shop, "Bukan kami")

    def settle() -> None:
        contact = graded_twice(shop)
        client.post(ACT, {"do": "keep", "finding": key(contact), "reason": "two orders"})

    settle()
    flag_contradictions(timezone.now())
    with CaptureQueriesContext(connection) as few:
        html = client.get(HISTORY).content.decode()
    for words in ("Ibu Ratna", "Both are right", "two orders", "page of contradictions"):
        assert words.casefold() in html.casefold()
    assert "Bukan kami" not in client.get(f"{HISTORY}?state=waiting").content.decode() + html
    for _ in range(3):
        settle()
    with CaptureQueriesContext(connection) as many:
        client.get(HISTORY)
    assert len(many) <= len(few)


def test_colours_against_the_convention_have_a_block_of_their_own(client_of: ClientOf, shop: Shop) -> None:
    row = shop.whatsapp_label("Beres", label="Selesai")
    row.color = 0
    row.save()
    html = client_of("cs_lead", shop).get(LIST).content.decode()
    assert "“Beres” on" in html
    assert "the colour of Support" in html


def test_what_was_settled_has_a_name_of_its_own(client_of: ClientOf, shop: Shop) -> None:
    html = client_of("cs_lead", shop).get(HISTORY).content.decode()
    assert "Settled ones | labelcrm" in html
    assert re.findall(r'class="lc-crumb[^>]*>(.*?)<', html)[-2:] == ["Contradictions", "Settled ones"]
