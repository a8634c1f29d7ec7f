"""Drops two columns of consents that nothing has ever written or read. They are empty, so it takes a moment.

While it runs, opting somebody in or out by a process of the version before fails and changes nothing. Undone by
making the columns again.
"""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0009_keyword_match'),
    ]

    operations = [
        migrations.RemoveField(model_name='consent', name='evidence'),
        migrations.RemoveField(model_name='consent', name='message'),
    ]
