"""A row whose lasting columns nobody names is not compared: the trigger's condition is read anew for each statement."""

from django.db import migrations

STAYS = {
    "access_businessunit": ("key", "parent_id", "path"),
    "access_account": ("person_id", "kind", "created_at"),
    "access_rolegrant": ("account_id", "role", "unit_id", "since", "until", "granted_by_id"),
}


def _trigger(table: str, columns: tuple[str, ...], *, named: bool) -> str:
    told = ", ".join(f"'{column}'" for column in columns)
    listed = ", ".join(f'"{column}"' for column in columns)
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in columns)
    return (
        f"CREATE OR REPLACE TRIGGER access_stays BEFORE UPDATE{f' OF {listed}' if named else ''} ON {table} FOR EACH ROW"
        f" WHEN ({changed}) EXECUTE FUNCTION access_stays({told});"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER access_stays;"
    )


class Migration(migrations.Migration):
    dependencies = [("access", "0006_stays")]

    operations = [
        migrations.RunSQL(
            "".join(_trigger(table, columns, named=True) for table, columns in STAYS.items()),
            "".join(_trigger(table, columns, named=False) for table, columns in STAYS.items()),
        )
    ]
