"""Drops the table of label commands: nothing has ever written it, and so nothing of what points at it is set.

Takes a lock on the label events for the moment that dropping a constraint, an index and an empty table needs. Their
column `command_id` stays in the database, always NULL, because a drain that still runs while this migrates names it
in each row that it writes; a later migration drops it. Undone by making the table and the constraint again, the
index of which is built over all label events: seconds per million.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0005_tables_without_code'),
    ]

    operations = [
        migrations.AlterField(
            model_name='labelevent',
            name='command',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='events', to='labels.labelcommand'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name='labelevent', name='command')],
        ),
        migrations.DeleteModel(name='LabelCommand'),
    ]
