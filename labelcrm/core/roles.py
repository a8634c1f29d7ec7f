"""The six roles: groups made by a migration, which get the permissions of the table below after every migrate.

`*` stands for every model of an app. Each permission is given to a role once, when it is new, and that is remembered
(`RoleGrant`): what people take out of a role stays out, what they add stays in, and groups of their own are left alone.
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
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
    OWNER: [
        "contacts.*",
        "labels.*",
        "webhooks.*",
        "reports.*",
        "core.*",
        "auth.view_*",
        "authtoken.*",
        "transfer.view_briefmessage",
    ],
    CS_LEAD: [
        *VIEW_DATA,
        "reports.view_*",
        "reports.add_segment",
        "reports.change_segment",
        "reports.delete_segment",
        "contacts.change_contact",
        "contacts.add_note",
        "contacts.change_agent",
        "contacts.add_channelownership",
        "contacts.change_channelownership",
        "contacts.export_contact",
        "labels.change_*",
        "labels.add_*",
        "labels.delete_freeday",
        "webhooks.view_inboundevent",
        "webhooks.view_postcounter",
        "webhooks.view_reconcilerun",
        "webhooks.change_inboundevent",
    ],
    CS: [
        *VIEW_DATA,
        "contacts.change_contact",
        "contacts.add_note",
        "labels.change_staleflag",
        "labels.change_contradictionflag",
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
        "contacts.add_optoutword",
        "contacts.change_optoutword",
        "contacts.delete_optoutword",
    ],
    ANALYST: [*VIEW_DATA, "reports.*", "contacts.see_all_teams", "contacts.export_contact", "webhooks.view_*"],
    AUDITOR: [
        *VIEW_DATA,
        "reports.view_*",
        "contacts.see_all_teams",
        "webhooks.view_*",
        "core.view_*",
        "transfer.view_briefmessage",
    ],
}


def role_title(name: str) -> str:
    """What people call a role; a group of their own keeps its name."""
    return str(TITLES.get(name, name))


def sync_roles(sender: Any = None, **kwargs: Any) -> None:
    """Give every role what it never got of the table, as far as that exists yet."""
    from django.contrib.auth.models import Group, Permission

    if not _is_migrated(kwargs.get("using", DEFAULT_DB_ALIAS)):
        return
    known = {f"{p.content_type.app_label}.{p.codename}": p for p in Permission.objects.select_related("content_type")}
    for name, patterns in PERMISSIONS.items():
        group, _made = Group.objects.get_or_create(name=name)
        _grant(group, {code: p for code, p in known.items() if covers(patterns, code)})


def _grant(group: Any, wanted: dict[str, Any]) -> None:
    from labelcrm.core.models import RoleGrant

    new = wanted.keys() - set(RoleGrant.objects.filter(group=group).values_list("permission", flat=True))
    with transaction.atomic():
        RoleGrant.objects.bulk_create([RoleGrant(group=group, permission=code) for code in new], ignore_conflicts=True)
        group.permissions.add(*(wanted[code] for code in new))


def _is_migrated(alias: str) -> bool:
    """False while somebody migrates to a state before there was this memory."""
    from labelcrm.core.models import RoleGrant

    return RoleGrant._meta.db_table in connections[alias].introspection.table_names()


def covers(patterns: list[str], code: str) -> bool:
    """Whether one of the patterns stands for the permission."""
    return any(_covers(pattern, code) for pattern in patterns)


def _covers(pattern: str, code: str) -> bool:
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern
