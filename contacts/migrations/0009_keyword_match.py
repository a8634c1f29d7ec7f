"""How a keyword rule looks for its words. Cost: a column with a constant default; no row is rewritten.

Rules that are there already match whole words from now on.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0008_history'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaignrule',
            name='match',
            field=models.CharField(choices=[('words', 'whole words'), ('contains', 'anywhere in the text')], db_default='words', default='words', help_text='Whole words: KAOS2 is not found in KAOS25. Case and punctuation never count.', max_length=10, verbose_name='how words match'),
        ),
    ]
