"""When a contact got the same label before, on its spells, and indexes of the stays of a period.

Filled ten thousand contacts at a time, each in a transaction of its own: half a minute per million contacts with ten
labels each. What a worker of the version before writes meanwhile has none; the nightly check mends it. The indexes are
built without holding up writers.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

CHUNK = 10_000
FILL = """
    UPDATE labels_{table}labelspell t SET added_before = s.before
    FROM (
        SELECT id, lag(started_at) OVER (PARTITION BY contact_id, label_id {scope} ORDER BY started_at) AS before
        FROM labels_{table}labelspell WHERE contact_id BETWEEN %s AND %s AND NOT found
    ) AS s
    WHERE t.id = s.id AND s.before IS NOT NULL
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute('SELECT min(id), max(id) FROM contacts_contact')
        first, last = cursor.fetchone()
        for start in range(first or 0, (last or -1) + 1, CHUNK):
            for table, scope in (('', ''), ('scoped', ', scope')):
                cursor.execute(FILL.format(table=table, scope=scope), [start, start + CHUNK - 1])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('labels', '0017_second_looks'),
    ]

    operations = [
        migrations.AddField('labelspell', 'added_before', models.DateTimeField(null=True)),
        migrations.AddField('scopedlabelspell', 'added_before', models.DateTimeField(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexConcurrently('labelspell', models.Index(condition=models.Q(('added_before__isnull', False)), fields=['started_at'], include=('label', 'added_before', 'channel', 'reach'), name='spell_added_again')),
        AddIndexConcurrently('stagestay', models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['contact'], include=('label', 'started_at', 'channel', 'reach'), name='stage_now_covered')),
        RemoveIndexConcurrently('stagestay', 'stage_now'),
        AddIndexConcurrently('stagestay', BrinIndex(fields=['started_at', 'ended_at'], name='stay_times_brin')),
    ]
