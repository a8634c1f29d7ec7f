"""Template tags: label badges, phone numbers, lengths of time, words in pills and in code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import phonenumbers
from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import get_format
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from desk import theme
from labels.models.canonical import ColorFamily
from reports import columns
from webhooks.gateways import GATEWAYS

register = template.Library()

PALETTE_SIZE = 20
UNMAPPED, ENDED = " lc-badge--unmapped", " lc-badge--ended"
LONG = 22  # characters: a longer text may be cut short where there is no room, and is whole on hover


# -- Labels: the only code that knows how one looks ------------------------------------------------------------------


@register.simple_tag
def label_badge(thing: Any, hint: str = "", link: str = "", ended: bool = False) -> SafeString:
    """Draw a label, or the label that something is about (an assignment, a stale flag): its name in its colour."""
    return _drawn(badge(thing, hint=hint, link=link, ended=ended))


@register.simple_tag
def family_badge(text: Any, color: str, count: int | None = None) -> SafeString:
    """Draw a text in the colour of one family: a category, or a label with how many have it."""
    return _drawn({"text": text if count is None else f"{text} {intcomma(count)}", "tone": family_tone(color)})


@register.simple_tag
def whatsapp_label(row: Any) -> SafeString:
    """Draw a label of a WhatsApp number as its owner sees it there: WhatsApp's colour as a dot, and its name.

    For the pages that say what it means here. Everywhere else a label has our colour.
    """
    name = row.name
    if row.is_placeholder:
        name = _("Label %(id)s (name not known yet)") % {"id": row.external_id}
    return format_html('<span class="lc-in-whatsapp">{}{}</span>', whatsapp_dot(row), name)


@register.simple_tag
def whatsapp_dot(row: Any) -> SafeString:
    """WhatsApp's own colour of a label, as a dot beside its name; nothing where none was told."""
    known = row.color is not None and 0 <= row.color < PALETTE_SIZE
    return format_html('<i class="lc-dot lc-wa-{}" aria-hidden="true"></i>', row.color) if known else SafeString("")


def badge(thing: Any, *, hint: str = "", link: str = "", ended: bool = False) -> dict[str, Any]:
    """What `badges` draws of a label, or of the label that something is about."""
    label = getattr(thing, "label", thing)
    if unmapped := label.is_unmapped:
        hint = "\n".join(filter(None, (_("Not mapped yet"), hint)))
    return {"text": label, "tone": tone(label), "hint": hint, "link": link, "ended": ended, "unmapped": unmapped}


def badges(drawn: Iterable[dict[str, Any]]) -> SafeString:
    """Several badges in a row, for a list column."""
    parts = format_html_join("", "{}", ((_drawn(one),) for one in drawn))
    return format_html('<div class="lc-badges">{}</div>', parts) if parts else parts


@register.filter
def tone(label: Any) -> str:
    """The CSS class (static/labelcrm/labels.css) of a label's colour; nobody has chosen one for what is not mapped."""
    return family_tone(ColorFamily.NEUTRAL if label.is_unmapped else label.color)


def family_tone(color: str) -> str:
    """The same of one family of colours."""
    return f"lc-family-{color}"


NO_TONE = family_tone(ColorFamily.NEUTRAL)  # of what is no label and stands among labels


def _drawn(badge: dict[str, Any]) -> SafeString:
    """A badge as HTML. A list of fifty rows draws hundreds, so this costs little time and few bytes."""
    text = str(badge["text"])
    hint = badge.get("hint") or (text if len(text) > LONG else "")
    title = format_html(' title="{}"', hint) if hint else ""
    looks = f"{badge['tone']}{UNMAPPED if badge.get('unmapped') else ''}{ENDED if badge.get('ended') else ''}"
    if link := badge.get("link"):
        return format_html('<a href="{}" class="lc-badge {}"{}>{}</a>', link, looks, title, text)
    return format_html('<span class="lc-badge {}"{}>{}</span>', looks, title, text)


# -- Figures ---------------------------------------------------------------------------------------------------------


@register.filter
def written_share(share: Any) -> str:
    """A share as tables have it: how many of how many, and the share; "–" of nobody."""
    return columns.written(share, "share")


