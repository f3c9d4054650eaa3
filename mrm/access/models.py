"""Persons, accounts, business units, role grants, exceptions and tokens."""

import hashlib
import uuid
from functools import cached_property
from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Q
from django.utils import timezone
from guardian.models import UserObjectPermissionBase

from mrm.access.roles import Role, a_or_an, roles_with, titles
from mrm.audit.models import Governed
from mrm.core.actors import Identity
from mrm.core.registry import Registry


class BusinessUnit(Governed):
    """A node of the organisation; `path` lists the keys from the root, so a subtree is a prefix."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    path = models.CharField(max_length=500, unique=True)

    class Meta:
        ordering = ["path"]
        constraints = [models.CheckConstraint(condition=Q(path__endswith="/"), name="unit_path_ends")]

    def __str__(self) -> str:
        return self.name

    @property
    def unit(self) -> "BusinessUnit":
        return self

    def contains(self, other: "BusinessUnit") -> bool:
        return other.path.startswith(self.path)


class Person(Governed):
    """A natural person. Separation of duties counts persons, never accounts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True)
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="people")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def audit_person(self) -> str:
        """Whose personal data the record's name is: in the trail it stands as a commitment."""
        return str(self.pk)

    @property
    def initials(self) -> str:
        parts = self.name.split()
        return (parts[0][:1] + (parts[-1][:1] if len(parts) > 1 else "")).upper()


class AccountKind(models.TextChoices):
    PERSONAL = "personal", "Personal"
    SERVICE = "service", "Service"


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.select_related("person__unit").get(username=username)


