"""An import is taken back: what it changed and nobody changed since is as it was before."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone, translation

from contacts.models import Campaign, CampaignTouch, Consent, Contact, Note
from contacts.services.contacts import edit_contact
from contacts.services.importing import set_campaigns
from labelcrm.core import jobs as core_jobs
from labelcrm.core.models import AuditEntry, Job, JobFile
from labels.models import LabelAssignment, LabelEvent
from labels.services.rebuilding import rebuild
from tests.crm_labels import label_in_the_crm
from tests.factories import AgentFactory, CampaignFactory, ContactFactory, UserFactory
from tests.reports.test_figures import BUDI, SITI, rina
from tests.reports.world import day
from tests.transfer.test_export_job import killing, run_killed
from tests.transfer.test_exports import three
from tests.transfer.test_import_job import done, start, three_a_step
from tests.transfer.test_imports import numbered
from tests.webhooks.generic import Bridge
from tests.work import do_work
from transfer import import_job, import_undo, jobs
from transfer.job_files import PROBLEMS, link

__all__ = ["killing", "rina", "three", "three_a_step"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory(role="marketing", language="en")


def undo(job: Job, actor: Any) -> Job:
    with translation.override("en"):
        made = jobs.undo_import(job, actor=actor)
    assert made is not None
    return done(made)


def reasons(job: Job) -> dict[str, str]:
    answer: Any = Client().get(link(job, PROBLEMS))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return {row["Row in the file"]: row["Problem"] for row in csv.DictReader(io.StringIO(text, newline=""))}


def columns(contact: Contact) -> dict[str, Any]:
    contact.refresh_from_db()
    left_out = {"_state", "updated_at"}
    return {name: value for name, value in vars(contact).items() if name not in left_out and not name.startswith("_")}


def test_everything_that_a_file_changed_is_as_it_was(three: Bridge, user: Any) -> None:
    budi, siti = Contact.objects.get(phone=f"+{BUDI}"), Contact.objects.get(phone=f"+{SITI}")
    former, campaign = CampaignFactory(code="lama"), CampaignFactory(code="lebaran")
    rina, dewi = AgentFactory(code="rina2"), AgentFactory(code="dewi")
    set_campaigns([(siti, former)], actor=None, origin="test")
    Contact.objects.filter(pk=siti.pk).update(assigned_to=rina, follow_up_at=day(20))
    before = [columns(each) for each in (budi, siti)]
    labels = set(LabelAssignment.objects.filter(removed_at=None).values_list("contact", "label__name"))
    job = done(
        start(
            user,
            "phone,name,labels,cs,campaign,notes,opted out,follow up\n"
            f"{BUDI},Budi Santoso,Prospek panas,dewi,lebaran,Suka biru,yes,2026-12-31\n"
            f"{SITI},Siti Aminah,Grade A; Prospek dingin,dewi,lebaran,,yes,2026-12-31\n",
        )
    )
    assert job.result["changed"] == 2
    assert [columns(each)["campaign_id"] for each in (budi, siti)] == [campaign.pk, campaign.pk]
    assert {dewi.pk} == set(Contact.objects.filter(assigned_to__code="dewi").values_list("assigned_to", flat=True))
    assert undo(job, user).result == {"undone": 2, "kept": 0}
    assert [columns(each) for each in (budi, siti)] == before
    assert set(LabelAssignment.objects.filter(removed_at=None).values_list("contact", "label__name")) == labels
    assert not Note.objects.exists()
    assert CampaignTouch.objects.get().campaign == former
    assert list(Consent.objects.order_by("id").values_list("given", "source")) == [
        (False, "import"), (True, "import_undone"),
    ]  # fmt: skip
    assert rebuild(write=False) == 0
    entry = AuditEntry.objects.get(action="contacts.imported_undone")
    assert entry.details == {"job": job.pk, "undone": 2, "kept": 0}


def test_who_was_new_and_has_nothing_else_is_archived(user: Any) -> None:
    job = done(start(user, "phone,name,labels,notes\n081299990001,Dewi,Grade A,Suka biru\n081299990002,Tono,,\n"))
    assert undo(job, user).result == {"undone": 2, "kept": 0}
    assert not Contact.objects.exists()
    assert Contact.all_objects.count() == 2
    assert not LabelAssignment.objects.filter(removed_at=None).exists()
    assert AuditEntry.objects.filter(action="contact.archived").count() == 2


def test_a_corrected_file_brings_back_who_was_taken_back(user: Any) -> None:
    undo(done(start(user, "phone,name,labels\n081299990001,Dewi,Grade A\n081299990002,Tono,\n")), user)
    archived = ContactFactory(phone="+6281299990003", deleted_at=timezone.now())
    again = done(start(user, "phone,name,labels\n081299990001,Dewi S.,Grade A\n081299990003,X,\n"))
    assert again.result == {"created": 1, "changed": 0, "unchanged": 0, "failed": 1, "nothing": False}
    assert Contact.objects.get().name == "Dewi S."
    assert LabelAssignment.objects.filter(removed_at=None).count() == 1
    assert undo(again, user).result == {"undone": 1, "kept": 0}
    archived.refresh_from_db()
    assert archived.is_archived
    assert not Contact.objects.exists()
    assert rebuild(write=False) == 0


def test_who_was_new_and_is_known_otherwise_by_now_stays(three: Bridge, user: Any) -> None:
    numbers = [f"62812999900{n:02d}" for n in range(5)]
    rows = "".join(f"{number},X{place},Grade A\n" for place, number in enumerate(numbers))
    job = done(start(user, f"phone,name,labels\n{rows}"))
    people = [Contact.objects.get(phone=f"+{number}") for number in numbers]
    three.post("message", chat=numbers[0], name="A", at=day(5), message={"id": "m1", "text": "halo"})
    three.drain()
    label_in_the_crm(people[1], timezone.now(), name="Prospek panas")
    Note.objects.create(contact=people[2], text="Telepon Senin")
    edit_contact(people[3], actor=user, origin="test", name="Nama lain")
    undone = undo(job, user)
    assert undone.result == {"undone": 1, "kept": 4}
    assert reasons(undone) == {
        "2": "This contact has messages, and stays.",
        "3": "This contact has labels of others, and stays.",
        "4": "Somebody has written a note on this contact, which stays.",
        "5": "Somebody has changed it since; that stays.",
    }
    assert [Contact.all_objects.get(pk=person.pk).is_archived for person in people] == [False] * 4 + [True]
    on = LabelAssignment.objects.filter(contact__in=people, removed_at=None)
    assert list(on.values_list("contact", "label__name")) == [(people[1].pk, "Prospek panas")]


def test_what_somebody_changed_since_stays_and_the_rest_is_given_back(user: Any) -> None:
    contact = ContactFactory(phone="+6281299990001", name="Lama")
    job = done(start(user, "phone,name,follow up,opted out\n081299990001,Baru,2026-12-31,yes\n"))
    contact.refresh_from_db()
    edit_contact(contact, actor=user, origin="test", name="Benar")
    undone = undo(job, user)
    assert undone.result == {"undone": 0, "kept": 1}
    contact.refresh_from_db()
    assert (contact.name, contact.follow_up_at, contact.opted_out_at) == ("Benar", None, None)


def test_who_said_stop_since_stays_opted_out(user: Any) -> None:
    contact = ContactFactory(phone="+6281299990001")
    job = done(start(user, "phone,opted out\n081299990001,yes\n"))
    Consent.objects.create(contact=contact, given=False, at=timezone.now(), source="word")
    assert undo(job, user).result == {"undone": 0, "kept": 1}
    contact.refresh_from_db()
    assert contact.opted_out_at is not None


def test_a_merged_or_erased_contact_is_left_alone(user: Any) -> None:
    first, second = ContactFactory(phone="+6281299990001"), ContactFactory(phone="+6281299990002")
    job = done(start(user, "phone,name\n081299990001,A\n081299990002,B\n"))
    Contact.objects.filter(pk=second.pk).update(merged_into=first, deleted_at=timezone.now())
    Contact.all_objects.get(pk=second.pk)
    undone = undo(job, user)
    assert undone.result == {"undone": 1, "kept": 1}
    assert reasons(undone) == {"3": "This contact was merged with another one since."}


def test_it_can_be_taken_back_once_and_only_while_the_files_are_kept(user: Any) -> None:
    job = done(start(user, numbered(2)))
    assert import_undo.can_undo(job)
    undo(job, user)
    job.refresh_from_db()
    assert jobs.undo_import(job, actor=user) is None
    old = done(start(user, numbered(2, first=10)))
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - core_jobs.FILES_KEPT)
    old.refresh_from_db()
    assert not import_undo.can_undo(old)
    nothing = done(start(user, numbered(2, first=10)))
    assert not import_undo.can_undo(nothing)


def test_a_label_that_was_taken_off_since_is_not_taken_off_again(user: Any) -> None:
    job = done(start(user, "phone,labels\n081299990001,Grade A\n081299990002,Grade A\n"))
    again = done(start(user, "phone,labels\n081299990001,Prospek panas\n"))
    undo(again, user)
    undo(job, user)
    assert LabelEvent.objects.filter(kind="remove").count() == 3
    assert not LabelAssignment.objects.filter(removed_at=None).exists()


def test_killed_in_any_step_everything_is_taken_back_once(
    user: Any, three_a_step: None, killing: Callable[..., None]
) -> None:
    ContactFactory(phone="+6281300000004", name="Lama")
    job = done(start(user, numbered(10)))
    made = jobs.undo_import(job, actor=user)
    assert made is not None
    killing("import.undo", 1, 3)
    assert run_killed(made) == 2
    made.refresh_from_db()
    assert made.result == {"undone": 10, "kept": 0}
    assert list(Contact.objects.values_list("name", flat=True)) == ["Lama"]
    assert AuditEntry.objects.filter(action="contact.archived").count() == 9
    assert not JobFile.objects.exists()


# -- All or nothing ---------------------------------------------------------------------------------------------------


def whole(user: Any, text: str) -> Job:
    """A file that was looked at and is to be written all or not at all."""
    with translation.override("en"):
        looked = done(jobs.import_contacts(text.encode(), owner=user, dry_run=True))
        columns = {0: "phone", 1: "name"}
        return import_job.start_with_upload_of(
            looked, jobs.IMPORT_CONTACTS, owner=user, dry_run=False, columns=columns, whole=True
        )


def test_all_or_nothing_writes_all_where_every_row_is_right(user: Any, three_a_step: None) -> None:
    job = done(whole(user, numbered(7)))
    assert job.result == {"created": 7, "changed": 0, "unchanged": 0, "failed": 0, "nothing": False}
    assert Contact.objects.count() == 7


def test_all_or_nothing_writes_nothing_where_a_row_is_wrong(user: Any, three_a_step: None) -> None:
    job = done(whole(user, numbered(7) + "abc,X\n"))
    assert job.result == {"created": 0, "changed": 0, "unchanged": 0, "failed": 1, "nothing": True}
    assert not Contact.all_objects.exists()
    with translation.override("en"):
        assert "Nothing was written" in str(core_jobs.KINDS[job.kind].outcome(job))
    assert not import_undo.can_undo(job)


def test_all_or_nothing_takes_back_what_was_written_before_a_row_became_wrong(user: Any, three_a_step: None) -> None:
    known = ContactFactory(phone="+6281300000008", name="Lama")
    job = whole(user, numbered(9))
    for _step in range(5):  # the file is read, looked at, and its first three rows are written
        core_jobs.run(job.pk, seconds=0)
        job.refresh_from_db()
    assert Contact.objects.filter(name__startswith="Budi").count() == 3
    Contact.objects.filter(pk=known.pk).update(deleted_at=timezone.now())
    done(job)
    assert job.result["nothing"]
    assert (job.result["created"], job.result["failed"]) == (0, 1)
    assert not Contact.objects.exists()
    assert not AuditEntry.objects.filter(action="contacts.imported").exists()


# -- What fails for good ----------------------------------------------------------------------------------------------


def test_an_import_that_failed_for_good_leaves_its_audit_row(user: Any, three_a_step: None) -> None:
    job = start(user, numbered(10))
    for _step in range(3):
        core_jobs.run(job.pk, seconds=0)
    user.groups.get().permissions.remove(Permission.objects.get(codename="add_contact"))
    do_work()
    job.refresh_from_db()
    assert (job.state, Contact.objects.count()) == ("failed", 6)
    entry = AuditEntry.objects.get(action="contacts.imported")
    assert entry.details == {
        "format": "csv", "rows": 6, "new": 6, "changed": 0, "unchanged": 0, "failed": 0, "state": "failed",
    }  # fmt: skip


def test_what_a_failed_import_wrote_can_be_taken_back_and_then_it_does_not_go_on(user: Any, three_a_step: None) -> None:
    job = start(user, numbered(10))
    for _step in range(3):
        core_jobs.run(job.pk, seconds=0)
    right = Permission.objects.get(codename="add_contact")
    user.groups.get().permissions.remove(right)
    do_work()
    user.groups.get().permissions.add(right)
    job.refresh_from_db()
    assert undo(job, user).result == {"undone": 6, "kept": 0}
    job.refresh_from_db()
    for _time in range(2):
        core_jobs.retry(job, actor=user)
        do_work()
        job.refresh_from_db()
        assert (job.state, job.error) == ("failed", "undone")
    assert not Contact.objects.exists()


# -- Campaigns --------------------------------------------------------------------------------------------------------


def test_campaigns_are_taken_back(user: Any) -> None:
    known = CampaignFactory(code="lama", name="Lama", cost=None, source="")
    used = "code,name,cost,starts_on,source\nlama,Baru,1500000,2026-03-01,Meta\nbaru,X,,,\nterpakai,Y,,,\n"
    with translation.override("en"):
        job = done(jobs.import_campaigns(used.encode(), owner=user))
    contact = ContactFactory()
    set_campaigns([(contact, Campaign.objects.get(code="terpakai"))], actor=user, origin="test")
    undone = undo(job, user)
    assert undone.result == {"undone": 2, "kept": 1}
    assert reasons(undone) == {"4": "More is known of it by now, so it stays."}
    known.refresh_from_db()
    assert (known.name, known.cost, known.starts_on, known.source) == ("Lama", None, None, "")
    assert set(Campaign.objects.values_list("code", flat=True)) == {"lama", "terpakai"}
