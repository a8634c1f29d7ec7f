"""Campaigns: what they are called and cost, and the rules by which a first message shows that it belongs to one."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.models import Campaign, CampaignCost
from contacts.selectors.campaign_rules import visible_rules
from contacts.selectors.viewing import viewer_of
from contacts.services import campaigns
from desk.base.days import DayField
from desk.base.filters import DayRangeFilter
from desk.base.model_admin import ORIGIN, ArchivableAdmin, EditingAdmin, StaffInline
from desk.contacts.import_export import CampaignTransfer

MORE_COSTS = 1  # empty rows for further costs; a button adds more


class CostForm(forms.ModelForm):
    """A cost and its days; days that nobody enters are the campaign's own."""

    first_day = DayField(label=gettext_lazy("First day"), required=False)
    last_day = DayField(label=gettext_lazy("Last day"), required=False)

    class Meta:
        model = CampaignCost
        fields = ("first_day", "last_day", "amount", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # the heads of the columns are no labels to who hears the page
            field.widget.attrs["aria-label"] = field.label

    def clean_first_day(self) -> date:
        return self._day("first_day", self.instance.campaign.starts_on)

    def clean_last_day(self) -> date:
        return self._day("last_day", self.instance.campaign.ends_on)

    def _day(self, field: str, own: date | None) -> date:
        day: date | None = self.cleaned_data[field] or own
        if day is None:
            raise ValidationError(_("Enter a day here, or the days of the campaign above."), code="required")
        return day


class CostInline(StaffInline):
    model = CampaignCost
    form = CostForm
    extra = MORE_COSTS
    hide_title = True
    fields = ("first_day", "last_day", "amount", "note")
    verbose_name_plural = gettext_lazy(
        "What it cost: each amount is spread evenly over its days, and the amounts add up"
    )

    # Whoever may change a campaign may say what it cost.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("contacts.view_campaign")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("contacts.change_campaign")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("contacts.change_campaign")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("contacts.change_campaign")


@admin.register(Campaign)
class CampaignAdmin(CampaignTransfer, EditingAdmin, ArchivableAdmin):
    list_display = ("name", "code", "source", "cost_shown", "starts_on", "ends_on", "rules_shown")
    list_filter = (("starts_on", DayRangeFilter),)
    search_fields = ("name", "code", "source")
    search_help_text = gettext_lazy("Name, code or source")
    prepopulated_fields = {"code": ("name",)}
    readonly_fields = ("rules_listed",)
    inlines = (CostInline,)
    empty_help = gettext_lazy(
        "Add a campaign and a rule (ad id, ad ref, click id or words) to see which contacts it brings."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("rules")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """One amount is asked for only while none is entered by period."""
        one_amount = obj is None or not obj.costs.exists()
        fields = (("name", "code"), ("source", "cost") if one_amount else "source", ("starts_on", "ends_on"))
        rules = [] if obj is None else [(_("How a first message shows it"), {"fields": ("rules_listed",)})]
        return [(None, {"fields": fields}), *rules]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.prepopulated_fields if obj is None else {}

    @admin.display(description=gettext_lazy("cost"))
    def cost_shown(self, campaign: Campaign) -> str:
        return "–" if campaign.cost is None else f"Rp {number_format(round(campaign.cost), force_grouping=True)}"

    @admin.display(description=gettext_lazy("rules"))
    def rules_shown(self, campaign: Campaign) -> int:
        return sum(rule.active for rule in campaign.rules.all())

    @admin.display(description=gettext_lazy("rules"))
    def rules_listed(self, campaign: Any) -> str:
        return render_to_string("campaigns/rules_of.html", {"campaign": campaign, "rules": campaign.rules_seen})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With the rules that the reader sees: a campaign is everybody's, a rule for one number is whose it is."""
        campaign: Any = super().get_object(request, object_id, from_field)
        if campaign is not None:
            rules = visible_rules(viewer_of(request.user)).filter(campaign=campaign)
            campaign.rules_seen = list(rules.select_related("channel"))
        return campaign

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        saved = formset.save(commit=False)
        if saved or formset.deleted_objects:
            campaigns.save_costs(
                form.instance, saved=saved, removed=formset.deleted_objects, actor=request.user, origin=ORIGIN
            )

    def create(self, *, actor: Any, **values: Any) -> Campaign:
        return campaigns.create_campaign(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Campaign, *, actor: Any, **values: Any) -> Campaign:
        return campaigns.update_campaign(obj, actor=actor, origin=ORIGIN, **values)

    def archive(self, obj: Campaign, *, actor: Any) -> None:
        campaigns.archive_campaign(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Campaign, *, actor: Any) -> None:
        campaigns.restore_campaign(obj, actor=actor, origin=ORIGIN)
