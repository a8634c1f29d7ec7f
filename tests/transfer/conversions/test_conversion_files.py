"""A file of conversions is for whom it is meant, each conversion in it once, and nobody in it who opted out."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client

from contacts.models import Contact, ContactChannel
from contacts.selectors.viewing import viewer_of
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import AuditEntry, Job, JobFile
from labels.services import merging
from tests.factories import ChannelFactory, TeamFactory, UserFactory
from tests.transfer.conversions.ads import NOW, AdShop, ctwa, look
from tests.transfer.opting_out import somebody_opts_out
from tests.work import do_work
from transfer import pieces
from transfer.conversions import conversion_files, conversion_jobs
from transfer.conversions.models import Conversion, ConversionDelivery, ConversionEvent, ConversionFile, Target
from transfer.conversions.targets import TargetCounts, counts

pytestmark = pytest.mark.django_db
GCLID = "Cj0KCQiA-abc_DEF-123456"


@pytest.fixture(autouse=True)
def _three_a_piece(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(conversion_files, "CHUNK", 3)
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def ten(shop: AdShop) -> list[Contact]:
    """Ten people who came by Meta's ads and are good leads."""
    people = [shop.comes(0, **ctwa(n)) for n in range(10)]
    for contact in people:
        shop.labelled(contact, "Grade A", 2)
    look()
    return people


def start(user: Any, target: Target = Target.META, *, again: bool = False) -> ConversionFile:
    return conversion_jobs.make_file(target, owner=user, again=again)


def done(file: ConversionFile) -> ConversionFile:
    do_work()
    file.refresh_from_db()
    job = Job.objects.get(pk=file.job_id)
    assert job.state == Job.State.DONE, (job.state, job.error)
    return file


def body(file: ConversionFile) -> bytes:
    file = ConversionFile.objects.select_related("job").get(pk=file.pk)
    answer: Any = Client().get(conversion_jobs.file_link(file))
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def lines(file: ConversionFile) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body(file).decode(), newline="")))


def people_in(file: ConversionFile) -> list[int]:
    """The contacts of a Meta file, by the ids of their clicks."""
    clicks = dict(Conversion.objects.values_list("click_id", "contact_id"))
    return [clicks[line[-1]] for line in lines(file)[1:]]


def steps(file: ConversionFile, count: int) -> None:
    for _ in range(count):
        core_jobs.run(file.job_id or 0, seconds=0)


# -- What is in it ----------------------------------------------------------------------------------------------------


def test_a_file_for_meta_says_what_meta_asks_for(shop: AdShop, marketer: Any) -> None:
    budi = shop.comes(0, contact=shop.contact(phone="+6281290001111"), **ctwa())
    shop.labelled(budi, "Done", 2)
    ConversionEvent.objects.filter(code="purchase").update(value=150_000)
    look()
    number = hashlib.sha256(b"6281290001111").hexdigest()
    assert lines(done(start(marketer))) == [
        ["event_name", "event_time", "value", "currency", "phone", "order_id", "ctwa_clid"],
        [
            "Purchase", "2026-03-02T12:00:00+07:00", "150000", "IDR", number,
            f"labelcrm-{Conversion.objects.get().pk}", ctwa()["click_id"],
        ],
    ]  # fmt: skip


def test_files_for_google_have_click_ids_or_hashed_numbers_and_a_zone(shop: AdShop, marketer: Any) -> None:
    by_google = shop.comes(0, contact=shop.contact(phone="+6281290001111"), text=f"Halo gclid={GCLID}")
    by_meta = shop.comes(0, contact=shop.contact(phone="+6281290002222"), **ctwa())
    for contact in (by_google, by_meta):
        shop.labelled(contact, "Grade A", 2)
    ConversionEvent.objects.filter(code="qualified_lead").update(google_name="=Prospek", value=5000)
    look()
    rest = ["'=Prospek", "2026-03-02 12:00:00+0700", "5000", "IDR"]
    heads = ["Conversion Name", "Conversion Time", "Conversion Value", "Conversion Currency"]
    assert lines(done(start(marketer, Target.GOOGLE))) == [
        ["Parameters:TimeZone=Asia/Jakarta"], ["Google Click ID", *heads], [GCLID, *rest],
    ]  # fmt: skip
    first, second = Conversion.objects.order_by("pk")
    one, other = (hashlib.sha256(number).hexdigest() for number in (b"+6281290001111", b"+6281290002222"))
    assert lines(done(start(marketer, Target.GOOGLE_LEADS))) == [
        ["Parameters:TimeZone=Asia/Jakarta"], ["Phone Number", *heads, "Order ID", "Google Click ID"],
        [one, *rest, first.key, GCLID], [other, *rest, second.key, ""],
    ]  # fmt: skip


