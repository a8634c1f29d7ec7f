"""Drops four tables that nothing has ever written or read. Costs nothing: they are empty, and no other table
points at them. Undone by making them again.
"""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0004_active_labels_covered'),
    ]

    operations = [
        migrations.DeleteModel(name='Finding'),
        migrations.DeleteModel(name='ContradictionRule'),
        migrations.DeleteModel(name='LabelMerge'),
        migrations.DeleteModel(name='NamingDecision'),
    ]
