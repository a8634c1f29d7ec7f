"""Since when an identifier leads, and what a merge moved. Cost: columns that are empty or have a constant default, no row
is rewritten; an index over the few contacts with a username, for which writers wait while the table is read once."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0005_people_without_numbers'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='username_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='contactidentity',
            name='leads_since',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='contactmerge',
            name='before',
            field=models.JSONField(db_default=models.Value({}, output_field=models.JSONField()), default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='contactmerge',
            name='moved',
            field=models.JSONField(db_default=models.Value({}, output_field=models.JSONField()), default=dict, editable=False),
        ),
        migrations.AddIndex(
            model_name='contact',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('username'), name='gin_trgm_ops'), condition=models.Q(('username', ''), _negated=True), name='contact_username_trgm'),
        ),
    ]
