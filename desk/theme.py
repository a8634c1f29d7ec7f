"""How the admin looks and what its menu holds: the settings of django-unfold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; shown to who has `permission` ("" = everybody), and only when `view` exists.

    `count` names the attribute of the user that holds the number beside it.
    """

    title: Text
    icon: str
    view: str
    permission: str = ""
    count: str = ""


MENU: list[tuple[Text, list[Entry]]] = [
    (
        "",
        [
            Entry(_("Home"), "home", "admin:index"),
            Entry(_("Contacts"), "contacts", "admin:contacts_contact_changelist", "contacts.view_contact"),
            Entry(_("Campaigns"), "campaign", "admin:contacts_campaign_changelist", "contacts.view_campaign"),
        ],
    ),
    (
        _("Labels"),
        [
            Entry(_("Labels"), "label", "admin:labels_label_changelist", "labels.view_label"),
            Entry(_("Categories"), "category", "admin:labels_category_changelist", "labels.view_category"),
            Entry(_("Stale labels"), "timer_off", "admin:labels_staleflag_changelist", "labels.view_staleflag"),
            Entry(_("WhatsApp labels"), "sync_alt", "admin:labels_channellabel_changelist", "labels.view_channellabel"),
        ],
    ),
    (
        _("Reports"),
        [
            Entry(_("CS quality"), "verified", "report-agents", "reports.view_report"),
            Entry(_("Campaign quality"), "insights", "report-campaigns", "reports.view_report"),
            Entry(_("Metric dictionary"), "menu_book", "report-metrics", "reports.view_report"),
        ],
    ),
    (
        _("WhatsApp numbers"),
        [
            Entry(_("Channels"), "smartphone", "admin:contacts_channel_changelist", "contacts.view_channel"),
            Entry(_("Inbox"), "inbox", "admin:webhooks_inboundevent_changelist", "webhooks.view_inboundevent"),
            Entry(
                _("Unknown channels"),
                "question_mark",
                "admin:webhooks_unknownchannel_changelist",
                "webhooks.view_unknownchannel",
            ),
            Entry(_("Pulls"), "sync", "admin:webhooks_reconcilerun_changelist", "webhooks.view_reconcilerun"),
            Entry(_("System"), "monitor_heart", "system", "webhooks.view_inboundevent"),
        ],
    ),
    (
        _("People"),
        [
            Entry(_("Agents"), "support_agent", "admin:contacts_agent_changelist", "contacts.view_agent"),
            Entry(_("Teams"), "groups", "admin:contacts_team_changelist", "contacts.view_team"),
            Entry(_("Users"), "person", "admin:core_user_changelist", "core.view_user"),
            Entry(_("Roles"), "shield_person", "admin:auth_group_changelist", "auth.view_group"),
        ],
    ),
    (
        _("Records"),
        [
            Entry(_("Audit trail"), "policy", "admin:core_auditentry_changelist", "core.view_auditentry"),
            Entry(_("API tokens"), "key", "admin:authtoken_tokenproxy_changelist", "authtoken.view_tokenproxy"),
            Entry(_("Failed logins"), "lock", "admin:axes_accessattempt_changelist", "axes.view_accessattempt"),
            Entry(_("Work"), "progress_activity", "work", count="unfinished_jobs"),
            Entry(_("Job runs"), "schedule", "admin:core_jobrun_changelist", "core.view_jobrun"),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu as unfold wants it, without what this user may not open."""
    groups = ((title, list(_items(entries, request))) for title, entries in MENU)
    return [{"title": title, "separator": bool(title), "items": items} for title, items in groups if items]


def _items(entries: list[Entry], request: HttpRequest) -> Iterator[dict[str, Any]]:
    for entry in entries:
        link = _link(entry.view)
        if link and (not entry.permission or request.user.has_perm(entry.permission)):
            yield {"title": entry.title, "icon": entry.icon, "link": link, **_badge(entry, link, request)}


def _badge(entry: Entry, link: str, request: HttpRequest) -> dict[str, Any]:
    """The number beside a line; not on its own page, which shows the thing itself as it is now."""
    count = getattr(request.user, entry.count, 0) if entry.count else 0
    return {"badge": count, "badge_variant": "primary"} if count and not request.path.startswith(link) else {}


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to a page; `link` is "" for what is no page, or not one of this user's."""

    title: Text
    link: str = ""


# Pages below an entry of the menu that have no name of their own.
SUBPAGES = {
    "add": _("New"),
    "import": _("Import"),
    "process_import": _("Import"),
    "export": _("Export"),
    "history": _("History"),
}


def trail(request: HttpRequest, name: Text) -> list[Crumb]:
    """The way through the menu to the page of `request`, in the menu's own words; `name` is what the page is called."""
    group, entry, link = _place(request.path)
    steps = [Crumb(group)] if group and group != entry.title else []
    steps.append(Crumb(entry.title, link if not entry.permission or request.user.has_perm(entry.permission) else ""))
    if request.path == link:
        return steps
    match = request.resolver_match
    subpage = (match.url_name or "").split("_", 2)[-1] if match else ""
    if subpage in ("add", "import", "process_import", "export"):
        return [*steps, Crumb(SUBPAGES[subpage])]
    if subpage == "history":
        return [*steps, Crumb(name, "../change/"), Crumb(SUBPAGES[subpage])]
    return [*steps, Crumb(name)]


def _place(path: str) -> tuple[Text, Entry, str]:
    """The entry of the menu that a page belongs to, with its group and its address: the closest above it, else Home."""
    places = [(group, entry, _link(entry.view)) for group, entries in MENU for entry in entries]
    above = [place for place in places if place[2] and path.startswith(place[2])]
    return max(above, key=lambda place: len(place[2]), default=places[0])


def _link(view: str) -> str:
    try:
        return reverse(view)
    except NoReverseMatch:
        return ""


def _file(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(path)


def _scale(*hexes: str) -> dict[str, str]:
    return dict(zip(("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950"), hexes, strict=True))


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "labelcrm",
    "SITE_HEADER": "labelcrm",
    "SITE_SUBHEADER": _("WhatsApp labels as data"),
    "SITE_URL": None,
    "SITE_ICON": _file("labelcrm/icon.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("labelcrm/icon.svg")}],
    "STYLES": [_file(f"labelcrm/{name}.css") for name in ("admin", "labels", "lists", "tables", "days")],
    "SCRIPTS": [_file("labelcrm/accessible.js"), _file("labelcrm/days.js")],
    "DASHBOARD_CALLBACK": "desk.home.page.dashboard",
    "LOGIN": {"form": "desk.login.LoginForm"},
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("language")},
    "BORDER_RADIUS": "8px",
    "COLORS": {
        # Greens of which 600 carries white text and 500 stands on dark ground, both with a contrast above 4.5.
        "primary": _scale(
            "#ecfdf5", "#d1fae5", "#a7f3d0", "#6ee7b7", "#34d399", "#10b981", "#047857", "#065f46", "#064e3b",
            "#053f31", "#022c22",
        ),
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": navigation},
}  # fmt: skip
