"""How the admin looks and what its menu holds: the settings of django-unfold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
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

    `uses` are rights of which one at least makes the page worth opening: a list that one may read but is there to work
    in is no entry for who cannot. `count` names the attribute of the user that holds the number beside the line, which
    is reason enough to show it; `live_count` the view that a script asks for one that is dear to count. `below` are
    other views whose pages belong to the entry.
    """

    title: Text
    icon: str
    view: str
    permission: str = ""
    uses: tuple[str, ...] = ()
    count: str = ""
    live_count: str = ""
    below: tuple[str, ...] = ()


HOME = "admin:index"
SETTINGS = _("Settings")
RUNS_NUMBERS = ("contacts.change_channel", "contacts.add_channelownership", "webhooks.view_inboundevent")
TAKES_RECORDS = ("contacts.export_contact", "core.view_auditentry")
STARTS_WORK = ("contacts.export_contact", "contacts.add_contact", "core.view_job")
AUDITS = "core.view_auditentry"

MENU: list[tuple[Text, list[Entry]]] = [
    (
        "",
        [
            Entry(
                _("Today"),
                "today",
                "today",
                "contacts.view_contact",
                uses=("contacts.add_note",),
                live_count="today-badge",
                below=("unanswered",),
            ),
            Entry(_("Home"), "home", HOME),
            Entry(
                _("Contacts"),
                "contacts",
                "admin:contacts_contact_changelist",
                "contacts.view_contact",
                below=("imports",),
            ),
            Entry(
                _("Segments"), "filter_alt", "admin:segments", "reports.view_segment", uses=("contacts.view_contact",)
            ),
            Entry(_("Exports"), "download", "admin:exports", "contacts.export_contact"),
            Entry(_("Campaigns"), "campaign", "admin:contacts_campaign_changelist", "contacts.view_campaign"),
            Entry(
                _("Campaign rules"),
                "rule",
                "admin:contacts_campaignrule_changelist",
                "contacts.view_campaignrule",
                uses=("contacts.change_campaignrule", "reports.view_report"),
            ),
            Entry(_("Conversions"), "conversion_path", "admin:conversions", "reports.view_report"),
        ],
    ),
    (
        _("Reports"),
        [
            Entry(_("Overview"), "bar_chart_4_bars", "report-overview", "reports.view_report"),
            Entry(_("Movement"), "moving", "report-movement", "reports.view_report"),
            Entry(_("CS quality"), "verified", "report-agents", "reports.view_report"),
            Entry(_("Second look"), "visibility", "report-second-look", "reports.view_report"),
            Entry(_("Unusual activity"), "bolt", "report-unusual", "reports.view_report"),
            Entry(_("Campaign quality"), "insights", "report-campaigns", "reports.view_report"),
            Entry(
                _("Data health"),
                "monitor_heart",
                "report-data-health",
                "reports.view_report",
                below=("report-restatements",),
            ),
            Entry(_("What the figures mean"), "menu_book", "report-metrics", "reports.view_report"),
        ],
    ),
    (
        _("Label hygiene"),
        [
            Entry(_("Labels"), "label", "admin:labels_label_changelist", "labels.view_label"),
            Entry(_("Categories"), "category", "admin:labels_category_changelist", "labels.view_category"),
            Entry(
                _("Stale labels"),
                "timer_off",
                "admin:labels_staleflag_changelist",
                "labels.view_staleflag",
                below=(
                    "report-stale",
                    "admin:labels_staleclock_changelist",
                    "admin:labels_freeday_changelist",
                ),
            ),
            Entry(
                _("Contradictions"),
                "rule",
                "report-contradictions",
                "reports.view_report",
                uses=("contacts.view_contact",),
                below=("admin:labels_contradictionflag_changelist", "admin:labels_contradictionrule_changelist"),
            ),
            Entry(_("Label budget"), "savings", "report-label-budget", "reports.view_report"),
            Entry(
                _("Suggestions"),
                "lightbulb",
                "label-suggestions",
                "labels.view_labelword",
                uses=("labels.change_labelword",),
                below=("admin:labels_labelword_changelist",),
            ),
            Entry(
                _("WhatsApp labels"),
                "sync_alt",
                "admin:labels_channellabel_changelist",
                "labels.view_channellabel",
                uses=("labels.change_channellabel",),
            ),
            Entry(
                _("Naming doctor"),
                "healing",
                "admin:naming",
                "labels.view_channellabel",
                uses=("labels.change_channellabel",),
            ),
            Entry(
                _("Labels on contacts"),
                "date_range",
                "admin:labels_labelassignment_changelist",
                "labels.view_labelassignment",
                uses=TAKES_RECORDS,
            ),
            Entry(
                _("Label events"),
                "history",
                "admin:labels_labelevent_changelist",
                "labels.view_labelevent",
                uses=TAKES_RECORDS,
            ),
        ],
    ),
    (
        SETTINGS,
        [
            Entry(
                _("WhatsApp numbers"),
                "smartphone",
                "admin:contacts_channel_changelist",
                "contacts.view_channel",
                uses=RUNS_NUMBERS,
                below=("connect",),
            ),
            Entry(
                _("Unknown channels"),
                "question_mark",
                "admin:webhooks_unknownchannel_changelist",
                "webhooks.view_unknownchannel",
                uses=("contacts.add_channel",),
            ),
            Entry(
                _("Webhook log"), "receipt_long", "admin:webhooks_inboundevent_changelist", "webhooks.view_inboundevent"
            ),
            Entry(
                _("Agents"),
                "support_agent",
                "admin:contacts_agent_changelist",
                "contacts.view_agent",
                uses=("contacts.change_agent", AUDITS),
                below=("handovers",),
            ),
            Entry(
                _("Teams"),
                "groups",
                "admin:contacts_team_changelist",
                "contacts.view_team",
                uses=("contacts.change_team", AUDITS),
            ),
            Entry(
                _("Opt-out words"),
                "unsubscribe",
                "admin:contacts_optoutword_changelist",
                "contacts.view_optoutword",
                uses=("contacts.change_optoutword", AUDITS),
            ),
            Entry(
                _("Morning briefs"),
                "wb_sunny",
                "admin:briefs",
                "transfer.view_briefmessage",
                below=("admin:transfer_briefmessage_changelist",),
            ),
            Entry(_("Users"), "person", "admin:core_user_changelist", "core.view_user"),
            Entry(_("Roles"), "shield_person", "admin:auth_group_changelist", "auth.view_group"),
            Entry(_("API tokens"), "key", "admin:authtoken_tokenproxy_changelist", "authtoken.view_tokenproxy"),
            Entry(_("Work"), "progress_activity", "work", uses=STARTS_WORK, count="unfinished_jobs"),
            Entry(_("System"), "monitor_heart", "system", "webhooks.view_inboundevent"),
            Entry(_("Audit trail"), "policy", "admin:core_auditentry_changelist", AUDITS),
            Entry(_("Failed logins"), "lock", "admin:axes_accessattempt_changelist", "axes.view_accessattempt"),
            Entry(_("Job runs"), "schedule", "admin:core_jobrun_changelist", "core.view_jobrun"),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu as unfold wants it, without what this user has no use for.

    The settings are folded, unless one of them is the page or there is nothing to fold.
    """
    groups = [(title, list(_items(entries, request))) for title, entries in MENU]
    return [
        {"title": title, "separator": bool(title), "items": items, **(_fold(items) if title is SETTINGS else {})}
        for title, items in groups
        if items
    ]


def _items(entries: list[Entry], request: HttpRequest) -> Iterator[dict[str, Any]]:
    _group, here = _place(_address(request))
    for entry in entries:
        link = _link(entry.view)
        if link and is_shown(entry, request.user):
            # Every page is below Home, which is none of them.
            active = entry is here and (entry.view != HOME or request.path == link)
            badge = _badge(entry, link, request)
            asks = _link(entry.live_count) if entry.live_count else ""
            yield {"title": entry.title, "icon": entry.icon, "link": link, "active": active, "asks": asks, **badge}


def is_shown(entry: Entry, user: Any) -> bool:
    """Whether the menu of this user has the entry."""
    return may_open(entry, user) and bool(
        not entry.uses or any(map(user.has_perm, entry.uses)) or (entry.count and getattr(user, entry.count, 0))
    )


def may_open(entry: Entry, user: Any) -> bool:
    """Whether the page of the entry opens for this user, in the menu or not."""
    return not entry.permission or bool(user.has_perm(entry.permission))


def _badge(entry: Entry, link: str, request: HttpRequest) -> dict[str, Any]:
    """The number beside a line; not on its own page, which shows the thing itself as it is now."""
    count = getattr(request.user, entry.count, 0) if entry.count else 0
    return {"badge": count, "badge_variant": "primary"} if count and not request.path.startswith(link) else {}


def _fold(items: list[dict[str, Any]]) -> dict[str, Any]:
    """How a group folds, which says the numbers of its lines while they are hidden; one line alone is left open.

    `key` is what the browser remembers it by.
    """
    if len(items) == 1:
        return {}
    count = sum(item.get("badge", 0) for item in items)
    badge = {"badge": count, "badge_variant": "primary"} if count else {}
    return {"collapsible": True, "key": "settings", **badge}


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to a page; `link` is "" for what is no page, or not one of this user's."""

    title: Text
    link: str = ""


# Pages below an entry of the menu that have no name of their own.
SUBPAGES = {
    "add": _("New"),
    "export": _("Export"),
    "history": _("History"),
    "password_change": _("Password"),
}
# Lists of rows that are called what the page above them is called.
LISTS: dict[str, Text] = {"labels_contradictionflag_changelist": _("Settled ones")}


def trail(request: HttpRequest, name: Text) -> list[Crumb]:
    """The way through the menu to the page of `request`, in the menu's own words; `name` is what the page is called."""
    group, entry = _place(_address(request))
    link = _link(entry.view)
    steps = [Crumb(group)] if group and group != entry.title else []
    steps.append(Crumb(entry.title, link if may_open(entry, request.user) else ""))
    if request.path == link:
        return steps
    match = request.resolver_match
    subpage = (match.url_name or "").split("_", 2)[-1] if match else ""
    if subpage in ("add", "export"):
        return [*steps, Crumb(SUBPAGES[subpage])]
    if subpage in ("history", "password_change"):
        return [*steps, Crumb(name, "../change/"), Crumb(SUBPAGES[subpage])]
    return [*steps, Crumb(name)]


def place_under(request: HttpRequest, address: str) -> None:
    """Let a page belong to the same entry of the menu as `address`, where its own address tells of none."""
    request.placed_under = address.partition("?")[0]  # type: ignore[attr-defined]


def _address(request: HttpRequest) -> str:
    return str(getattr(request, "placed_under", "") or request.path)


def _place(path: str) -> tuple[Text, Entry]:
    """The entry of the menu that a page belongs to, with its group: the closest above it, else Home."""
    above = [place for place in _places() if place[0] and path.startswith(place[0])]
    home = next(place for place in _places() if place[2].view == HOME)
    _address, group, entry = max(above, key=lambda place: len(place[0]), default=home)
    return group, entry


@cache
def _places() -> list[tuple[str, Text, Entry]]:
    """Where each entry of the menu leads, and what is below it."""
    return [
        (_link(view), group, entry)
        for group, entries in MENU
        for entry in entries
        for view in (entry.view, *entry.below)
    ]


@cache
def _link(view: str) -> str:
    """Its address, looked for once: every page asks for all of the menu's."""
    try:
        return reverse(view)
    except NoReverseMatch:
        return ""


# Who answers chats has something to be told in the morning (`transfer.briefs.brief_settings.READS_BRIEFS`).
HAS_BRIEF = ("contacts.view_contact", "contacts.add_note")


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """What stands under a user's name."""
    own = [{"title": _("Change password"), "link": reverse("admin:password_change")}]
    if request.user.has_perms(HAS_BRIEF):
        own.insert(0, {"title": _("My morning brief"), "link": reverse("admin:my-brief")})
    return own


def _file(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(path)


def _scale(*hexes: str) -> dict[str, str]:
    return dict(zip(("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950"), hexes, strict=True))


SHEETS = ("admin", "labels", "lists", "tables", "days", "people", "search", "campaigns")  # what every page loads

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "labelcrm",
    "SITE_HEADER": "labelcrm",
    "SITE_SUBHEADER": _("WhatsApp labels as data"),
    "SITE_URL": None,
    "SITE_ICON": _file("labelcrm/icon.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("labelcrm/icon.svg")}],
    "STYLES": [_file(f"labelcrm/{name}.css") for name in SHEETS],
    "SCRIPTS": [_file(f"labelcrm/{name}.js") for name in ("accessible", "days", "search", "menu-count")],
    "DASHBOARD_CALLBACK": "desk.home.page.dashboard",
    "LOGIN": {"form": "desk.login.LoginForm"},
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ACCOUNT": {"navigation": account_links},
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("language")},
    "BORDER_RADIUS": "8px",
    "COLORS": {
        # A calm blue, for green means good. 600 carries white text and 500 stands on dark ground, both with a contrast
        # above 4.5 (tests/desk/test_colours.py).
        "primary": _scale(
            "#eef3ff", "#dfe8ff", "#c5d4fd", "#a3bafa", "#86a3f6", "#7090f0", "#2f55c4", "#27469f", "#223a80",
            "#1d3066", "#121d3f",
        ),
    },
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": navigation},
}  # fmt: skip
