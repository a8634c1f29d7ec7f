"""Takes out of the audit trail, and out of Django's own log, what customers are called and what was looked for.

Costs one pass over the audit trail by primary key, in steps of 10,000 ids that each commit by themselves and lock
only the rows they change: about 20 seconds per million rows. May be interrupted and run again. What is taken out is
gone for good; the reverse does nothing, and needs to do nothing.
"""

import json
import re

from django.db import migrations

STEP = 10_000
# As labelcrm.core.audit had them when this was written.
NAMED = [
    "auth.group", "contacts.agent", "contacts.campaign", "contacts.campaignrule", "contacts.channel", "contacts.team",
    "core.setting", "core.user", "labels.category", "labels.channellabel", "labels.label", "labels.labelalias",
]
PLAIN = re.compile(r"[0-9]{0,9}|due|false|none|planned|true|unmapped|\d{4}-\d\d-\d\d", re.ASCII)
HIDDEN = "…"

NAMES = """
    UPDATE core_auditentry SET object_name = ''
    WHERE id > %s AND id <= %s AND object_name <> '' AND NOT object_type = ANY(%s)
"""
REASONS = """
    UPDATE core_auditentry SET details = details - 'reason'
    WHERE id > %s AND id <= %s AND action = 'label.snoozed' AND details ? 'reason'
"""
FILES = """
    UPDATE core_auditentry SET details = details - 'file'
    WHERE id > %s AND id <= %s AND action = 'contacts.imported' AND details ? 'file'
"""
FILTERED = """
    SELECT id, details -> 'filters' FROM core_auditentry
    WHERE id > %s AND id <= %s AND action IN ('contacts.exported', 'campaigns.exported') AND details ? 'filters'
"""
# Written by pages that did not mean to; nothing here ever showed it.
DJANGOS_LOG = """
    UPDATE django_admin_log SET object_repr = '', change_message = ''
    WHERE (object_repr <> '' OR change_message <> '') AND content_type_id IN (
          SELECT id FROM django_content_type WHERE NOT app_label || '.' || model = ANY(%s))
"""


def hidden(filters):
    """The filters without what somebody typed to look for."""
    if not isinstance(filters, dict):
        return {}
    return {
        name: [value if PLAIN.fullmatch(str(value)) else HIDDEN for value in values]
        for name, values in filters.items()
        if isinstance(values, list)
    }


def clean(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM core_auditentry")
        [last] = cursor.fetchone()
        for start in range(0, last, STEP):
            span = [start, start + STEP]
            cursor.execute(NAMES, [*span, NAMED])
            cursor.execute(REASONS, span)
            cursor.execute(FILES, span)
            cursor.execute(FILTERED, span)
            for pk, filters in cursor.fetchall():
                found = json.loads(filters) if isinstance(filters, str) else filters
                cursor.execute(
                    "UPDATE core_auditentry SET details = jsonb_set(details, '{filters}', %s::jsonb) WHERE id = %s",
                    [json.dumps(hidden(found)), pk],
                )
        cursor.execute(DJANGOS_LOG, [NAMED])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("core", "0002_roles"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(clean, migrations.RunPython.noop)]
