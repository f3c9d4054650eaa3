from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("discovery", "0003_caller")]

    operations = [migrations.AddField("listing", "settings", models.PositiveIntegerField(default=1))]
