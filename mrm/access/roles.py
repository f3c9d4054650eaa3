"""Roles as code: what each may do, in words for people and in permissions for the machine.

A permission is the verb of the service it opens. Reading is `view`.
"""

from dataclasses import dataclass

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Model owner"
    DEVELOPER = "developer", "Model developer"
    VALIDATOR = "validator", "Validator"
    RISK_OFFICER = "risk_officer", "Risk officer"
    BU_LEAD = "bu_lead", "Business-unit lead"
    DEPLOYER = "deployer", "Deployer"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"
    POLICY_ADMIN = "policy_admin", "Policy administrator"


@dataclass(frozen=True)
class Description:
    text: str
    permissions: frozenset[str]


BUILDING = {
    "inventory.register",
    "inventory.edit",
    "inventory.import_models",
    "inventory.add_version",
    "inventory.edit_version",
    "inventory.attach_artifact",
    "inventory.register_dataset",
    "inventory.link_dataset",
    "inventory.link_models",
    "inventory.rate",
    "inventory.override_tier",
    "inventory.retire",
    "evaluation.start",
    "evaluation.cancel",
    "evaluation.compare",
    "evaluation.cancel_comparison",
    "evaluation.propose_alternative",
    "evaluation.ask_inspection",
    "evaluation.convert",
    "validation.request",
    "validation.accept_finding",
    "validation.rebut_finding",
    "validation.plan_finding",
    "validation.begin_finding",
    "validation.remediate_finding",
    "validation.accept_risk",
    "validation.resume_finding",
    "approval.submit",
    "approval.reopen",
    "approval.ask_exception",
    "approval.withdraw_request",
    "signoff.comment",
    "signoff.answer",
    "reporting.request",
    "prediction.view",
}

# what everybody may who signs: vote, step aside, ask those behind a request, ask further people, be stood in for
SIGNING = {
    "signoff.vote",
    "approval.withdraw_request",
    "signoff.comment",
    "signoff.recuse",
    "signoff.ask",
    "signoff.escalate",
    "signoff.delegate",
}

# the log of what was answered, with what was asked about whom: for those who check
READING_PREDICTIONS = {
    "prediction.view",
    "prediction.view_inputs",
    "prediction.request_extract",
    "prediction.download_batch",
}

