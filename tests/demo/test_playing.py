"""The demo, posted to the real receiver: what was planted is what labelcrm finds."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from contacts.models import Agent, Campaign, CampaignTouch, Channel, Contact, Message
from demo import playing, second_looks
from demo.company import AFTER, COLD, COMPLAINT, HIGH, HOT, LOW, MIDDLE, NEW, WAITING
from labelcrm.core.models import Setting
from labels.models import (
    CleanSpell,
    ContradictionFlag,
    Label,
    LabelEvent,
    LabelSpell,
    LookSample,
    SampledGrade,
    SecondLook,
    StaleFlag,
)
from labels.services.contradictions import flag_contradictions
from labels.services.rebuilding import rebuild
from tests.demo.conftest import Played
from tests.factories import ChannelFactory, UserFactory
from webhooks.selectors import inbox_summary

pytestmark = pytest.mark.django_db

MEANING = {NEW: "Pertanyaan baru", HOT: "Prospek panas", HIGH: "Grade A", MIDDLE: "Grade B", LOW: "Grade C",
           COLD: "Prospek dingin", WAITING: "Menunggu pembayaran", AFTER: "Purna jual",
           COMPLAINT: "Komplain"}  # fmt: skip


def test_every_post_is_stored_and_understood_and_everything_planted_is_found(played: Played) -> None:
    planted = played.manifest
    assert played.answers == {202: planted.posts}
    summary = inbox_summary()
    assert (summary["pending"], summary["parked"], summary["ignored"]) == (0, 0, planted.ignored)

    assert Contact.objects.count() == planted.contacts
    assert Message.objects.count() == planted.messages
    kinds = [LabelEvent.objects.filter(kind=kind).count() for kind in ("add", "remove")]
    assert kinds == [planted.adds, planted.removes]
    assert not LabelEvent.objects.filter(capped=True).exists()
    assert not LabelEvent.objects.filter(occurred_at_source="received").exists()

    stale = {(phone(flag.contact), flag.label.name) for flag in StaleFlag.objects.select_related("contact", "label")}
    assert stale == {(whom, MEANING[use]) for whom, use in planted.stale}
    assert played.stale.open == len(planted.stale) > 0
    flag_contradictions(timezone.now())
    contradicting = {phone(flag.contact) for flag in ContradictionFlag.objects.select_related("contact")}
    assert contradicting
    assert contradicting == set(planted.contradicting)

    assert {phone(spell.contact) for spell in LabelSpell.objects.filter(found=True)} == set(planted.found)
    assert LabelSpell.objects.filter(mistap=True).count() == len(planted.mistaps)
    unlabelled = Contact.objects.filter(first_inbound_at__isnull=False).exclude(
        id__in=CleanSpell.objects.values("contact")
    )
    assert set(planted.never_labelled) <= {phone(contact) for contact in unlabelled}

    assert {phone(contact) for contact in Contact.objects.filter(opted_out_at__isnull=False)} == set(planted.opted_out)
    assert len(planted.opted_out) == 1

    for code, count in planted.contacts_by_campaign.items():
        assert Contact.objects.filter(campaign__code=code).count() == count
    assert CampaignTouch.objects.filter(campaign=None).exists(), "an ad that no campaign claims yet"

    before, after = (set(_openers(code)) for code in ("agus", "putri"))
    handover = playing.datetime.fromisoformat(planted.handover["at"])
    assert max(before) < handover <= min(after)
    assert rebuild(write=False) == 0


def phone(contact: Contact) -> str:
    return contact.phone.removeprefix("+")


def _openers(agent: str) -> list:
    return list(LabelEvent.objects.filter(actor_agent__code=agent).values_list("occurred_at", flat=True))


def test_numbers_call_one_meaning_by_many_names(played: Played) -> None:
    names = set(Label.objects.get(name="Grade A").channel_labels.values_list("name", flat=True))
    assert names == {"Grade A", "GRADE-A 🔥", "grade a"}
    assert set(Label.objects.get(name="Prospek panas").channel_labels.values_list("name", flat=True)) == {
        "Hot",
        "panas",
    }


def test_the_demo_is_set_up_once(played: Played) -> None:
    stamp = Setting.objects.get(key=playing.STAMP).value
    assert playing.begin(seed=7, contacts=5) == stamp
    assert (Channel.objects.count(), Agent.objects.count(), Campaign.objects.count()) == (5, 6, 4)
    playing.finish(played.manifest)
    assert playing.play(url="http://127.0.0.1:1", say=print) is None
    assert Setting.objects.get(key=playing.STAMP).value["manifest"]["contacts"] == played.manifest.contacts


def test_the_demo_is_never_played_among_channels_of_somebody_s_own() -> None:
    ChannelFactory()
    with pytest.raises(CommandError, match="channels of its own"):
        call_command("play_demo", url="http://127.0.0.1:1")
    assert not Setting.objects.exists()


def test_second_looks_are_planted_and_change_nothing_else(played: Played) -> None:
    UserFactory(is_superuser=True)
    before = (
        LabelEvent.objects.count(),
        CleanSpell.objects.count(),
        Message.objects.count(),
        StaleFlag.objects.count(),
    )
    looks = second_looks.plant(timezone.now(), seed=7)
    assert looks == SecondLook.objects.count() > 20
    weeks = LookSample.objects.values("week").distinct().count()
    assert weeks == second_looks.WEEKS
    agreed = sum(look.agrees for look in SecondLook.objects.select_related("grade"))
    assert 0 < agreed < looks
    assert SampledGrade.objects.filter(look=None).exists()
    after = (LabelEvent.objects.count(), CleanSpell.objects.count(), Message.objects.count(), StaleFlag.objects.count())
    assert after == before
