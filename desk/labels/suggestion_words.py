"""The words by which labels are suggested, as people edit them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from desk.base.filters import VisibleDropdownFilter
from desk.base.model_admin import ArchivableAdmin, EditingAdmin
from desk.templatetags.labelcrm import badge, badges
from labels.models import LabelWord


@admin.register(LabelWord)
class LabelWordAdmin(EditingAdmin, ArchivableAdmin):
    list_display = ("phrase", "label_shown", "side", "sure")
    card = ("phrase", "sure", "label_shown", "side")
    list_filter = (("label", VisibleDropdownFilter), "side", "sure")
    list_select_related = ("label",)
    search_fields = ("phrase", "key")
    fields = ("label", "phrase", "side", "sure")
    empty_help = _("No label is suggested by words. Add one that your customers write, such as “minta norek”.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LabelWord]:
        return super().get_queryset(request).select_related("label")

    @admin.display(description=_("label"), ordering="label")
    def label_shown(self, word: LabelWord) -> str:
        return badges([badge(word.label)])
