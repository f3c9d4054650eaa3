from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

import mrm.audit.models.trail


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_queue"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="event", name="event_actor"),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["actor", "actor_name", "-position"], name="event_who"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(condition=models.Q(("outcome", "refused")), fields=["-position"], name="event_refused"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=GinIndex(mrm.audit.models.trail.WordsOf("subject_label", "reason"), name="event_words"),
        ),
    ]
