from django.apps import AppConfig


class ValidationConfig(AppConfig):
    name = "mrm.validation"
    default_auto_field = "django.db.models.BigAutoField"
