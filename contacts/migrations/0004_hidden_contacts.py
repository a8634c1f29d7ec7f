"""An index of archived contacts, for the number of hidden ones. Built beside the work; holds few rows."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('contacts', '0003_status_events'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False), ('merged_into__isnull', True)), fields=['id'], name='contact_hidden'),
        ),
    ]