# -- People and times ------------------------------------------------------------------------------------------------


@register.filter
def phone(number: str) -> str:
    """+6281234567890 as people write it: +62 812-3456-7890. Anything else as it is."""
    return _readable(number) if number else ""


MESSAGE_KINDS = {
    "text": gettext_lazy("a message without text"),
    "image": gettext_lazy("a photo"),
    "audio": gettext_lazy("a recording"),
    "video": gettext_lazy("a video"),
    "document": gettext_lazy("a document"),
    "sticker": gettext_lazy("a sticker"),
    "location": gettext_lazy("a location"),
    "contact": gettext_lazy("a contact card"),
    "reaction": gettext_lazy("a reaction"),
    "poll": gettext_lazy("a poll"),
    "other": gettext_lazy("another kind of message"),
}


@register.filter
def message_kind(kind: str) -> str:
    """What a message is that has no text to show: "a photo". A kind without words stays as it is."""
    return str(MESSAGE_KINDS.get(kind, kind))


@register.filter
def gateway_title(name: str) -> str:
    """What people call a gateway: "waha" is WAHA. A name that posts here without being one of ours stays as it is."""
    return GATEWAYS[name].title if name in GATEWAYS else name


@register.filter
def address(contact: Any) -> str:
    """How a contact is reached, as people read it; an id of WhatsApp's only on hover."""
    if contact.phone:
        return phone(contact.phone)
    if contact.username or not contact.address:
        return str(contact.shown_address)
    return format_html('<span title="{}">{}</span>', contact.address, contact.shown_address)


@register.filter
def called(contact: Any) -> str:
    """What a contact is called: by name, else by how it is reached, as people write it."""
    return contact.name or phone(contact.phone) or str(contact.shown_address)


@lru_cache(maxsize=4096)
def _readable(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@register.simple_tag(takes_context=True)
def trail(context: Any) -> list[theme.Crumb]:
    """The way to this page; unfold says in `parts` what it would have shown, the page's own name last."""
    request, name = context["request"], name_shown(context["parts"][-1]["title"])
    match = request.resolver_match
    is_list = bool(match and (match.url_name or "").endswith("_changelist"))
    return theme.trail(request, theme.LISTS.get(match.url_name, capfirst(name)) if is_list else name)


@register.simple_tag(takes_context=True)
def page_title(context: Any) -> str:
    """What the tab says: the page's name, and before it which part of it ("History: Rina"); never an act."""
    row = context.get("original") or context.get("object")
    name = str(getattr(row, "name_shown", "") or context.get("subtitle") or context.get("title") or "")
    opts = context.get("opts")
    if opts is None:
        return name
    match = context["request"].resolver_match
    part = (match.url_name or "").rpartition("_")[2] if match else ""
    if part == "add":
        return capfirst(_("new %(name)s") % {"name": opts.verbose_name})
    if part not in theme.SUBPAGES:
        return _list_name(context["request"], opts) if "cl" in context else name
    return f"{theme.SUBPAGES[part]}: {name_shown(context.get('object')) or _list_name(context['request'], opts)}"


def name_shown(row: Any) -> Any:
    """What a row's page is called: some rows are codes to programs, and their lists give them a name in words."""
    return getattr(row, "name_shown", row)


def _list_name(request: HttpRequest, opts: Any) -> str:
    """What the menu calls the list of these rows; a list that is not in the menu has the name of its rows."""
    view = f"{opts.app_label}_{opts.model_name}_changelist"
    if view in theme.LISTS:
        return str(theme.LISTS[view])
    address = reverse(f"admin:{view}")
    named = (str(crumb.title) for crumb in theme.trail(request, "") if crumb.link == address)
    return next(named, capfirst(opts.verbose_name_plural))


@register.filter
def person(user: Any) -> str:
    """A user by name, else by login; "" for none."""
    return (user.get_full_name() or user.get_username()) if user is not None else ""


@register.filter
def moment(at: datetime | None) -> str:
    """A time in a list: short and on one line, exact on hover."""
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(timespec="seconds"), exact(at), short(at)
    )


