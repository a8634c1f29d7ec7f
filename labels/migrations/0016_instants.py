"""An index of the labels that were put on and taken off at once, so that a report does not look at all labels for them.

Cost: one pass over the intervals, about a second for a million, and an index of some kilobytes. Built without holding
up writers, so outside a transaction.
"""

from datetime import timedelta

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.lookups import LessThan


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('labels', '0015_returns'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='labelassignment',
            index=models.Index(
                fields=['added_at'],
                condition=models.Q(LessThan(models.F('removed_at') - models.F('added_at'), timedelta(seconds=1))),
                name='interval_of_an_instant',
            ),
        ),
    ]
