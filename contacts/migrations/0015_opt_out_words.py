"""The words by which contacts opt out, and what a consent was said by.

A new table with four words, three changes of a table that holds a row per opt-out: a moment, while nobody can opt in
or out. Undone by dropping what it made; consents noted by colleagues keep the new name of their source.
"""

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

WORDS = ("STOP", "BERHENTI", "UNSUBSCRIBE", "JANGAN KIRIM LAGI")


def seed(apps, schema_editor):
    words = apps.get_model("contacts", "OptOutWord").all_objects
    words.bulk_create([words.model(text=text, key=text.lower()) for text in WORDS])
    apps.get_model("contacts", "Consent").objects.filter(source="admin").update(source="person")


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0014_segments_from_indexes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OptOutWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='archived at')),
                ('text', models.CharField(help_text='A message that says this and nothing else opts its contact out. Capital letters, punctuation, blanks and emoji make no difference.', max_length=60, verbose_name='word or sentence')),
                ('key', models.CharField(editable=False, max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'opt-out word',
                'verbose_name_plural': 'opt-out words',
                'ordering': ['text'],
                'abstract': False,
                'base_manager_name': 'all_objects',
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('all_objects', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddConstraint(
            model_name='optoutword',
            constraint=models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True)), fields=('key',), name='opt_out_word_once'),
        ),
        migrations.AlterModelOptions(
            name='consent',
            options={'ordering': ['-at', '-id'], 'verbose_name': 'consent', 'verbose_name_plural': 'consents'},
        ),
        migrations.AddField(
            model_name='consent',
            name='message',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.message'),
        ),
        migrations.AddField(
            model_name='consent',
            name='reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='reason'),
        ),
        migrations.AlterField(
            model_name='consent',
            name='source',
            field=models.CharField(choices=[('message', 'written by the contact'), ('person', 'noted by a colleague'), ('import', 'from a file'), ('api', 'through the API')], max_length=40, verbose_name='source'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(fields=('message',), name='consent_once_per_message'),
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
