"""Fields that name what others know by another word: persons by e-mail address, units by key."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mrm.access.models import Account, BusinessUnit, Person
from mrm.access.queries import person_with_email, units_visible_to


@extend_schema_field(OpenApiTypes.EMAIL)
class PersonField(serializers.Field[Person, str, str, Any]):
    def to_internal_value(self, data: str) -> Person:
        found = person_with_email(data) if isinstance(data, str) else None
        if found is None:
            raise serializers.ValidationError(f"Nobody with the address {data} is entered.")
        return found

    def to_representation(self, value: Person) -> str:
        return value.email


@extend_schema_field(OpenApiTypes.STR)
class UnitField(serializers.Field[BusinessUnit, str, str, Any]):
    def to_internal_value(self, data: str) -> BusinessUnit:
        account: Account = self.context["account"]
        found = units_visible_to(account).filter(key=data).first() if isinstance(data, str) else None
        if found is None:
            raise serializers.ValidationError(f"No unit with the key {data} is in your reach.")
        return found

    def to_representation(self, value: BusinessUnit) -> str:
        return value.key


class ShortList(serializers.ListField):
    child = serializers.CharField(max_length=2000)


class MoveOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    verb = serializers.CharField()
    open = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
