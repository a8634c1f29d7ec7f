"""Which rule recognised the touches that are there already, and an index of them.

Cost: one update of the touches that a rule brought, about ten seconds a million; the index is built without holding
up writers, so outside a transaction: what is left of a build that was interrupted is an invalid index, to be dropped
before this runs again.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

RECOGNISED_BY = """
    UPDATE contacts_campaigntouch t SET rule_id = r.id
    FROM contacts_campaignrule r
    WHERE t.rule_id IS NULL AND r.campaign_id = t.campaign_id AND r.kind = t.method
      AND r.pattern = t.evidence->>t.method AND (r.channel_id IS NULL OR r.channel_id = t.channel_id)
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('contacts', '0018_rules_with_days_and_patterns'),
    ]

    operations = [
        migrations.RunSQL(RECOGNISED_BY, migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='campaigntouch',
            index=models.Index(condition=models.Q(('rule__isnull', False)), fields=['rule', 'at'], name='touch_by_rule'),
        ),
    ]
