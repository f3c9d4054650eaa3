"""Governed tables in Django's admin, to look at only: what changes goes through the services."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # Django gives it no subscript at run time
    """Every column in the list, nothing to add, change or delete, whoever asks."""

    show_full_result_count = False
    actions = None

    def get_list_display(self, request: HttpRequest) -> list[str | Callable[[Any], str | bool]]:
        return ["__str__", *(field.name for field in self.model._meta.concrete_fields if _is_short(field))][:8]

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Any]":
        return super().get_queryset(request).select_related()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def show(*tables: type[models.Model], without: tuple[str, ...] = ()) -> None:
    """Put tables into the admin, read-only; fields named in `without` are left out."""
    for table in tables:
        hidden = [field.name for field in table._meta.concrete_fields if field.name in without]
        admin.site.register(table, type(f"{table.__name__}Records", (ReadOnly,), {"exclude": hidden}))


def _is_short(field: "models.Field[Any, Any]") -> bool:
    return not isinstance(field, models.JSONField | models.TextField | models.BinaryField)