def test_each_target_says_whom_it_cannot_have(shop: AdShop, marketer: Any) -> None:
    people = [shop.comes(0, **ctwa(n)) for n in range(3)]
    people += [shop.comes(0, text=f"gclid={GCLID}"), shop.comes(0, source_id="12"), shop.comes(-24 * 90, **ctwa(7))]
    people.append(shop.comes(0, contact=shop.contact(phone="", lid="99"), **ctwa(8)))
    for contact in people:
        shop.labelled(contact, "Grade A", 2 if contact != people[5] else -24 * 80)
    shop.labelled(people[0], "Done", 4)
    look()
    Contact.objects.filter(pk=people[1].pk).update(opted_out_at=NOW)

    def of(target: Target) -> TargetCounts:
        return counts(Conversion.objects.all(), target, now=NOW)

    refused = {"opted_out": 1, "other_ad": 1, "no_phone": 1, "no_value": 1, "too_old": 1}
    assert of(Target.META) == TargetCounts(Target.META, 3, 0, refused)
    assert of(Target.GOOGLE) == TargetCounts(Target.GOOGLE, 1, 0, {"opted_out": 1, "other_ad": 6})
    leads = {"opted_out": 1, "no_phone": 1, "too_old": 1}
    assert of(Target.GOOGLE_LEADS) == TargetCounts(Target.GOOGLE_LEADS, 5, 0, leads)
    assert of(Target.META_API).refused["no_click"] == 1
    done(start(marketer))
    assert (of(Target.META).ready, of(Target.META).delivered) == (0, 3)


# -- Once -------------------------------------------------------------------------------------------------------------


def test_a_conversion_is_in_a_file_of_a_target_once_and_again_is_asked_for(ten: list[Contact], marketer: Any) -> None:
    first, second, other = (start(marketer, t) for t in (Target.META, Target.META, Target.GOOGLE_LEADS))
    assert [done(file).rows for file in (first, second, other)] == [10, 0, 10]
    assert done(start(marketer, again=True)).rows == 10
    assert sorted(ConversionDelivery.objects.filter(target=Target.META).values_list("round", flat=True)) == [
        *[0] * 10, *[1] * 10,
    ]  # fmt: skip
    assert {row.state for row in Conversion.objects.with_state()} == {"in_file"}


def test_a_file_has_its_hash_its_audit_row_and_a_link_for_a_week(ten: list[Contact], marketer: Any) -> None:
    file = done(start(marketer))
    assert hashlib.sha256(body(file)).hexdigest() == file.sha256
    entry = AuditEntry.objects.get(action="conversions.exported")
    assert entry.actor == marketer
    assert entry.details == {
        "file": file.pk, "target": "meta", "again": False, "sha256": file.sha256, "rows": 10,
    }  # fmt: skip
    Job.objects.update(finished_at=NOW - timedelta(days=8))
    assert conversion_jobs.file_link(ConversionFile.objects.select_related("job").get()) == ""


def test_a_cancelled_or_failed_file_gives_its_conversions_back(ten: list[Contact], marketer: Any) -> None:
    cancelled = start(marketer)
    steps(cancelled, 2)
    core_jobs.cancel(Job.objects.get(pk=cancelled.job_id), actor=marketer)
    do_work()
    assert ConversionDelivery.objects.count() == JobFile.objects.count() == 0
    failed = start(marketer)
    steps(failed, 2)
    marketer.groups.clear()
    do_work()
    assert Job.objects.get(pk=failed.job_id).error == "export_right_required"
    assert ConversionDelivery.objects.count() == JobFile.objects.count() == 0
    marketer.groups.add(Group.objects.get(name="marketing"))
    assert done(start(marketer)).rows == 10


# -- Whatever happens meanwhile ---------------------------------------------------------------------------------------


class Killer:
    """Kills whoever does the steps with these numbers, after all that they wrote, once each."""

    def __init__(self, step: Callable[[Job], Any], *numbers: int) -> None:
        self.step, self.numbers, self.calls = step, list(numbers), 0

    def __call__(self, job: Job) -> Any:
        self.calls += 1
        step = self.step(job)
        if self.calls in self.numbers:
            raise SystemExit
        return step


