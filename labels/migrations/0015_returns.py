"""Marks on the stays and clean spells that made a flip-flop, so that no report looks for them in everybody's history.

The columns cost nothing; marking is done ten thousand contacts at a time, each in a transaction of its own: two minutes
per million contacts with ten labels each. What a worker of the version before writes meanwhile has no marks; the nightly
check mends it.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

CHUNK = 10_000
# Who had A, then B, then A again less than seven days after B began. `v` is what of a contact one scope sees.
BACK = """
    SELECT *, lag(label_id) OVER own AS before, lag(label_id, 2) OVER own AS before_that, lag(at) OVER own AS left_at
    FROM (
        SELECT *, lag(label_id) OVER (PARTITION BY contact_id, v, of ORDER BY at) IS DISTINCT FROM label_id AS is_new
        FROM ({steps}) AS step
    ) AS step WHERE is_new WINDOW own AS (PARTITION BY contact_id, v, of ORDER BY at)
"""
IS_BACK = "before_that = label_id AND at - left_at < interval '168 hours'"
STAYS = """
    UPDATE labels_{table}stagestay t SET is_return = true
    FROM (SELECT id FROM ({back}) AS back WHERE {is_back}) AS back WHERE t.id = back.id
"""
STAY_STEPS = """
    SELECT id, contact_id, {scope} AS v, '' AS of, label_id, started_at AS at FROM labels_{table}stagestay
    WHERE contact_id BETWEEN %(first)s AND %(last)s
"""
# Of each exclusive group: at each moment the label that came last, of those on.
SPELLS = """
    WITH member AS MATERIALIZED (
        SELECT s.id, s.contact_id, {scope} AS v, l.exclusive_group AS of, s.label_id, s.started_at, s.ended_at
        FROM labels_{table}cleanspell s JOIN labels_label l ON l.id = s.label_id AND l.exclusive_group <> ''
        WHERE s.contact_id BETWEEN %(first)s AND %(last)s
    ), moment AS (
        SELECT contact_id, v, of, started_at AS at FROM member
        UNION SELECT contact_id, v, of, ended_at FROM member WHERE ended_at IS NOT NULL
    ), top AS (
        SELECT DISTINCT ON (m.contact_id, m.v, m.of, m.at) s.id, m.contact_id, m.v, m.of, m.at, s.label_id, s.started_at
        FROM moment m JOIN member s USING (contact_id, v, of)
        WHERE s.started_at <= m.at AND (s.ended_at IS NULL OR s.ended_at > m.at)
        ORDER BY m.contact_id, m.v, m.of, m.at, s.started_at DESC, s.label_id
    ), back AS MATERIALIZED (
        SELECT * FROM ({back}) AS back WHERE {is_back}
    ), put_on AS (
        UPDATE labels_{table}cleanspell t SET is_return = true FROM back
        WHERE t.id = back.id AND back.started_at = back.at
    )
    UPDATE labels_{table}cleanspell t SET return_to_id = back.label_id
    FROM back JOIN member e USING (contact_id, v, of)
    WHERE back.started_at <> back.at AND e.ended_at = back.at AND e.label_id = back.before AND t.id = e.id
"""


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute('SELECT min(id), max(id) FROM contacts_contact')
        first, last = cursor.fetchone()
        for start in range(first or 0, (last or -1) + 1, CHUNK):
            for table, scope in (('', '0'), ('scoped', 'scope')):
                named = {'table': table, 'scope': scope, 'is_back': IS_BACK}
                chosen = {'first': start, 'last': start + CHUNK - 1}
                cursor.execute(STAYS.format(back=BACK.format(steps=STAY_STEPS.format(**named)), **named), chosen)
                cursor.execute(SPELLS.format(back=BACK.format(steps='SELECT * FROM top'), **named), chosen)


def is_return():
    return models.BooleanField(db_default=False, default=False)


def return_to():
    return models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='labels.label')


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('labels', '0014_learned_limits'),
    ]

    operations = [
        *(migrations.AddField(name, 'is_return', is_return()) for name in ('cleanspell', 'scopedcleanspell', 'stagestay', 'scopedstagestay')),
        *(migrations.AddField(name, 'return_to', return_to()) for name in ('cleanspell', 'scopedcleanspell')),
        migrations.RunPython(fill, migrations.RunPython.noop),
        AddIndexConcurrently('cleanspell', models.Index(condition=models.Q(('is_return', True)), fields=['started_at'], name='clean_spell_returns')),
        AddIndexConcurrently('cleanspell', models.Index(condition=models.Q(('return_to__isnull', False)), fields=['ended_at'], name='clean_spell_returned')),
        AddIndexConcurrently('stagestay', models.Index(condition=models.Q(('is_return', True)), fields=['started_at'], name='stay_returns')),
    ]
