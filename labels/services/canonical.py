"""The labels a business means, and their categories: created, changed, archived and restored by people."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from labelcrm.core import edits, jobs
from labels.models import Category, Label, LabelAlias
from labels.rules.naming import normalize
from labels.selectors.label_merges import standing_merge
from labels.selectors.stale_contacts import value_of
from labels.services.staleness import follow_worth

RESTAGE = "labels.restage"  # the kind of job, see labels.jobs


def create_category(*, actor: Any, origin: str, **values: Any) -> Category:
    return edits.create(Category, actor=actor, origin=origin, **values)


def update_category(category: Category, *, actor: Any, origin: str, **values: Any) -> Category:
    return edits.change(category, actor=actor, origin=origin, **values)


def create_label(*, actor: Any, origin: str, **values: Any) -> Label:
    """A new canonical label; its names become spellings that WhatsApp labels are recognised by.

    Raises ValidationError when a name is taken or already is a spelling of another label.
    """
    with transaction.atomic():
        label = edits.create(Label, actor=actor, origin=origin, **values)
        _keep_spellings(label)
    return label


def update_label(label: Label, *, actor: Any, origin: str, **values: Any) -> Label:
    """Change a canonical label. A former name stays a spelling of it; a new step or exclusive group starts a job
    that restates the stages and returns of whoever had it. Its open stale flags follow what it is worth.

    Raises ValidationError.
    """
    with transaction.atomic():
        before = edits.locked(label)
        label = edits.change(label, actor=actor, origin=origin, **values)
        if {"name", "name_en"} & values.keys():
            _keep_spellings(label)
        if value_of(label) != value_of(before):
            follow_worth(label)
        if (label.step, label.exclusive_group) != (before.step, before.exclusive_group):
            parameters = {"label": label.pk, "names": [label.name, label.name_en]}
            jobs.start(jobs.KINDS[RESTAGE], owner=actor, parameters=parameters, subject=f"label:{label.pk}")
    return label


def archive_label(label: Label, *, actor: Any, origin: str) -> Label:
    """Hide a label. Nothing is taken off anybody: it is shown for as long as somebody has it."""
    return edits.archive(label, actor=actor, origin=origin)


def restore_label(label: Label, *, actor: Any, origin: str) -> Label:
    """Show an archived label again. Raises ValidationError for one that was merged, or whose name is taken by now."""
    if merge := standing_merge(label):
        words = {"label": label, "target": merge.target}
        raise ValidationError(_("“%(label)s” was merged into “%(target)s”: undo the merge instead.") % words, "merged")
    return edits.restore(label, actor=actor, origin=origin)


def _keep_spellings(label: Label) -> None:
    for field in ("name", "name_en"):
        if text := getattr(label, field):
            _keep_spelling(label, text, field=field)


def _keep_spelling(label: Label, text: str, *, field: str) -> None:
    normalized = normalize(text)
    spellings = LabelAlias.objects.select_for_update(of=("self",)).select_related("label")
    alias = spellings.filter(normalized=normalized).first()
    if alias is None:
        LabelAlias.objects.create(normalized=normalized, label=label, text=text)
    elif alias.label_id != label.pk and alias.label.is_archived:
        alias.label, alias.text = label, text
        alias.save(update_fields=["label", "text"])
    elif alias.label_id != label.pk:
        sentence = _("“%(text)s” is already a spelling of the label “%(label)s”.")
        words = {"text": text, "label": alias.label.name}
        raise ValidationError({field: ValidationError(sentence, code="name_taken", params=words)})