@register.filter
def short(at: datetime) -> str:
    """A time without its year while that is this one: "29 Nov, 09:00"; without its hour in another: "29 Nov 2025"."""
    local = timezone.localtime(at)
    if local.year != timezone.localtime().year:
        return str(format_date(local, "DATE_FORMAT"))
    return f"{format_date(local, 'MONTH_DAY_FORMAT')}, {format_date(local, 'TIME_FORMAT')}"


@register.filter
def with_weekday(at: datetime) -> str:
    """A day of these weeks: "Sunday 29 Nov"."""
    local = timezone.localtime(at)
    return f"{format_date(local, 'l')} {format_date(local, 'MONTH_DAY_FORMAT')}"


@register.filter
def exact(at: datetime) -> str:
    """A time to the second: "29 Nov 2026, 09:00:12"."""
    local = timezone.localtime(at)
    seconds = get_format("TIME_FORMAT").replace("H", "").replace("i", "") + "s"  # the language's mark before them
    return f"{format_date(local, 'DATETIME_FORMAT')}{format_date(local, seconds)}"


@register.filter
def period(shown: Any) -> str:
    """A period of `reports` in words. Its last day is the last that counts; one that cuts a day tells its times."""
    days = shown.days
    if days is None:
        ends = [format_date(timezone.localtime(at), "DATETIME_FORMAT") for at in (shown.start, shown.end)]
    else:
        ends = [format_date(day, "DATE_FORMAT") for day in (days[0], days[1] - timedelta(days=1))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} – {ends[1]}"


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, in one word and a number: "3 days"."""
    return length(timezone.now() - moment) if moment else ""


@register.filter
def length(duration: Any) -> Any:
    """A duration (or seconds) in its largest whole unit; a list is counted, as by Django's filter of this name."""
    if duration is None:
        return ""
    if hasattr(duration, "__len__"):
        return len(duration)
    seconds = max(0, int(duration.total_seconds() if isinstance(duration, timedelta) else duration))
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    if seconds < 3600:
        return ngettext("%(n)d minute", "%(n)d minutes", seconds // 60) % {"n": seconds // 60}
    if seconds < 86400:
        return ngettext("%(n)d hour", "%(n)d hours", seconds // 3600) % {"n": seconds // 3600}
    return ngettext("%(n)d day", "%(n)d days", seconds // 86400) % {"n": seconds // 86400}


OUTCOMES = {
    "wrong_signature": gettext_lazy("wrong signature"),
    "no_signature": gettext_lazy("no signature"),
    "wrong_token": gettext_lazy("wrong token in the address"),
    "no_token": gettext_lazy("no token in the address"),
    "too_large": gettext_lazy("too large"),
    "not_json": gettext_lazy("not JSON, or beyond the limits"),
}


@register.filter
def outcome(code: str) -> str:
    """Why a post was refused, in words."""
    return str(OUTCOMES.get(code, code.replace("_", " ")))


TOUCHES = {
    "ad": gettext_lazy("by its ad"),
    "ref": gettext_lazy("by its ad"),
    "click": gettext_lazy("by its click"),
    "keyword": gettext_lazy("by words in the first message"),
    "regex": gettext_lazy("by a pattern in the first message"),
    "channel": gettext_lazy("by the number"),
    "manual": gettext_lazy("by hand"),
}


@register.filter
def recognised(method: str) -> str:
    """How a campaign was recognised, in words."""
    return str(TOUCHES.get(method, method))


@register.filter
def rule_days(rule: Any) -> str:
    """The days in which a rule holds, in words; "" when it always does."""
    first, last = (format_date(day, "DATE_FORMAT") if day else "" for day in (rule.since, rule.until))
    if first and last:
        return f"{first} – {last}"
    if first:
        return _("from %(day)s") % {"day": first}
    return _("until %(day)s") % {"day": last} if last else ""


@register.simple_tag
def flag(text: Any, look: str = "") -> SafeString:
    """A short word in a pill: "good", "warn", "bad" or plain. The text says it, the colour only helps."""
    return format_html('<span class="lc-flag{}">{}</span>', f" lc-flag--{look}" if look else "", text)


@register.filter
def with_code(text: Any) -> SafeString:
    """A text with its `backticks` as <code>."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(str(text))))  # noqa: S308 - escaped before
