"""Exports of labels on contacts, label events and reports beside those of contacts.

A column with a constant default: PostgreSQL rewrites no row, so it costs milliseconds on a table of any size.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transfer', '0001_exports'),
    ]

    operations = [
        migrations.AddField(
            model_name='export',
            name='kind',
            field=models.CharField(choices=[('people', 'contacts'), ('intervals', 'labels on contacts'), ('events', 'label events'), ('report', 'report')], db_default='people', default='people', max_length=10, verbose_name='kind'),
        ),
    ]
