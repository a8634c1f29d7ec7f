"""Campaigns, and the rules by which a first message shows that it belongs to one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from contacts.models import Campaign, CampaignRule, Channel
from contacts.selectors.viewing import viewer_of
from contacts.services import campaigns
from desk.base.filters import DayRangeFilter
from desk.base.model_admin import ORIGIN, ArchivableAdmin, EditingAdmin, StaffInline
from desk.contacts.import_export import CampaignTransfer
from labelcrm.core import audit


class RuleInline(StaffInline):
    model = CampaignRule
    extra = 0
    hide_title = True
    fields = ("kind", "pattern", "match", "channel", "priority", "active")
    autocomplete_fields = ("channel",)
    verbose_name_plural = _("Rules: a first message belongs here when …")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A campaign is everybody's; a rule for one number is whose the number is."""
        seen = Channel.all_objects.visible_to(viewer_of(request.user))
        return super().get_queryset(request).filter(Q(channel__isnull=True) | Q(channel__in=seen))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # switched off instead: touches it explains stay explained


@admin.register(Campaign)
class CampaignAdmin(CampaignTransfer, EditingAdmin, ArchivableAdmin):
    list_display = ("name", "code", "source", "cost_shown", "starts_on", "ends_on", "rules_shown")
    list_filter = (("starts_on", DayRangeFilter),)
    search_fields = ("name", "code", "source")
    search_help_text = _("Name, code or source")
    fields = (("name", "code"), ("source", "cost"), ("starts_on", "ends_on"))
    prepopulated_fields = {"code": ("name",)}
    inlines = (RuleInline,)
    empty_help = _("Add a campaign and a rule (ad id, ad ref, click id or words) to see which contacts it brings.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("rules")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.prepopulated_fields if obj is None else {}

    @admin.display(description=_("cost"))
    def cost_shown(self, campaign: Campaign) -> str:
        return "–" if campaign.cost is None else f"Rp {campaign.cost:,.0f}".replace(",", ".")

    @admin.display(description=_("rules"))
    def rules_shown(self, campaign: Campaign) -> int:
        return sum(rule.active for rule in campaign.rules.all())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for rule in [*formset.new_objects, *(changed for changed, _fields in formset.changed_objects)]:
            audit.record(actor=request.user, action="campaignrule.saved", obj=rule, campaign=form.instance.pk)

    def create(self, *, actor: Any, **values: Any) -> Campaign:
        return campaigns.create_campaign(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Campaign, *, actor: Any, **values: Any) -> Campaign:
        return campaigns.update_campaign(obj, actor=actor, origin=ORIGIN, **values)

    def archive(self, obj: Campaign, *, actor: Any) -> None:
        campaigns.archive_campaign(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Campaign, *, actor: Any) -> None:
        campaigns.restore_campaign(obj, actor=actor, origin=ORIGIN)
