"""Fields that name what others know by another word: persons by e-mail address, units by key."""

from typing import Any

from rest_framework import serializers

from mrm.access.models import Account, BusinessUnit, Person
from mrm.access.queries import person_with_email, units_visible_to


class PersonField(serializers.EmailField):
    def to_internal_value(self, data: Any) -> Person:  # type: ignore[override]
        found = person_with_email(super().to_internal_value(data))
        if found is None:
            raise serializers.ValidationError(f"Nobody with the address {data} is entered.")
        return found

    def to_representation(self, value: Person) -> str:
        return value.email


class UnitField(serializers.SlugField):
    def to_internal_value(self, data: Any) -> BusinessUnit:  # type: ignore[override]
        account: Account = self.context["account"]
        found = units_visible_to(account).filter(key=super().to_internal_value(data)).first()
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
