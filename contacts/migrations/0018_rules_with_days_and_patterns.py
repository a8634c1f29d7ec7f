"""Rules hold in a window of days, may be patterns, or speak for a number; touches say which rule recognised them.

Cost: columns without a default, no row is rewritten; the foreign key is checked on an empty column. Of rules that say
the same (there could be such without a number) the one asked first stays.
"""

import django.db.models.deletion
from django.db import migrations, models

ONE_OF_EACH = """
    DELETE FROM contacts_campaignrule r USING contacts_campaignrule other
    WHERE (other.campaign_id, other.kind, other.pattern) = (r.campaign_id, r.kind, r.pattern)
      AND other.channel_id IS NOT DISTINCT FROM r.channel_id
      AND (NOT other.active, other.priority, other.id) < (NOT r.active, r.priority, r.id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0017_campaign_costs'),
    ]

    operations = [
        migrations.RunSQL(ONE_OF_EACH, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name='campaignrule',
            name='campaign_rule_once',
        ),
        migrations.AddField(
            model_name='campaignrule',
            name='since',
            field=models.DateField(blank=True, null=True, verbose_name='from (day)'),
        ),
        migrations.AddField(
            model_name='campaignrule',
            name='until',
            field=models.DateField(blank=True, null=True, verbose_name='until (day)'),
        ),
        migrations.AlterField(
            model_name='campaignrule',
            name='kind',
            field=models.CharField(choices=[('ad', 'ad id'), ('ref', 'ad ref'), ('click', 'click id'), ('keyword', 'words in the first message'), ('regex', 'pattern in the first message'), ('channel', 'WhatsApp number')], max_length=10, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='campaignrule',
            name='pattern',
            field=models.CharField(blank=True, max_length=200, verbose_name='value'),
        ),
        migrations.AddConstraint(
            model_name='campaignrule',
            constraint=models.UniqueConstraint(fields=('campaign', 'kind', 'pattern', 'channel', 'since', 'until'), name='campaign_rule_once', nulls_distinct=False, violation_error_message='The campaign has this rule already.'),
        ),
        migrations.AddConstraint(
            model_name='campaignrule',
            constraint=models.CheckConstraint(condition=models.Q(('until__isnull', True), ('since__isnull', True), ('until__gte', models.F('since')), _connector='OR'), name='campaign_rule_days_in_order', violation_error_message='The last day is before the first.'),
        ),
        migrations.AddField(
            model_name='campaigntouch',
            name='rule',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='touches', to='contacts.campaignrule', verbose_name='rule'),
        ),
    ]
