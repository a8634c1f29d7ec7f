"""An index of archived contacts, for the number of hidden ones. Holds few rows; writers wait for the seconds it takes."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0003_status_events'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='contact',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False), ('merged_into__isnull', True)), fields=['id'], name='contact_hidden'),
        ),
    ]