DESCRIPTIONS: dict[str, Description] = {
    Role.OWNER: Description(
        "Answers for a model: registers it, keeps its record true, rates it, answers findings.",
        frozenset({"view", *BUILDING}),
    ),
    Role.DEVELOPER: Description(
        "Builds versions, attaches artifacts and data, runs evaluations, submits for validation and approval.",
        frozenset({"view", *BUILDING}),
    ),
    Role.VALIDATOR: Description(
        "Challenges versions built by others: plans, evidence, findings, outcome. Never approves what he validated.",
        frozenset(
            {
                "view",
                "evaluation.start",
                "evaluation.cancel",
                "evaluation.compare",
                "evaluation.cancel_comparison",
                "evaluation.decide_alternative",
                "evaluation.ask_inspection",
                "evaluation.permit",
                "evaluation.withdraw_permission",
                "validation.take",
                "validation.plan",
                "validation.add_evidence",
                "validation.raise_finding",
                "validation.withdraw_finding",
                "validation.uphold_finding",
                "validation.conclude",
                "discovery.list",
                "discovery.confirm",
                "inventory.confirm_tier",
                "inventory.override_tier",
                *SIGNING,
                *READING_PREDICTIONS,
                "reporting.request",
            }
        ),
    ),
    Role.RISK_OFFICER: Description(
        "Decides on the use of a version, with conditions where needed, and on tiers, exceptions and policies; withdraws approvals.",
        frozenset(
            {
                "view",
                *SIGNING,
                "entitlement.review",
                "evaluation.decide_alternative",
                "evaluation.ask_inspection",
                "evaluation.permit",
                "evaluation.withdraw_permission",
                "approval.withdraw",
                "approval.meet_condition",
                "approval.review",
                "deployment.close_incident",
                "deployment.declare_freeze",
                "deployment.lift_freeze",
                "discovery.list",
                "discovery.confirm",
                "discovery.dismiss",
                "discovery.close_finding",
                "inventory.override_tier",
                *READING_PREDICTIONS,
                "prediction.close_alert",
                "reporting.request",
            }
        ),
    ),
    Role.BU_LEAD: Description(
        "Leads a business unit: reviews its inventory and who holds access to it, and signs for its use of models.",
        frozenset({"view", *SIGNING, "entitlement.review", "reporting.request", "prediction.view"}),
    ),
    Role.DEPLOYER: Description(
        "Brings approved versions to their serving place, and takes them back.",
        frozenset(
            {
                "view",
                "deployment.adopt",
                "deployment.create",
                "deployment.deploy",
                "deployment.change_rules",
                "deployment.change_traffic",
                "deployment.advance",
                "deployment.register_experiment",
                "deployment.read_experiment",
                "deployment.end_experiment",
                "deployment.roll_back",
                "deployment.fail_back",
                "deployment.refresh",
                "deployment.stop",
                "deployment.explain_incident",
                "discovery.list",
                "prediction.view",
                "prediction.start_batch",
                "prediction.cancel_batch",
                "prediction.download_batch",
                "approval.withdraw_request",
                "signoff.answer",
                "reporting.request",
            }
        ),
    ),
    Role.AUDITOR: Description(
        "Reads everything, exports reports and the trail, explains what differs from the log, has access reviewed; changes"
        " nothing else.",
        frozenset(
            {
                "view",
                "view_protected",
                "audit.view",
                "audit.replay",
                "audit.explain_finding",
                "assurance.export",
                "entitlement.open_review",
                "entitlement.complete_review",
                *READING_PREDICTIONS,
                "reporting.request",
            }
        ),
    ),
    Role.ADMINISTRATOR: Description(
        "Keeps people, accounts, roles and serving places. Holds no say over models.",
        frozenset(
            {
                "view",
                "audit.view",
                "audit.replay",
                "audit.explain_finding",
                "access.add_person",
                "access.add_account",
                "access.deactivate",
                "access.grant",
                "access.revoke",
                "access.add_unit",
                "access.except",
                "access.issue_token",
                "entitlement.propose",
                "entitlement.open_review",
                "entitlement.complete_review",
                "approval.withdraw_request",
                "signoff.answer",
                "signoff.comment",
                "access.remove_factor",
                "privacy.ask_erasure",
                "deployment.add_target",
                "deployment.change_target",
                "deployment.check_target",
                "discovery.list",
                "discovery.set_caller",
                "deployment.define_environment",
                "deployment.set_policy",
                "deployment.name_deployer",
                "deployment.unname_deployer",
                "jobs.cancel",
            }
        ),
    ),
    Role.POLICY_ADMIN: Description(
        "Proposes new versions of policies and packs, which others sign for. Holds no say over models.",
        frozenset(
            {"view", "inventory.load_pack", "signoff.load_policy", "approval.withdraw_request", "signoff.answer"}
        ),
    ),
}

# A person who holds one of a pair anywhere may not be granted the other: the checker is not the checked.
INCOMPATIBLE: tuple[tuple[str, str], ...] = (
    (Role.ADMINISTRATOR, Role.RISK_OFFICER),
    (Role.ADMINISTRATOR, Role.VALIDATOR),
    (Role.POLICY_ADMIN, Role.RISK_OFFICER),
    (Role.RISK_OFFICER, Role.DEPLOYER),
)


# the roles that sign: other people sign for whoever is to hold one
APPROVERS: tuple[str, ...] = (Role.VALIDATOR, Role.RISK_OFFICER, Role.BU_LEAD)


def roles_with(permission: str) -> frozenset[str]:
    """The roles that open a permission."""
    return frozenset(role for role, entry in DESCRIPTIONS.items() if permission in entry.permissions)


def a_or_an(words: str) -> str:
    """The words with their article."""
    return f"an {words}" if words[:1] in "aeiou" else f"a {words}"


def titles(roles: frozenset[str]) -> str:
    """The roles' names joined for a sentence."""
    names = sorted(Role(role).label.lower() for role in roles)
    return " or ".join(names) if names else "nobody"
