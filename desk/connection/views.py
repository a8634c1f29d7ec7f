"""The wizard that connects a number, and the connection page that says whether it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from contacts.models import Channel
from contacts.selectors.viewing import viewer_of
from contacts.services.channels import ChannelError
from desk.connection import actions, page
from desk.connection.arrivals import KINDS, arrivals
from desk.connection.check import check
from desk.connection.forms import ConnectForm, LabelNameForm, OwnerForm, RotateForm, ZoneForm
from desk.connection.guides import GUIDES
from labelcrm.lib.numbers import row_id
from webhooks.gateways import GATEWAYS

SHOWN_POSTS = 20

# -- The wizard -------------------------------------------------------------------------------------------------------


@never_cache
def connect_page(request: HttpRequest) -> HttpResponse:
    """`?gateway=` chooses the gateway, `?key=` fills in the key (for somebody who posts here already)."""
    if not request.user.has_perm("contacts.add_channel"):
        raise PermissionDenied
    gateway = request.GET.get("gateway", "")
    if gateway not in GATEWAYS:
        choices = [(GATEWAYS[name], guide) for name, guide in GUIDES.items()]
        chosen = {"choices": choices, "key": request.GET.get("key", "")}
        return _render(request, "connection/choose.html", _("Connect a number"), chosen)
    form = _connect_form(request, gateway)
    if request.method == "POST" and form.is_valid():
        done = _set_up(request, form, gateway)
        if done is not None:
            return HttpResponseRedirect(reverse("channel-connection", args=[done.pk]))
    title = _("Connect a number: %(gateway)s") % {"gateway": GATEWAYS[gateway].title}
    context = {"form": form, "gateway": GATEWAYS[gateway], "guide": GUIDES[gateway]}
    return _render(request, "connection/connect.html", title, context)


def _connect_form(request: HttpRequest, gateway: str) -> ConnectForm:
    initial = {"key": request.GET.get("key", ""), "session": request.GET.get("key", "")}
    if not GUIDES[gateway].session:
        del initial["session"]
    typed = request.POST if request.method == "POST" else None
    return ConnectForm(typed, gateway=gateway, user=request.user, initial=initial)


def _set_up(request: HttpRequest, form: ConnectForm, gateway: str) -> Channel | None:
    given = dict(form.cleaned_data)
    several = given.pop("used_by_several")
    try:
        done = actions.set_up(gateway=gateway, actor=request.user, **given)
    except (ChannelError, ValidationError) as error:
        form.add_error(None, error if isinstance(error, ValidationError) else str(error))
        return None
    if several:
        actions.set_usage(done.channel, used_by_one=False, actor=request.user)
    messages.success(
        request, _("%(name)s is set up. Now tell the gateway where to post.") % {"name": done.channel.name}
    )
    return done.channel


# -- The page ---------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
def connection_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about how one number is connected."""
    return _page(request, _channel(request, pk))


@never_cache
@require_safe
def check_fragment(request: HttpRequest, pk: int) -> HttpResponse:
    """The part that an open page asks for every few seconds."""
    channel = _channel(request, pk)
    return TemplateResponse(request, "connection/check.html", _checked(request, channel))


def _channel(request: HttpRequest, pk: int) -> Channel:
    if not request.user.has_perm("contacts.view_channel"):
        raise PermissionDenied
    channel: Channel = get_object_or_404(
        Channel.objects.visible_to(viewer_of(request.user)).select_related("team"), pk=pk
    )
    if channel.gateway not in GATEWAYS:
        raise Http404
    return channel


def _page(request: HttpRequest, channel: Channel, *, secret: str | None = None, **forms: Any) -> HttpResponse:
    where = page.address(request, channel, secret=secret)
    may = request.user.has_perm
    context = {
        **_checked(request, channel),
        "where": where,
        "guide": page.guide_of(channel),
        "steps": page.steps(channel, where),
        "abilities": page.abilities(GATEWAYS[channel.gateway].capabilities, zone=channel.timezone),
        "secrets": page.secrets_in_force(channel),
        "owners": channel.ownerships.select_related("agent"),
        "unnamed": page.unnamed_labels(channel),
        "may_change": may("contacts.change_channel"),
        "may_own": may("contacts.add_channelownership"),
        "may_name": may("labels.change_channellabel"),
        "rotate_form": forms.get("rotate_form") or RotateForm(gateway=channel.gateway),
        "owner_form": forms.get("owner_form") or _owner_form(request, channel),
        "zone_form": ZoneForm(initial={"timezone": channel.timezone}) if channel.gateway == "evolution" else None,
    }
    title = _("Connection of %(name)s") % {"name": channel.name}
    return _render(request, "connection/page.html", title, context)


