"""The six roles: groups made by a migration, whose permissions follow the table below after every migrate.

`*` stands for every model of an app. A role that people have edited in the admin keeps what they added:
the table only ever adds.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

OWNER = "owner"
CS_LEAD = "cs_lead"
CS = "cs"
MARKETING = "marketing"
ANALYST = "analyst"
AUDITOR = "auditor"
ROLES = (OWNER, CS_LEAD, CS, MARKETING, ANALYST, AUDITOR)

TITLES = {
    OWNER: _("Owner"),
    CS_LEAD: _("CS lead"),
    CS: _("CS"),
    MARKETING: _("Marketing"),
    ANALYST: _("Data analyst"),
    AUDITOR: _("Auditor"),
}

VIEW_DATA = ["contacts.view_*", "labels.view_*"]
PERMISSIONS: dict[str, list[str]] = {
    OWNER: ["contacts.*", "labels.*", "webhooks.*", "reports.*", "core.*", "auth.view_*", "authtoken.*"],
    CS_LEAD: [
        *VIEW_DATA,
        "reports.view_*",
        "contacts.change_contact",
        "contacts.add_note",
        "contacts.change_agent",
        "contacts.add_channelownership",
        "contacts.change_channelownership",
        "contacts.export_contact",
        "labels.change_*",
        "labels.add_*",
        "webhooks.view_inboundevent",
        "webhooks.view_postcounter",
        "webhooks.view_reconcilerun",
        "webhooks.change_inboundevent",
    ],
    CS: [
        *VIEW_DATA,
        "contacts.change_contact",
        "contacts.add_note",
        "labels.add_labelcommand",
        "labels.change_staleflag",
    ],
    MARKETING: [
        *VIEW_DATA,
        "reports.*",
        "contacts.see_all_teams",
        "contacts.export_contact",
        "contacts.add_contact",
        "contacts.change_contact",
        "contacts.add_campaign",
        "contacts.change_campaign",
        "contacts.add_campaignrule",
        "contacts.change_campaignrule",
    ],
    ANALYST: [*VIEW_DATA, "reports.*", "contacts.see_all_teams", "contacts.export_contact", "webhooks.view_*"],
    AUDITOR: [*VIEW_DATA, "reports.view_*", "contacts.see_all_teams", "webhooks.view_*", "core.view_*"],
}


def role_title(name: str) -> str:
    """What people call a role; a group of their own keeps its name."""
    return str(TITLES.get(name, name))


def sync_roles(sender: Any = None, **kwargs: Any) -> None:
    """Give every role the permissions of the table, as far as they exist yet (post_migrate runs once per app)."""
    from django.contrib.auth.models import Group, Permission

    known = {f"{p.content_type.app_label}.{p.codename}": p for p in Permission.objects.select_related("content_type")}
    for name, patterns in PERMISSIONS.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.add(*(p for code, p in known.items() if any(_covers(pattern, code) for pattern in patterns)))


def _covers(pattern: str, code: str) -> bool:
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern
