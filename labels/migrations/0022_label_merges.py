"""Merges of labels, what they changed, and names that people said are not the same. New tables: costs nothing."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('labels', '0021_today'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LabelMerge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel_labels', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('merged_at', models.DateTimeField(verbose_name='merged at')),
                ('undone_at', models.DateTimeField(null=True, verbose_name='undone at')),
                ('merged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='merged by')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='labels.label', verbose_name='label')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='labels.label', verbose_name='merged into')),
            ],
            options={
                'verbose_name': 'merge of labels',
                'verbose_name_plural': 'merges of labels',
                'ordering': ['-id'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='LabelMergeRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.CharField(max_length=80)),
                ('row_id', models.BigIntegerField()),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField(null=True)),
                ('merge', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='labels.labelmerge')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RefusedName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('normalized', models.CharField(max_length=200, verbose_name='name')),
                ('other', models.CharField(blank=True, max_length=200, verbose_name='not the same as')),
                ('refused_at', models.DateTimeField(auto_now_add=True, verbose_name='since')),
                ('label', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='labels.label', verbose_name='does not mean')),
                ('refused_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='said by')),
            ],
            options={
                'verbose_name': 'refused name',
                'verbose_name_plural': 'refused names',
                'default_permissions': (),
            },
        ),
        migrations.AddConstraint(
            model_name='labelmerge',
            constraint=models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('source',), name='label_is_merged_into_one'),
        ),
        migrations.AddConstraint(
            model_name='labelmerge',
            constraint=models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='label_is_not_merged_into_itself'),
        ),
        migrations.AddConstraint(
            model_name='labelmergerow',
            constraint=models.UniqueConstraint(fields=('merge', 'place', 'row_id'), name='merged_row_once'),
        ),
        migrations.AddConstraint(
            model_name='refusedname',
            constraint=models.UniqueConstraint(fields=('normalized', 'label', 'other'), name='name_refused_once', nulls_distinct=False),
        ),
    ]