def _checked(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    arrived = arrivals(channel)
    local = page.is_local(page.address(request, channel).url)
    return {
        "channel": channel,
        "gateway": GATEWAYS[channel.gateway],
        "check": check(channel, arrived, local_address=local),
        "arrived": arrived,
        "posts": arrived.posts[:SHOWN_POSTS],
        "kinds": [(title, arrived.last_of_kind.get(kind)) for kind, title in KINDS.items()],
        "may_change": request.user.has_perm("contacts.change_channel"),
        "sees_inbox": request.user.has_perm("webhooks.view_inboundevent"),
    }


def _owner_form(request: HttpRequest, channel: Channel, *args: Any) -> OwnerForm:
    return OwnerForm(*args, channel=channel, user=request.user)


def _render(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), "title": title, **context})


# -- Actions -----------------------------------------------------------------------------------------------------------


@never_cache
@require_POST
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """One of `ACTIONS`, for who may."""
    if action not in ACTIONS:
        raise Http404
    run, permission = ACTIONS[action]
    channel = _channel(request, pk)
    if not request.user.has_perm(permission):
        raise PermissionDenied
    return run(request, channel) or HttpResponseRedirect(reverse("channel-connection", args=[pk]))


def _show(request: HttpRequest, channel: Channel) -> HttpResponse:
    return _page(request, channel, secret=actions.show_secret(channel, actor=request.user))


def _rotate(request: HttpRequest, channel: Channel) -> HttpResponse:
    form = RotateForm(request.POST, gateway=channel.gateway)
    if not form.is_valid():
        return _page(request, channel, rotate_form=form)
    actions.rotate(channel, actor=request.user, **form.cleaned_data)
    messages.success(request, _("The new secret is in force. Type it into the gateway now; it is shown below."))
    return _show(request, channel)


def _own(request: HttpRequest, channel: Channel) -> HttpResponse | None:
    form = _owner_form(request, channel, request.POST)
    if not form.is_valid():
        return _page(request, channel, owner_form=form)
    given = form.cleaned_data
    try:
        row = actions.change_owner(channel, actor=request.user, **given)
    except ValidationError as error:  # somebody else made the same at the same moment
        form.add_error(None, error)
        return _page(request, channel, owner_form=form)
    if row is None:
        messages.info(request, _("%(agent)s is the owner already.") % {"agent": given["agent"].name})
    else:
        messages.success(request, _("%(agent)s is the owner now.") % {"agent": row.agent.name})
    return None


def _use(request: HttpRequest, channel: Channel) -> None:
    actions.set_usage(channel, used_by_one=request.POST.get("used_by") == "one", actor=request.user)


def _zone(request: HttpRequest, channel: Channel) -> None:
    form = ZoneForm(request.POST)
    if form.is_valid():
        actions.set_time_zone(channel, zone=form.cleaned_data["timezone"], actor=request.user)
        messages.success(request, _("Saved. It holds for events from now on."))


def _take_session(request: HttpRequest, channel: Channel) -> None:
    session = request.POST.get("session", "").strip()[:200]
    if session:
        count = actions.take_over_session(channel, session=session, actor=request.user)
        sentence = ngettext("%(n)d event is processed again.", "%(n)d events are processed again.", count)
        messages.success(request, sentence % {"n": count})


def _name(request: HttpRequest, channel: Channel) -> None:
    form = LabelNameForm(request.POST)
    chosen = row_id(request.POST.get("label"))
    label = get_object_or_404(channel.labels, pk=chosen, is_placeholder=True)
    if form.is_valid():
        actions.name_label(label, name=form.cleaned_data["name"], actor=request.user)
        messages.success(request, _("Named “%(name)s”.") % {"name": form.cleaned_data["name"]})
    else:
        messages.error(request, _("Type the name."))


Action = Callable[[HttpRequest, Channel], HttpResponse | None]
ACTIONS: dict[str, tuple[Action, str]] = {
    "secret": (_show, "contacts.change_channel"),
    "rotate": (_rotate, "contacts.change_channel"),
    "owner": (_own, "contacts.add_channelownership"),
    "usage": (_use, "contacts.change_channel"),
    "timezone": (_zone, "contacts.change_channel"),
    "session": (_take_session, "contacts.change_channel"),
    "label": (_name, "labels.change_channellabel"),
}

urlpatterns = [
    path("connect/", admin.site.admin_view(connect_page), name="connect"),
    path("contacts/channel/<int:pk>/connection/", admin.site.admin_view(connection_page), name="channel-connection"),
    path("contacts/channel/<int:pk>/connection/check/", admin.site.admin_view(check_fragment), name="channel-check"),
    path("contacts/channel/<int:pk>/connection/<slug:action>/", admin.site.admin_view(act), name="channel-action"),
]
