"""What stays taught about the limits of labels: one row a label, made by the job of the day. Costs nothing."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('labels', '0013_label_events_by_receipt'),
    ]

    operations = [
        migrations.CreateModel(
            name='LearnedLimit',
            fields=[
                ('label', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='learned_limit', serialize=False, to='labels.label')),
                ('stays', models.PositiveIntegerField()),
                ('p80', models.DurationField()),
                ('computed_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
