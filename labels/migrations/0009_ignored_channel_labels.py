"""Adds to WhatsApp labels that a person said it is none that counts. Instant: the table is short, the default the database's."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0008_scopes_of_what_is_there'),
    ]

    operations = [
        migrations.AddField(
            model_name='channellabel',
            name='ignored',
            field=models.BooleanField(db_default=False, default=False, verbose_name='not counted'),
        ),
    ]
