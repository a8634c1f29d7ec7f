"""Sums of days and labels that are on, read from their indexes alone. Two passes, without holding up writers."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('labels', '0025_stale_sums'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='labelday',
            index=models.Index(fields=['scope', 'label', 'day'], include=('added', 'mistaps', 'found', 'removed', 'lost'), name='label_day_covered'),
        ),
        RemoveIndexConcurrently(
            model_name='labelday',
            name='label_day_by_label',
        ),
        AddIndexConcurrently(
            model_name='labelspell',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['channel', 'agent', 'contact'], include=('started_at', 'reach'), name='spell_open_covered'),
        ),
    ]
