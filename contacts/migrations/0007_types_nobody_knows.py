"""The name of a message's type where it is unknown. Cost: a column with a constant default; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0005_people_without_numbers'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='wire_type',
            field=models.CharField(blank=True, db_default='', max_length=60, verbose_name='unknown type'),
        ),
    ]
