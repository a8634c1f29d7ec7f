"""What WhatsApp labels are called and mean is written into intervals; it follows when names or meanings change."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef
from django.utils import timezone

from contacts.services.contact_rows import lock_contacts
from labelcrm.core import jobs
from labelcrm.core.bulk import execute, fetch, transpose
from labels.models import ChannelLabel, ChannelLabelMeaning, Label, LabelAssignment
from labels.selectors.wording import load_wording, subject_of
from labels.services.figures import update_figures

_INTERVALS = """
SELECT id, channel_label_id, removed_at, label_id, channel_label_name FROM labels_labelassignment
 WHERE channel_label_id = ANY(%(labels)s)
   AND (%(contacts)s::bigint[] IS NULL OR contact_id = ANY(%(contacts)s::bigint[]))
"""
_UPDATE = """
UPDATE labels_labelassignment AS i SET label_id = n.label, channel_label_name = n.name, updated_at = now()
  FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS n (id, label, name) WHERE i.id = n.id
"""
_CONTACTS = "SELECT DISTINCT contact_id FROM labels_labelassignment WHERE channel_label_id = ANY(%s)"
MANY = 500  # contacts with a label: a lane can restate so many at once, in about a third of a second
_ON_MANY = """
SELECT w.id FROM unnest(%s::bigint[]) AS w (id) WHERE %s < (
    SELECT count(*) FROM (SELECT DISTINCT contact_id FROM labels_labelassignment
                           WHERE channel_label_id = w.id LIMIT %s + 1) AS found)
"""
RESTATE = "labels.restate"  # the kind of job, see labels.jobs


def update_intervals(channel_labels: Collection[int]) -> set[int]:
    """Write name and canonical label into the intervals of `channel_labels` (ids).

    Returns the ids of the contacts that may change by it; they are locked. A label that more than MANY contacts ever
    had is restated by a job instead, so that no lane waits for it.
    """
    on_many = {pk for (pk,) in fetch(_ON_MANY, [sorted(channel_labels), MANY, MANY])}
    for row in ChannelLabel.objects.filter(pk__in=on_many).select_related("channel").order_by("pk"):
        parameters = {"channel_label": row.pk, "names": [row.name, row.channel.name]}
        jobs.start(jobs.KINDS[RESTATE], owner=None, parameters=parameters, subject=subject_of(row.pk))
    rest = set(channel_labels) - on_many
    contacts: set[int] = set()
    while found := _contacts_with(rest) - contacts:
        lock_contacts(found)
        contacts |= found
    mend_intervals(rest)
    return contacts


def mend_intervals(
    channel_labels: Collection[int], *, contacts: Collection[int] | None = None, write: bool = True
) -> int:
    """Compare, and mend when `write`, what intervals say of their labels; returns how many intervals were wrong.

    Those of all contacts, or of these.
    """
    wording = load_wording(channel_labels)
    wrong = []
    chosen = {"labels": sorted(channel_labels), "contacts": None if contacts is None else sorted(contacts)}
    for pk, channel_label, removed_at, label, name in fetch(_INTERVALS, chosen):
        said = wording[channel_label]
        wanted = (said.label_at(removed_at), said.name_at(removed_at))
        if wanted != (label, name):
            wrong.append((pk, *wanted))
    return execute(_UPDATE, transpose(wrong, 3)) if write else len(wrong)


def _contacts_with(channel_labels: Collection[int]) -> set[int]:
    """Everybody who ever had one of these labels: a dated meaning can move a spell and leave its interval alone."""
    return {contact for (contact,) in fetch(_CONTACTS, [sorted(channel_labels)])}


def restate(channel_labels: Collection[int], contacts: Collection[int]) -> None:
    """Bring these contacts in step with what the labels are called and mean: intervals, projections, stale flags."""
    lock_contacts(contacts)
    mend_intervals(channel_labels, contacts=contacts)
    update_figures(contacts)


def archive_unused() -> None:
    """Archive unreviewed labels that no WhatsApp label means any more and nobody ever had.

    They came from the name of a placeholder whose real name is known by now, or of a label that a person remapped.
    """
    unused = Label.objects.filter(
        ~Exists(ChannelLabelMeaning.objects.filter(label=OuterRef("pk"))),
        ~Exists(LabelAssignment.objects.filter(label=OuterRef("pk"))),
        reviewed=False,
    )
    unused.update(deleted_at=timezone.now())
