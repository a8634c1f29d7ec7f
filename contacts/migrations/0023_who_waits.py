"""An index of who waits for an answer. One pass over the links of contacts to numbers, without holding up writers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('contacts', '0022_staff_numbers'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='contactchannel',
            index=models.Index(condition=models.Q(('last_inbound_at__isnull', False), models.Q(('last_outbound_at__isnull', True), ('last_outbound_at__lt', models.F('last_inbound_at')), _connector='OR')), fields=['last_inbound_at', 'contact'], include=('channel',), name='contact_channel_waits'),
        ),
    ]
