"""Rules for contradictions, with those that were fixed in the code before, and what they find. New tables: costs nothing."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

KINDS = ("older", "exclusive", "loyal_new", "color")


def seed(apps, schema_editor):
    rule = apps.get_model("labels", "ContradictionRule")
    rule.objects.bulk_create(rule(kind=kind, position=place) for place, kind in enumerate(KINDS, start=1))


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0021_times_without_rows'),
        ('labels', '0018_added_before'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ContradictionRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('older', 'older than done'), ('exclusive', 'exclude each other'), ('loyal_new', 'loyal and new'), ('pair', 'do not go together'), ('color', 'colour against convention')], default='pair', max_length=10, verbose_name='kind')),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='name')),
                ('name_en', models.CharField(blank=True, max_length=100, verbose_name='name in English')),
                ('active', models.BooleanField(default=True, verbose_name='in use')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed at')),
                ('label', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='label')),
                ('other', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='other label')),
            ],
            options={
                'verbose_name': 'rule for contradictions',
                'verbose_name_plural': 'rules for contradictions',
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ContradictionFlag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('group', models.CharField(blank=True, max_length=30, verbose_name='exclusive group')),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None, verbose_name='labels')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('flagged_at', models.DateTimeField(verbose_name='flagged at')),
                ('awaited_at', models.DateTimeField(blank=True, null=True, verbose_name='waiting since')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                ('closed_reason', models.CharField(blank=True, choices=[('fixed', 'label taken off from here'), ('removed', 'label taken off in WhatsApp'), ('right', 'both are right'), ('rule', 'rule changed'), ('other', 'no longer holds')], max_length=10, verbose_name='closed because')),
                ('closed_through', models.CharField(blank=True, max_length=20, verbose_name='closed through')),
                ('remark', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('awaited', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='to be taken off in WhatsApp')),
                ('awaited_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='told by')),
                ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='closed by')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contradiction_flags', to='contacts.contact', verbose_name='contact')),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contradiction_flags', to='contacts.agent', verbose_name='agent')),
                ('taken_off', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='label that went')),
                ('rule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='flags', to='labels.contradictionrule', verbose_name='rule')),
            ],
            options={
                'verbose_name': 'contradiction',
                'verbose_name_plural': 'contradictions',
                'ordering': ['-flagged_at'],
            },
        ),
        migrations.AddConstraint(
            model_name='contradictionrule',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'pair'), _negated=True), fields=('kind',), name='one_rule_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='contradictionrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'pair'), ('label__isnull', False), ('other__isnull', False), models.Q(('label', models.F('other')), _negated=True)), models.Q(models.Q(('kind', 'pair'), _negated=True), ('label__isnull', True), ('other__isnull', True)), _connector='OR'), name='a_pair_has_two_labels'),
        ),
        migrations.AddIndex(
            model_name='contradictionflag',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['owner', 'since'], name='open_contradiction_by_owner'),
        ),
        migrations.AddIndex(
            model_name='contradictionflag',
            index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['since', 'contact'], name='open_contradiction_by_age'),
        ),
        migrations.AddIndex(
            model_name='contradictionflag',
            index=models.Index(condition=models.Q(('closed_reason', 'right')), fields=['contact', 'rule'], name='contradiction_said_right'),
        ),
        migrations.AddIndex(
            model_name='contradictionflag',
            index=models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['-closed_at', '-id'], name='contradiction_closed'),
        ),
        migrations.AddConstraint(
            model_name='contradictionflag',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('rule', 'contact', 'group'), name='one_open_contradiction'),
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
