"""An index of who opted out, made without a lock: a second per million contacts, and small, for few opt out."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('contacts', '0015_opt_out_words'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(condition=models.Q(('opted_out_at__isnull', False)), fields=['opted_out_at', 'id'], name='contact_opted_out'),
        ),
    ]
