"""What is asked for with an export of contacts: the columns that one export and a schedule of exports share."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExportSettings(models.Model):
    """How the file looks, which columns it has, and whom to leave out besides those who opted out."""

    layout = models.CharField(_("format"), max_length=20)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    exclude_complaint = models.BooleanField(_("without open complaints"), default=True)
    exclude_no_phone = models.BooleanField(_("without contacts who have no number"), default=True)
    exported_days = models.PositiveSmallIntegerField(_("days since the last export"), default=0)
    only_new = models.BooleanField(_("only new ones"), default=False)
    hold_out = models.PositiveSmallIntegerField(_("held out (%)"), default=0)

    class Meta:
        abstract = True
