"""An index of the bodies that are still to be emptied. Built over the whole inbox, which it locks: seconds per million rows."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0003_status_events'),
        ('webhooks', '0001_initial'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='inboundevent',
            index=models.Index(condition=models.Q(('state__in', ['applied', 'duplicate']), models.Q(('body', b''), _negated=True)), fields=['settled_at'], name='inbox_with_body'),
        ),
    ]
