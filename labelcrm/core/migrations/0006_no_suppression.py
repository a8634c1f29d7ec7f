"""Drops the table of erased persons: nothing has ever written or read it. Costs nothing: it is empty, and no other
table points at it. Undone by making it again.
"""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0005_role_grants'),
    ]

    operations = [
        migrations.DeleteModel(name='Suppression'),
    ]
