"""Which permission a role was given once, so that what people take out of it stays out.

A table of some two hundred short rows, filled from what roles have: milliseconds. Up to now every migrate gave every
role all of the table below again; so whatever of it exists already has been given, and what a role lacks of it now was
taken out since. Going back forgets it: the next migrate gives everything again, as it did before.
"""

import django.db.models.deletion
from django.db import migrations, models

# The roles as they were before this migration; patterns as in labelcrm.core.roles.
DATA = ["contacts.view_*", "labels.view_*"]
BEFORE = {
    "owner": ["contacts.*", "labels.*", "webhooks.*", "reports.*", "core.*", "auth.view_*", "authtoken.*"],
    "cs_lead": [
        *DATA,
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
    "cs": [
        *DATA,
        "contacts.change_contact",
        "contacts.add_note",
        "labels.add_labelcommand",
        "labels.change_staleflag",
    ],
    "marketing": [
        *DATA,
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
    "analyst": [*DATA, "reports.*", "contacts.see_all_teams", "contacts.export_contact", "webhooks.view_*"],
    "auditor": [*DATA, "reports.view_*", "contacts.see_all_teams", "webhooks.view_*", "core.view_*"],
}


def remember(apps, schema_editor):
    """Roles that have nothing at all, none of them, were never given anything: a new installation."""
    groups, grants = apps.get_model("auth", "Group").objects, apps.get_model("core", "RoleGrant").objects
    known = apps.get_model("auth", "Permission").objects.values_list("content_type__app_label", "codename")
    codes = [f"{app}.{codename}" for app, codename in known]
    if not groups.filter(name__in=BEFORE, permissions__isnull=False).exists():
        return
    for group in groups.filter(name__in=BEFORE):
        given = [code for code in codes if any(_covers(pattern, code) for pattern in BEFORE[group.name])]
        grants.bulk_create(
            [grants.model(group=group, permission=code) for code in given], ignore_conflicts=True
        )


def _covers(pattern, code):
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern


class Migration(migrations.Migration):
    dependencies = [("core", "0004_people_served"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="RoleGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("permission", models.CharField(max_length=200)),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="auth.group"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("group", "permission"), name="granted_once_per_role")
                ],
            },
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]
