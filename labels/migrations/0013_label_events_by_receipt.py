"""Label events by when they came, for data health.

Cost: one pass over the label events, about a second for a million, and an index of some kilobytes. Built without
holding up writers, so outside a transaction.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('labels', '0012_stays_on_channels'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='labelevent',
            index=BrinIndex(fields=['received_at'], name='label_event_received_brin'),
        ),
    ]
