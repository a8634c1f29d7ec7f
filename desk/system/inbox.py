"""The webhook log: every accepted post with what became of it, and the ones nobody has set up a channel for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from contacts.models import Channel
from contacts.selectors.viewing import viewer_of
from desk.base.filters import DayRangeFilter, VisibleDropdownFilter
from desk.base.keyset import KeysetAdminMixin
from desk.base.model_admin import RecordAdmin
from desk.base.reasons import saying, sentence
from desk.system.records import pretty
from desk.templatetags.labelcrm import flag, gateway_title, moment
from labelcrm.lib.numbers import row_id
from webhooks.drain.inbox import replay
from webhooks.models import InboundEvent, ReconcileRun, UnknownChannel

LOOK = {"pending": "warn", "applied": "good", "parked": "bad"}
HIDDEN = "•••"
SECRET_WORDS = ("token", "secret", "apikey", "api_key", "password", "authorization", "jwt")


@admin.register(InboundEvent)
class InboundEventAdmin(KeysetAdminMixin, RecordAdmin):
    actions = ("replay_rows",)
    list_display = ("number", "received", "channel", "state_shown", "reason_shown", "attempts", "settled")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("channel", VisibleDropdownFilter),
        ("received_at", DayRangeFilter),
    )
    list_select_related = ("channel",)
    search_fields = ("reason",)
    search_help_text = gettext_lazy("Number of the event (#123) or reason")
    fields = (
        ("number", "channel"),
        ("received_at", "settled_at"),
        ("state_shown", "attempts"),
        "reason_shown",
        "body_shown",
        "headers_shown",
    )
    readonly_fields = (
        "number", "channel", "received_at", "settled_at", "state_shown", "attempts", "reason_shown",
        "body_shown",
        "headers_shown",
    )  # fmt: skip
    empty_help = gettext_lazy(
        "No gateway has posted anything that matches. Is the webhook address typed into the gateway, and does the "
        "System page count refused posts?"
    )

    def for_page(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.defer("body", "headers")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        number = row_id(search_term.strip().removeprefix("#"))
        if number:
            return queryset.filter(pk=number), False
        found = super().get_search_results(request, queryset, search_term)[0]
        return (found | queryset.filter(saying(search_term)) if search_term else found), False

    @admin.display(description=gettext_lazy("number"))
    def number(self, event: InboundEvent) -> str:
        return f"#{event.pk}"

    @admin.display(description=gettext_lazy("received at"))
    def received(self, event: InboundEvent) -> str:
        return moment(event.received_at)

    @admin.display(description=gettext_lazy("processed at"))
    def settled(self, event: InboundEvent) -> str:
        return moment(event.settled_at)

    @admin.display(description=gettext_lazy("state"))
    def state_shown(self, event: InboundEvent) -> str:
        return flag(event.get_state_display(), LOOK.get(event.state, ""))

    @admin.display(description=gettext_lazy("reason"))
    def reason_shown(self, event: InboundEvent) -> str:
        return sentence(event.reason, session=event.channel.session) or self.empty_value_display

    @admin.display(description=gettext_lazy("content"))
    def body_shown(self, event: InboundEvent) -> str:
        body = bytes(event.body)
        if not body:
            return _("Emptied: of ignored events at once, of processed ones after the retention period.")
        try:
            return pretty(without_secrets(json.loads(body)))
        except ValueError:
            return format_html('<pre class="lc-json" tabindex="0">{}</pre>', body.decode("utf-8", "replace"))

    @admin.display(description=gettext_lazy("headers"))
    def headers_shown(self, event: InboundEvent) -> str:
        return pretty(without_secrets(event.headers))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("webhooks.change_inboundevent"))

    @admin.action(description=gettext_lazy("Process again"), permissions=["replay"])
    def replay_rows(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:

        chosen = InboundEvent.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        count = replay(chosen, actor=request.user)
        sentence = ngettext("%(n)d event will be processed again.", "%(n)d events will be processed again.", count)
        self.message_user(request, sentence % {"n": count}, messages.SUCCESS if count else messages.WARNING)
        if count < len(request.POST.getlist("_selected_action")):
            self.message_user(
                request, _("The others wait already, are not for us, or have no content any more."), messages.INFO
            )


def without_secrets(value: Any) -> Any:
    """JSON with the values of telling keys hidden, whatever was stored."""
    if isinstance(value, dict):
        return {key: HIDDEN if _is_secret(key) and item else without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_WORDS)


@admin.register(UnknownChannel)
class UnknownChannelAdmin(RecordAdmin):
    list_display = ("key", "gateway_shown", "count", "first_at", "last_at", "adopt")
    card = ("key", "gateway_shown", "last_at", "adopt")
    search_fields = ("key", "gateway")
    empty_help = gettext_lazy("Good: every gateway that posts here belongs to a channel.")

    @admin.display(description=gettext_lazy("gateway"), ordering="gateway")
    def gateway_shown(self, unknown: UnknownChannel) -> str:
        return gateway_title(unknown.gateway)

    @admin.display(description=gettext_lazy("what to do"))
    def adopt(self, unknown: UnknownChannel) -> str:
        url = f"{reverse('connect')}?{urlencode({'gateway': unknown.gateway, 'key': unknown.key})}"
        return format_html('<a class="lc-link" href="{}">{}</a>', url, _("Set up this channel"))

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """Only who may set up a channel is asked to."""
        may_adopt = viewer_of(request.user).may("contacts.add_channel")
        return [name for name in super().get_list_display(request) if may_adopt or name != "adopt"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody's team is known for these: only for who may set up channels or sees every team."""
        viewer = viewer_of(request.user)
        may_see = viewer.everything or viewer.may("contacts.add_channel")
        return bool(super().has_view_permission(request, obj) and may_see)


@admin.register(ReconcileRun)
class ReconcileRunAdmin(KeysetAdminMixin, RecordAdmin):
    list_display = ("channel", "started_at", "trigger", "state", "checked", "added", "removed", "unchanged", "message")
    list_filter = (("channel", VisibleDropdownFilter),)
    list_select_related = ("channel",)
    empty_help = gettext_lazy(
        "Nothing is pulled yet: labels are known by what gateways post. Runs will be listed here once labelcrm asks "
        "gateways for all labels of a number."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:

        return super().get_queryset(request).filter(channel__in=Channel.all_objects.visible_to(viewer_of(request.user)))
