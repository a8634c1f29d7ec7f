"""Who came by an ad and got a first good label becomes a conversion, once, whatever comes late or twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts import jobs as contact_jobs
from contacts.models import CampaignRule, CampaignTouch, Contact
from labelcrm.core.models import JobRun
from labels.models import CleanSpell, Label, LabelAssignment
from labels.services import merging, rebuilding
from tests.factories import THEN, CampaignFactory
from tests.transfer.conversions.ads import NOW, AdShop, at, conversions, ctwa, look
from tests.work import do_work
from transfer.conversions import conversion_jobs
from transfer.conversions.models import (
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    ConversionValue,
    DeliveryState,
    Target,
)

pytestmark = pytest.mark.django_db
LEAD, PURCHASE = "qualified_lead", "purchase"


def delivered(conversion: Conversion) -> None:
    ConversionDelivery.objects.create(
        conversion=conversion, target=Target.META, state=DeliveryState.DONE, created_at=NOW
    )


# -- What becomes one -------------------------------------------------------------------------------------------------


def test_the_first_good_label_after_an_ad_is_a_lead_and_done_is_a_purchase(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Hot prospect", 2)
    shop.labelled(budi, "Grade A", 3)
    shop.labelled(budi, "Done", 4)
    look()
    assert conversions() == [(budi.pk, LEAD, at(2)), (budi.pk, PURCHASE, at(4))]
    lead = Conversion.objects.get(event__code=LEAD)
    assert (lead.network, lead.click_id, lead.ad_id) == ("meta", ctwa()["click_id"], ctwa()["source_id"])
    assert (lead.touch, lead.touch_at, lead.touch_method) == (CampaignTouch.objects.get(), at(0), "ad")
    assert (lead.label.name, lead.channel, lead.found) == (shop.label("Hot prospect").name, shop.channel, False)


def test_nobody_becomes_one_without_an_ad_or_without_a_label_that_counts(shop: AdShop) -> None:
    organic, cold, early = shop.comes(0), shop.comes(0, **ctwa()), shop.contact()
    shop.labelled(organic, "Grade A", 2)
    shop.labelled(cold, "Cold prospect", 2)
    shop.labelled(early, "Grade A", -2)
    shop.comes(0, contact=early, **ctwa())
    look()
    assert conversions() == [], "the last one was a good lead before any ad brought them"


def test_the_latest_ad_up_to_the_label_is_the_one(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa(1))
    shop.comes(2, contact=budi, **ctwa(2))
    shop.labelled(budi, "Grade A", 3)
    shop.comes(4, contact=budi, **ctwa(3))
    look()
    assert Conversion.objects.get().click_id == ctwa(2)["click_id"]


@pytest.mark.parametrize(
    ("text", "ad", "found"),
    [
        ("Halo, saya dari web. gclid=Cj0KCQiA-abc_DEF-123456", {}, ("google", "Cj0KCQiA-abc_DEF-123456")),
        ("Halo [gclid: Cj0KCQiA-abc_DEF]", {}, ("google", "Cj0KCQiA-abc_DEF")),
        ("Halo", {"source_url": "https://toko.id/?a=1&gclid=Cj0KCQiA-abc_DEF&b=2"}, ("google", "Cj0KCQiA-abc_DEF")),
        ("Halo", {"ref": "gclid=Cj0KCQiA-abc_DEF"}, ("google", "Cj0KCQiA-abc_DEF")),
        ("Halo", {"source_id": "1200", "click_id": "=cmd|'/c calc'!A1"}, ("meta", "")),
        ("Halo", {"source_id": "1200"}, ("meta", "")),
    ],
)
def test_click_ids_are_read_where_they_stand(shop: AdShop, text: str, ad: dict[str, str], found: Any) -> None:
    budi = shop.comes(0, text=text, **ad)
    shop.labelled(budi, "Grade A", 2)
    look()
    row = Conversion.objects.get()
    assert (row.network, row.click_id) == found


def test_a_word_like_gclid_is_no_click(shop: AdShop) -> None:
    for text in ("gclid", "gclid=abc", "xgclid=Cj0KCQiA-abc_DEF"):
        shop.labelled(shop.comes(0, text=text), "Grade A", 2)
    look()
    assert conversions() == []


# -- Mistaps, found labels and late events ----------------------------------------------------------------------------


def test_a_mistap_is_none_and_the_next_label_is_the_first(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 1, until=1 + 1 / 60)
    look()
    assert conversions() == []
    shop.labelled(budi, "Hot prospect", 5)
    look()
    assert conversions() == [(budi.pk, LEAD, at(5))]


def test_a_label_waits_until_it_can_be_no_mistap_any_more(shop: AdShop) -> None:
    shop.labelled(shop.comes(0, **ctwa()), "Grade A", 1)
    look(at(1) + timedelta(minutes=15))
    assert conversions() == []
    look(at(1) + timedelta(minutes=15, seconds=1))
    assert len(conversions()) == 1


def test_a_longer_limit_for_mistaps_makes_labels_wait_longer(shop: AdShop, settings: Any) -> None:
    settings.MISTAP_SECONDS = 3600
    shop.labelled(shop.comes(0, **ctwa()), "Grade A", 1)
    look(at(1) + timedelta(minutes=59))
    assert conversions() == []


def test_a_removal_that_comes_late_takes_back_what_went_nowhere(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 1)
    look()
    assert len(conversions()) == 1
    shop.now = at(1) + timedelta(minutes=1) - timedelta(hours=1)
    shop.take_off(budi, "Grade A")
    assert look().dropped == 1
    assert conversions() == []


def test_what_was_told_stays_as_it_was(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 2)
    look()
    delivered(Conversion.objects.get())
    shop.now = at(2) + timedelta(minutes=1) - timedelta(hours=1)
    shop.take_off(budi, "Grade A")
    shop.labelled(budi, "Hot prospect", 1)
    assert (look().written, look().dropped) == (0, 0)
    assert conversions() == [(budi.pk, LEAD, at(2))]


def test_an_earlier_label_that_comes_late_moves_what_went_nowhere(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 3)
    look()
    shop.labelled(budi, "Hot prospect", 2)
    look()
    assert conversions() == [(budi.pk, LEAD, at(2))]


def test_a_found_label_is_held_and_no_later_one_is_the_first(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 2)
    LabelAssignment.objects.update(origin="reconcile")
    rebuilding.projections.refresh([budi.pk])
    shop.labelled(budi, "Hot prospect", 5)
    look()
    row = Conversion.objects.with_state().get()
    assert (row.found, row.occurred_at, row.state) == (True, at(2), "held")


# -- Merges, archives, replays ----------------------------------------------------------------------------------------


def merge(survivor: Contact, merged: Contact) -> Any:
    return merging.merge(survivor_id=survivor.pk, merged_id=merged.pk, reason="manual", actor=None)


def test_two_who_become_one_have_one_conversion_the_earlier(shop: AdShop) -> None:
    one, other = shop.comes(0, **ctwa(1)), shop.comes(0, **ctwa(2))
    shop.labelled(one, "Grade A", 3)
    shop.labelled(other, "Grade A", 2)
    look()
    record = merge(one, other)
    look()
    assert conversions() == [(one.pk, LEAD, at(2))]
    merging.unmerge(record=record, actor=None)
    look()
    assert conversions() == [(one.pk, LEAD, at(3)), (other.pk, LEAD, at(2))]


def test_what_a_merged_contact_had_told_is_not_told_again(shop: AdShop) -> None:
    one, other = shop.comes(0, **ctwa(1)), shop.comes(0, **ctwa(2))
    shop.labelled(other, "Grade A", 2)
    look()
    delivered(Conversion.objects.get())
    merge(one, other)
    shop.labelled(one, "Hot prospect", 5)
    look()
    assert conversions() == [(other.pk, LEAD, at(2))]


def test_an_archived_contact_has_none_that_could_go_anywhere(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 2)
    look()
    Contact.objects.filter(pk=budi.pk).update(deleted_at=NOW)
    rebuilding.projections.refresh([budi.pk])
    look()
    assert conversions() == []


def test_nothing_comes_twice_by_a_replay_or_a_rebuild(shop: AdShop) -> None:
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 2)
    look()
    before = list(Conversion.objects.values_list("pk", "occurred_at", "click_id"))
    CleanSpell.objects.all().delete()
    rebuilding.rebuild(write=True)
    campaign = CampaignFactory()
    CampaignRule.objects.create(campaign=campaign, kind="ad", pattern=ctwa()["source_id"])
    contact_jobs.replay(actor=None)
    do_work()
    look()
    assert list(Conversion.objects.values_list("pk", "occurred_at", "click_id")) == before
    assert Conversion.objects.get().campaign == campaign, "the campaign that claims the ad now"


def test_a_touch_that_is_taken_back_holds_nobody_up(shop: AdShop) -> None:
    """A message that comes late moves the touch by words in one statement, whatever points to it."""
    CampaignRule.objects.create(campaign=CampaignFactory(), kind="keyword", pattern="web")
    budi = shop.comes(5, text="Halo dari web gclid=Cj0KCQiA-abc_DEF")
    shop.labelled(budi, "Grade A", 6)
    look()
    told = Conversion.objects.get()
    assert told.touch_id == CampaignTouch.objects.get().pk
    shop.comes(1, contact=budi, text="Halo")
    connection.check_constraints()
    assert not CampaignTouch.objects.exists()
    assert look().dropped == 1, "what brought them was another message, without a click"


# -- Settings ---------------------------------------------------------------------------------------------------------


def event(code: str = LEAD) -> ConversionEvent:
    return ConversionEvent.objects.get(code=code)


def test_a_value_is_the_campaigns_before_the_labels_before_the_events(shop: AdShop) -> None:
    campaign = CampaignFactory()
    CampaignRule.objects.create(campaign=campaign, kind="ad", pattern=ctwa(1)["source_id"])
    people = [shop.comes(0, **ctwa(n)) for n in (1, 2, 3)]
    for contact, label in zip(people, ("Grade A", "Grade A", "Hot prospect"), strict=True):
        shop.labelled(contact, label, 2)
    ConversionEvent.objects.filter(code=LEAD).update(value=10_000)
    ConversionValue.objects.create(event=event(), label=shop.label("Grade A"), value=20_000)
    ConversionValue.objects.create(event=event(), campaign=campaign, value=30_000)
    look()
    assert [row.value for row in Conversion.objects.order_by("contact_id")] == [30_000, 20_000, 10_000]


def test_an_amount_by_hand_stays_and_other_values_follow_the_settings(shop: AdShop) -> None:
    for n in (1, 2):
        shop.labelled(shop.comes(0, **ctwa(n)), "Grade A", 2)
    look()
    first, _second = Conversion.objects.order_by("contact_id")
    Conversion.objects.filter(pk=first.pk).update(value=5, value_by_hand=True)
    ConversionEvent.objects.filter(code=LEAD).update(value=Decimal(10_000))
    assert look().written == 1
    assert list(Conversion.objects.order_by("contact_id").values_list("value", flat=True)) == [5, 10_000]


def test_chosen_labels_a_first_day_and_switching_off_are_obeyed(shop: AdShop) -> None:
    early, late = shop.comes(0, **ctwa(1)), shop.comes(0, **ctwa(2))
    shop.labelled(early, "Cold prospect", 1)
    shop.labelled(late, "Cold prospect", 30)
    row = event()
    row.basis = ConversionEvent.LabelChoice.LABELS
    row.since = THEN.date() + timedelta(days=1)
    row.save()
    row.labels.add(shop.label("Cold prospect"))
    look()
    assert [contact for contact, *_ in conversions()] == [late.pk]
    ConversionEvent.objects.update(active=False)
    assert look().dropped == 0, "what there is stays, and goes nowhere"
    assert Conversion.objects.with_state().get().state == "held"


# -- By the clock -----------------------------------------------------------------------------------------------------


def test_a_second_look_writes_nothing(shop: AdShop) -> None:
    shop.labelled(shop.comes(0, **ctwa()), "Grade A", 2)
    assert look().written == 1
    second = look(NOW + timedelta(hours=1))
    assert (second.written, second.dropped) == (0, 0)


def test_everybody_is_looked_at_once_a_day_and_changes_between(shop: AdShop) -> None:
    conversion_jobs.collect_now(NOW)
    assert JobRun.objects.get(job=conversion_jobs.COLLECT).ok
    budi = shop.comes(0, **ctwa())
    shop.labelled(budi, "Grade A", 2)
    conversion_jobs.collect_now(NOW + timedelta(minutes=30))
    assert [contact for contact, *_ in conversions()] == [budi.pk]
    assert JobRun.objects.filter(job=conversion_jobs.COLLECT).count() == 1


def test_a_look_costs_the_same_queries_for_one_and_for_many(shop: AdShop) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            look()
        return len(seen)

    shop.labelled(shop.comes(0, **ctwa(1)), "Grade A", 2)
    few = queries()
    for n in range(2, 9):
        shop.labelled(shop.comes(0, **ctwa(n)), "Grade A", 2)
    assert queries() == few


# -- Brute force ------------------------------------------------------------------------------------------------------


def expected(now: Any) -> Iterator[tuple[int, str, Any]]:
    """Contact by contact, from the records: the first interval that is no mistap, and an ad before it."""
    settled = now - timedelta(minutes=15)
    kinds = {LEAD: {"hot", "grade"}, PURCHASE: {"won"}}
    for contact in Contact.objects.order_by("pk"):
        for code, meanings in kinds.items():
            rows = LabelAssignment.objects.filter(contact=contact, label__meaning__in=meanings).order_by(
                "added_at", "id"
            )
            counted = [row for row in rows if row.label.high_quality or code == PURCHASE]
            good = [
                row
                for row in counted
                if not (row.removed_at and row.removed_at - row.added_at <= timedelta(seconds=120))
            ]
            if good and good[0].added_at < settled and contact.touches.filter(at__lte=good[0].added_at).exists():
                yield contact.pk, code, good[0].added_at


@pytest.mark.parametrize("seed", range(2))
def test_what_is_found_is_what_a_slow_look_at_the_records_finds(shop: AdShop, seed: int) -> None:
    """Labels far apart, so that no two short pieces are one: that is `labels.rules.spells`' business."""
    chance = random.Random(seed)
    people = [shop.comes(chance.randint(0, 30), **(ctwa(n) if chance.random() < 0.7 else {})) for n in range(8)]
    told: dict[tuple[int, str], int] = {}
    for _ in range(25):
        contact, name = (
            chance.choice(people),
            chance.choice(["Grade A", "Hot prospect", "Done", "Cold prospect", "Grade B"]),
        )
        start = told.get((contact.pk, name), chance.randint(-10, 20)) + chance.randint(3, 9)
        told[contact.pk, name] = start + 2
        until = chance.choice([None, start + 1 / 60, start + 1])
        if until is None:
            told[contact.pk, name] = 10_000
        if start < 200:
            shop.labelled(contact, name, start, until=until)
        if chance.random() < 0.2:
            look(at(chance.randint(0, 60)))
    now = at(chance.randint(20, 60))
    Conversion.objects.all().delete() if chance.random() < 0.3 else None
    look(now)
    assert conversions() == list(expected(now))
    assert Label.objects.filter(high_quality=True).exists()
