"""Second factors: the rows that allauth keeps, under the guards of the trail."""

from django.db import migrations, models

from mrm.audit.operations import Govern


class Migration(migrations.Migration):
    dependencies = [("access", "0003_guards"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [
        migrations.CreateModel(
            name="Factor",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("mfa.authenticator", models.Model),
        ),
        Govern("mfa_authenticator", "id", ("data",)),
    ]
