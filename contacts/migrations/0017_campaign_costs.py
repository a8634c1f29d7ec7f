"""What a campaign cost, by period. Cost: a new small table; a campaign with a cost and both its days gets a row.

`Campaign.cost` stays, as the sum of the rows, and for a campaign whose days nobody entered.
"""

import django.db.models.deletion
from django.db import migrations, models

COPY = """
    INSERT INTO contacts_campaigncost (campaign_id, first_day, last_day, amount, note)
    SELECT id, starts_on, ends_on, cost, '' FROM contacts_campaign
    WHERE cost IS NOT NULL AND starts_on IS NOT NULL AND ends_on IS NOT NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0016_opted_out_lately'),
    ]

    operations = [
        migrations.CreateModel(
            name='CampaignCost',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_day', models.DateField(verbose_name='first day')),
                ('last_day', models.DateField(verbose_name='last day')),
                ('amount', models.DecimalField(decimal_places=0, max_digits=14, verbose_name='cost (rupiah)')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='costs', to='contacts.campaign', verbose_name='campaign')),
            ],
            options={
                'verbose_name': 'cost of a period',
                'verbose_name_plural': 'costs by period',
                'ordering': ['first_day', 'id'],
            },
        ),
        migrations.AddConstraint(
            model_name='campaigncost',
            constraint=models.CheckConstraint(condition=models.Q(('last_day__gte', models.F('first_day'))), name='campaign_cost_days_in_order', violation_error_message='The last day is before the first.'),
        ),
        migrations.AddConstraint(
            model_name='campaigncost',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='campaign_cost_row_not_negative', violation_error_message='A cost is not negative.'),
        ),
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
    ]
