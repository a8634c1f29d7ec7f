"""Labels of ours that became one, with what undoing that needs, and what people said are not the same."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labels.models.canonical import Label


class LabelMerge(models.Model):
    """`source` became part of `target`, and is archived. Everything that named it names the target.

    `channel_labels` are ids of the WhatsApp labels that meant the source at any time: whoever ever had one of them is
    restated.
    """

    source = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="merges")
    target = models.ForeignKey(Label, verbose_name=_("merged into"), on_delete=models.PROTECT, related_name="merged")
    channel_labels = ArrayField(models.BigIntegerField(), default=list)
    merged_at = models.DateTimeField(_("merged at"))
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("merged by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    undone_at = models.DateTimeField(_("undone at"), null=True)

    class Meta:
        verbose_name = _("merge of labels")
        verbose_name_plural = _("merges of labels")
        default_permissions = ("view",)
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(undone_at__isnull=True), name="label_is_merged_into_one"
            ),
            models.CheckConstraint(condition=~Q(source=models.F("target")), name="label_is_not_merged_into_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} → {self.target_id}"


class LabelMergeRow(models.Model):
    """A row that a merge changed: the column (`place`, "table.column") that points at the target now.

    Of rows that changed in more than that, `place` is the table, `before` the row as it was, and `after` what the merge
    made of it where somebody may change it since.
    """

    merge = models.ForeignKey(LabelMerge, on_delete=models.CASCADE, related_name="rows", db_index=False)
    place = models.CharField(max_length=80)
    row_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["merge", "place", "row_id"], name="merged_row_once")]

    def __str__(self) -> str:
        return f"{self.place} {self.row_id}"


class RefusedName(models.Model):
    """A person said that a WhatsApp name does not mean a label, or not the same as another name.

    Both names are normalised. Nothing proposes it again, and no number maps it by itself.
    """

    normalized = models.CharField(_("name"), max_length=200)
    label = models.ForeignKey(Label, verbose_name=_("does not mean"), null=True, on_delete=models.CASCADE)
    other = models.CharField(_("not the same as"), max_length=200, blank=True)
    refused_at = models.DateTimeField(_("since"), auto_now_add=True)
    refused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("said by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("refused name")
        verbose_name_plural = _("refused names")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["normalized", "label", "other"], nulls_distinct=False, name="name_refused_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.normalized} ≠ {self.label_id or self.other}"
