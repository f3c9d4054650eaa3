from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

QUEUE = Path(__file__).with_name("queue.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_anchorstate"),
    ]

    operations = [
        # Django knows no change of a primary key: the table is altered in SQL, and described anew here
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(QUEUE)],
            state_operations=[
                migrations.DeleteModel("Pending"),
                migrations.CreateModel(
                    name="Pending",
                    fields=[
                        ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                        (
                            "event",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="audit.event",
                            ),
                        ),
                    ],
                ),
            ],
        ),
        migrations.AlterField(
            model_name="leaf",
            name="event",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="leaf",
                to="audit.event",
            ),
        ),
    ]