def test_killed_in_any_step_it_makes_the_same_bytes(
    ten: list[Contact], marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = body(done(start(marketer)))
    kind = conversion_jobs.KINDS[Target.META]
    killer = Killer(kind.step, 1, 3, 4, 6, 8)
    monkeypatch.setitem(core_jobs.KINDS, kind.name, replace(kind, step=killer))
    file, deaths = start(marketer, again=True), 0
    while Job.objects.filter(pk=file.job_id, state__in=core_jobs.UNFINISHED):
        Job.objects.filter(pk=file.job_id).update(leased_until=None)
        try:
            core_jobs.run(file.job_id or 0, seconds=600)
        except SystemExit:
            deaths += 1
    assert deaths == 5
    assert body(file) == undisturbed
    assert ConversionDelivery.objects.filter(file=file).count() == 10


def test_no_file_is_sealed_while_somebody_is_being_opted_out(
    ten: list[Contact], marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_PATIENCE", 0.01)
    file = start(marketer)
    with somebody_opts_out():
        steps(file, 10)
        job = Job.objects.get(pk=file.job_id)
        assert (job.state, job.progress) == (Job.State.RUNNING, 10)
    assert done(file).rows == 10


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_who_opts_out_while_it_is_made_is_in_no_file(ten: list[Contact], marketer: Any, after: int) -> None:
    file = start(marketer)
    steps(file, after)
    Contact.objects.filter(pk__in=[ten[0].pk, ten[9].pk]).update(opted_out_at=NOW)
    assert done(file).rows == 8
    assert people_in(file) == [contact.pk for contact in ten[1:9]]
    held = Conversion.objects.with_state().filter(contact__in=[ten[0], ten[9]])
    assert {row.state for row in held} == {"held"}


@pytest.mark.parametrize("after", [1, 5])
def test_who_is_archived_or_merged_while_it_is_made_is_in_no_file(
    ten: list[Contact], marketer: Any, after: int
) -> None:
    file = start(marketer)
    steps(file, after)
    Contact.objects.filter(pk=ten[2].pk).update(deleted_at=NOW)
    merging.merge(survivor_id=ten[3].pk, merged_id=ten[4].pk, reason="manual", actor=None)
    done(file)
    assert people_in(file) == [contact.pk for contact in ten if contact not in (ten[2], ten[4])]


def test_an_erased_contact_leaves_a_file_that_is_being_made(ten: list[Contact], marketer: Any) -> None:
    file = start(marketer)
    steps(file, 1)
    for contact in ten[3:]:
        contact.identities.all().delete()
        Conversion.objects.filter(contact=contact).delete()
    assert done(file).rows == 3


def test_a_file_holds_only_whom_its_owner_sees(ten: list[Contact], shop: AdShop) -> None:
    lead = UserFactory(role="cs_lead", language="en")
    assert done(start(lead)).rows == 0
    lead.teams.add(shop.channel.team)
    assert done(start(UserFactory._meta.model.objects.get(pk=lead.pk))).rows == 10


def test_conversions_are_seen_by_whoever_sees_the_contact_and_the_number(ten: list[Contact], shop: AdShop) -> None:
    mine, others = UserFactory(role="cs_lead", teams=[shop.channel.team]), UserFactory(role="cs_lead")
    assert Conversion.objects.visible_to(viewer_of(mine)).count() == 10
    assert Conversion.objects.visible_to(viewer_of(others)).count() == 0
    merging.merge(survivor_id=ten[0].pk, merged_id=ten[1].pk, reason="manual", actor=None)
    assert Conversion.objects.visible_to(viewer_of(mine)).count() == 10


def test_who_shares_a_contact_sees_no_conversion_by_a_label_on_anothers_number(
    ten: list[Contact], shop: AdShop
) -> None:
    other = ChannelFactory(team=TeamFactory(name="Service"))
    for contact in ten:
        ContactChannel.objects.create(contact=contact, channel=other, first_seen_at=NOW)
    theirs = Conversion.objects.get(contact=ten[0])
    theirs.channel = other
    theirs.save()
    lead, service = (
        UserFactory(role="cs_lead", teams=[shop.channel.team]),
        UserFactory(role="cs_lead", teams=[other.team]),
    )
    everything = Conversion.objects.all()
    assert set(everything.visible_to(viewer_of(lead))) == set(everything.exclude(pk=theirs.pk))
    assert set(everything.visible_to(viewer_of(service))) == {theirs}
    assert done(start(lead)).rows == 9
    client = Client()
    client.force_login(lead)
    assert sum(n for line in client.get("/admin/conversions/").context["sums"] for _event, n in line.cells) == 9
