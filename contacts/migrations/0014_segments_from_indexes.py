"""Indexes that segments are answered from: names without case and accents, who is archived, who is known on a
channel. Each takes the place of a narrower one.

Cost for a million contacts: half a minute, nearly all of it for names, and 60 MB more than before. Built without
holding up writers, so outside a transaction: what is left of a build that was interrupted is an invalid index, to be
dropped before this runs again.
"""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from labelcrm.core.unaccented import Unaccented


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('contacts', '0013_list_by_first_seen'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='contact',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(Unaccented('name'), name='gin_trgm_ops'), name='contact_name_unaccented'),
        ),
        RemoveIndexConcurrently(model_name='contact', name='contact_name_trgm'),
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['id'], include=('merged_into',), name='contact_archived'),
        ),
        RemoveIndexConcurrently(model_name='contact', name='contact_hidden'),
        AddIndexConcurrently(
            model_name='contactchannel',
            index=models.Index(fields=['channel', 'first_inbound_at'], include=('contact',), name='contact_channel_covered'),
        ),
        RemoveIndexConcurrently(model_name='contactchannel', name='contact_channel_first_in'),
    ]
