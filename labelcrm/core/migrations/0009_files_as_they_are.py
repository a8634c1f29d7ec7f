"""Files of jobs are kept as they are: to compress a piece of some MB took longer than to write it, and files go after
a week. A change of the catalogue for what is written from now on, no rewrite."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0008_preferences'),
    ]

    operations = [
        migrations.RunSQL(
            'ALTER TABLE core_jobfile ALTER COLUMN body SET STORAGE EXTERNAL',
            'ALTER TABLE core_jobfile ALTER COLUMN body SET STORAGE EXTENDED',
        ),
    ]
