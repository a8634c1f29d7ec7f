"""Words by which chats tell their label, what people dismissed, and what was learned of labelled chats.

New tables with some two hundred words for the standard labels that are there: costs a moment. Undone by dropping them.
"""

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

from labels.rules.label_words import standard_phrases
from labels.rules.message_words import phrase_key


def seed(apps, schema_editor):
    labels = apps.get_model("labels", "Label").all_objects
    words = apps.get_model("labels", "LabelWord").all_objects
    living = labels.filter(deleted_at__isnull=True, reviewed=True).exclude(meaning__in=("other", "grade"))
    first = {}
    for label in living.order_by("id"):
        first.setdefault(label.meaning, label)
    for meaning, label in first.items():
        words.bulk_create(
            words.model(label=label, phrase=phrase, key=" ".join(phrase_key(phrase)), side=side, sure=sure)
            for phrase, side, sure in standard_phrases(meaning)
        )


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0021_times_without_rows'),
        ('labels', '0023_handovers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SuggestionTraining',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('trained_at', models.DateTimeField(verbose_name='trained at')),
                ('learned_from', models.PositiveIntegerField()),
                ('held_back', models.PositiveIntegerField()),
                ('held_back_from', models.DateTimeField(null=True)),
                ('terms', models.PositiveIntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SuggestionDismissal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateTimeField()),
                ('at', models.DateTimeField(verbose_name='time')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='suggestion_dismissals', to='contacts.contact', verbose_name='contact')),
                ('label', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='label')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'dismissed suggestion',
                'verbose_name_plural': 'dismissed suggestions',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='LabelWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='archived at')),
                ('phrase', models.CharField(help_text='Capital letters, signs, doubled letters, shorthand (brp, tf, udh) and forms of address (kak, min) make no difference. A denial before it (belum, ga jadi) is understood.', max_length=100, verbose_name='word or phrase')),
                ('key', models.CharField(editable=False, max_length=400)),
                ('side', models.CharField(choices=[('customer', 'the customer'), ('us', 'we'), ('both', 'either')], default='customer', max_length=10, verbose_name='who writes it')),
                ('sure', models.CharField(choices=[('certain', 'certain'), ('likely', 'likely')], default='likely', max_length=10, verbose_name='how sure')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('label', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='words', to='labels.label', verbose_name='label')),
            ],
            options={
                'verbose_name': 'suggestion word',
                'verbose_name_plural': 'suggestion words',
                'ordering': ['label__step', 'label', 'phrase'],
                'abstract': False,
                'base_manager_name': 'all_objects',
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True)), fields=('key', 'side'), name='label_word_once')],
            },
            managers=[
                ('objects', django.db.models.manager.Manager()),
                ('all_objects', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='LabelTextModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weights', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('used', models.BooleanField()),
                ('labelled', models.PositiveIntegerField()),
                ('words_said', models.PositiveIntegerField()),
                ('words_right', models.PositiveIntegerField()),
                ('model_said', models.PositiveIntegerField()),
                ('model_right', models.PositiveIntegerField()),
                ('label', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='text_models', to='labels.label', verbose_name='label')),
                ('training', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='models', to='labels.suggestiontraining')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('training', 'label'), name='one_text_model_a_label')],
            },
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
