"""An exception from a clause takes effect when it is signed for."""

from django.db import migrations

RULES = """
CREATE FUNCTION approval_exception_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT signoff_signed_for('policy_exception', NEW.model_id || '/' || NEW.clause) THEN
    RAISE EXCEPTION 'an exception takes effect when it is signed for' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signed_policy_exception BEFORE INSERT ON validation_riskacceptance FOR EACH ROW WHEN (NEW.clause <> '')
  EXECUTE FUNCTION approval_exception_rules();
ALTER TABLE validation_riskacceptance ENABLE ALWAYS TRIGGER signed_policy_exception;
"""


class Migration(migrations.Migration):
    dependencies = [("approval", "0002_guards"), ("validation", "0003_signed")]

    operations = [migrations.RunSQL(RULES, "DROP FUNCTION approval_exception_rules CASCADE")]