class Account(AbstractBaseUser, Governed):
    """A way to sign in. A service account belongs to the person who answers for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=10, choices=AccountKind, default=AccountKind.PERSONAL)
    person = models.ForeignKey(Person, models.PROTECT, related_name="accounts")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_login = None  # a sign-in is an audit event

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    is_superuser = False

    class Meta:
        ordering = ["username"]
        constraints = [models.CheckConstraint(condition=Q(kind__in=AccountKind.values), name="account_kind")]

    # set by the token that authenticated the request: None means everything the roles allow
    scopes: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.username

    @property
    def audit_person(self) -> str:
        return str(self.person_id)

    @property
    def unit(self) -> BusinessUnit:
        return self.person.unit

    @property
    def email(self) -> str:
        return self.person.email

    @property
    def is_staff(self) -> bool:
        """The read-only records are not cut by unit: only who audits the whole institution opens them."""
        reach = self.units_for("audit.view") if self.is_active else []
        return any(unit.parent_id is None for unit in reach)

    @property
    def is_service(self) -> bool:
        return self.kind == AccountKind.SERVICE

    @property
    def name(self) -> str:
        return f"{self.username} (service)" if self.is_service else self.person.name

    @cached_property
    def grants(self) -> list["RoleGrant"]:
        """The grants in force now, with what exceptions open beside them; read once per request, by one query."""
        beside = {f"opened_{name}": ArraySubquery(keys) for name, keys in self._exceptions().items()}
        found = RoleGrant.objects.in_force().filter(account=self).select_related("unit")
        return list(found.annotate(**beside).order_by("role", "since", "pk"))  # by the account would join it

    @cached_property
    def opened(self) -> dict[str, list[Any]]:
        """Keys of the records that exceptions open to the account now, by kind; read once per request."""
        if self.grants:
            return {name: list(getattr(self.grants[0], f"opened_{name}")) for name, _ in EXCEPTIONS.items()}
        return {name: list(keys) for name, keys in self._exceptions().items()}

    def _exceptions(self) -> dict[str, Any]:
        now = timezone.now()
        return {
            name: kind.objects.filter(user=self, until__gt=now).values_list("content_object_id", flat=True)
            for name, kind in EXCEPTIONS.items()
        }

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(sorted({grant.role for grant in self.grants}))

    @property
    def identity(self) -> Identity:
        return Identity(
            key=self.username,
            name=self.username if self.is_service else self.person.name,
            roles=self.roles,
            person=str(self.person_id),
            on_behalf_of=self.person.name if self.is_service else None,
        )

    def units_for(self, permission: str) -> list[BusinessUnit]:
        """The units whose subtrees the permission reaches."""
        opening = roles_with(permission)
        return [grant.unit for grant in self.grants if grant.role in opening]

    def may(self, permission: str) -> bool:
        """Whether the permission is held anywhere at all."""
        return bool(self.units_for(permission)) and self._in_scope(permission)

    def lacks(self, permission: str, subject: Any) -> str | None:
        """Why this account may not use the permission on the subject, or None."""
        if not self.is_active:
            return "This account is closed."
        if not self._in_scope(permission):
            return f"This token does not cover {permission}; it covers {', '.join(self.scopes or ())}."
        unit = getattr(subject, "unit", None)
        for grant in self.grants:
            if grant.role in roles_with(permission) and (unit is None or grant.unit.contains(unit)):
                return None
        where = f" for {unit.name}" if unit is not None else ""
        return f"This is done by {a_or_an(titles(roles_with(permission)))}{where}; you hold no such role there."

    def holds(self, role: str, unit: BusinessUnit) -> bool:
        return any(grant.role == role and grant.unit.contains(unit) for grant in self.grants)

    def check_password(self, raw_password: str | None) -> bool:
        """As Django's, without the silent rewrite of an old hash: a password changes by an audited action."""
        return bool(raw_password) and check_password(str(raw_password), self.password)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """For the read-only admin: an auditor or administrator may look at everything there."""
        return self.is_staff and ".view_" in perm and self.has_module_perms(perm.partition(".")[0])

    def has_perms(self, perms: list[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        """Not allauth's own tables, which hold what is secret: ours show the same rows without it."""
        return self.is_staff and app_label not in {"account", "mfa", "socialaccount"}

    def _in_scope(self, permission: str) -> bool:
        if self.scopes is None:
            return True
        area = permission.split(".", maxsplit=1)[0]
        return permission == "view" or any(scope in (permission, f"{area}:*", "*") for scope in self.scopes)


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    def in_force(self) -> "RoleGrantQuerySet":
        now = timezone.now()
        return self.filter(Q(until=None) | Q(until__gt=now), since__lte=now, revoked_at=None)


class RoleGrant(Governed):
    """A role on a unit and everything below it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=20, choices=Role)
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="role_grants")
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True)
    # none is the system itself
    granted_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        ordering = ["account", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "role", "unit"], condition=Q(revoked_at=None), name="grant_once"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="grant_role"),
            models.CheckConstraint(condition=Q(revoked_by=None) | Q(revoked_at__isnull=False), name="grant_revoked_by"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} on {self.unit} for {self.account}"

    @property
    def audit_person(self) -> str:
        return str(self.account.person_id)

    @property
    def audit_object(self) -> models.Model:
        return self.account


class ObjectException(UserObjectPermissionBase, Governed):
    """One account reads one record beside its roles, with an end and a reason; areas add the record."""

    until = models.DateTimeField()
    reason = models.CharField(max_length=300)
    granted_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True

    @property
    def audit_object(self) -> models.Model:
        raise NotImplementedError

    @property
    def audit_person(self) -> str:
        return str(self.user.person_id)

    @property
    def unit(self) -> BusinessUnit:
        """The unit of the record: who keeps it keeps its exceptions."""
        found: BusinessUnit = self.audit_object.unit  # type: ignore[attr-defined]
        return found

    @property
    def is_in_force(self) -> bool:
        return self.until > timezone.now()


# the kinds of records that exceptions open, by name: areas that hold them add theirs
EXCEPTIONS: Registry[Any] = Registry("kind of exception")


class TokenQuerySet(models.QuerySet["Token"]):
    def usable(self) -> "TokenQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=timezone.now(), account__is_active=True)

    def named(self, secret: str) -> "TokenQuerySet":
        return self.filter(digest=hashlib.sha256(secret.encode()).hexdigest())


class Token(Governed):
    """An API credential: shown once, kept as a digest, scoped, expiring, revocable."""

    PREFIX = "mrm_"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="tokens")
    label = models.CharField(max_length=80)
    hint = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.label} ({self.hint}…)"

    @property
    def audit_object(self) -> models.Model:
        return self.account

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class Method(models.TextChoices):
    """How a person confirms that it is he who signs."""

    PASSWORD = "password", "Password"
    TOTP = "totp", "Authenticator"
    WEBAUTHN = "webauthn", "Passkey"


class Factor(Authenticator, Governed):  # type: ignore[misc, django-manager-missing]  # allauth comes without types
    """A second factor: allauth's row, which changes by our services only. Its secret never stands in the trail."""

    class Meta:
        proxy = True

    # recovery codes, on the answer that makes them
    codes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.pk}"

    @property
    def audit_person(self) -> str:
        return str(self.user.person_id)

    @property
    def audit_object(self) -> models.Model:
        account: Account = self.user
        return account

    @property
    def name(self) -> str:
        """What its owner called a security key."""
        return str(self.data.get("name", ""))

    @property
    def credential(self) -> str:
        """The id by which a security key is known to the browser; empty for other factors."""
        return str(self.data.get("credential", {}).get("id", ""))


class Link(Governed):
    """An identity at the provider of single sign-on, by the digest of who it is there, and the account it opens."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    linked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"link {self.digest[:12]}"

    @property
    def audit_object(self) -> models.Model:
        return self.account


class GroupGrant(Governed):
    """That a role came from a group at the provider, so that it goes when the group is left."""

    grant = models.OneToOneField(RoleGrant, models.PROTECT, related_name="from_group")
    group = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.grant.get_role_display()} by {self.group}"

    @property
    def audit_object(self) -> models.Model:
        return self.grant.account
