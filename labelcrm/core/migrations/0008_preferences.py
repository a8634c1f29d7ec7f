"""How people like their pages. A column with a constant default: a catalogue change, no rewrite."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0007_jobs'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='preferences',
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        ),
    ]
