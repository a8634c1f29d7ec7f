"""Active labels answered from their index alone. Writers wait for the seconds it takes."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0003_lighter_projections'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='labelassignment',
            name='active_by_label',
        ),
        migrations.AddIndex(
            model_name='labelassignment',
            index=models.Index(condition=models.Q(('removed_at__isnull', True)), fields=['label', 'added_at'], include=('contact', 'added_by', 'channel', 'channel_label'), name='active_by_label'),
        ),
    ]
