"""The states of a model's life and of a version, and the moves between them."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class Lifecycle(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    DEVELOPMENT = "in development", "In development"
    VALIDATION = "in validation", "In validation"
    APPROVED = "approved", "Approved"
    PRODUCTION = "in production", "In production"
    SUSPENDED = "suspended", "Suspended"
    DECOMMISSIONED = "decommissioned", "Decommissioned"


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    VALIDATION = "in_validation", "In validation"
    VALIDATED = "validated", "Validated"
    APPROVED = "approved", "Approved"
    ACTIVE = "active", "In production"
    SUPERSEDED = "superseded", "Superseded"
    RETIRED = "retired", "Retired"


_S = VersionState
VERSION = Workflow(
    "inventory",
    Move("enter_validation", (_S.DRAFT,), _S.VALIDATION),
    Move("reopen", (_S.VALIDATION, _S.VALIDATED), _S.DRAFT),
    Move("pass_validation", (_S.VALIDATION,), _S.VALIDATED),
    Move("be_approved", (_S.VALIDATED,), _S.APPROVED),
    Move("lose_approval", (_S.APPROVED, _S.ACTIVE, _S.SUPERSEDED), _S.VALIDATED),
    Move("go_live", (_S.APPROVED, _S.SUPERSEDED), _S.ACTIVE),
    Move("be_superseded", (_S.ACTIVE,), _S.SUPERSEDED),
    Move("leave_production", (_S.ACTIVE,), _S.APPROVED),
    Move("retire_version", (_S.DRAFT, _S.VALIDATED, _S.APPROVED, _S.SUPERSEDED), _S.RETIRED),
)

_L = Lifecycle
LIFE = Workflow(
    "inventory",
    Move("develop", (_L.PROPOSED,), _L.DEVELOPMENT),
    Move("begin_validation", (_L.PROPOSED, _L.DEVELOPMENT), _L.VALIDATION),
    Move("back_to_development", (_L.VALIDATION,), _L.DEVELOPMENT),
    Move("approve_use", (_L.VALIDATION, _L.DEVELOPMENT, _L.SUSPENDED), _L.APPROVED),
    Move("enter_production", (_L.APPROVED, _L.SUSPENDED), _L.PRODUCTION),
    Move("take_out", (_L.PRODUCTION,), _L.APPROVED),
    Move("suspend", (_L.APPROVED, _L.PRODUCTION), _L.SUSPENDED),
    Move(
        "retire",
        (_L.PROPOSED, _L.DEVELOPMENT, _L.VALIDATION, _L.APPROVED, _L.SUSPENDED),
        _L.DECOMMISSIONED,
        label="Decommission",
    ),
    field="lifecycle",
)
