"""In what a place differs from what is wanted there: each difference with its class, how much it matters, and in words.

The classes are those that serving platforms and GitOps tools tell apart; a difference that a connector
cannot see is no difference here, and a place that cannot be seen is not a healthy one.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import models

from mrm.connectors.protocol import Cap, Desired, Observed, ObservedVariant, Role, Variant


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"


class Kind(models.TextChoices):
    MISSING = "missing", "Nothing is served"
    NOT_READY = "not_ready", "Not ready"
    VERSION = "version", "Another version"
    ARTIFACT = "artifact", "Other bytes"
    BEHAVIOUR = "behaviour", "Other answers"
    TRAFFIC = "traffic", "Other traffic"
    SHADOW = "shadow", "Other shadow"
    CONFIG = "config", "Other configuration"
    EXTRA = "extra", "Not approved"
    ORPHAN = "orphan", "Not wanted"
    UNOBSERVABLE = "unobservable", "Cannot be seen"
    WITHDRAWN = "withdrawn", "Must be withdrawn"
    PUSH_FAILED = "push_failed", "Not brought about"
    INTERRUPTED = "interrupted", "Interrupted on the way"
    EMERGENCY = "emergency", "Emergency, to be reviewed"
    HARM = "harm", "Does harm"
    PASSED_OVER = "passed_over", "Passed over"
    BACKUP = "backup", "Backup at another address"


SEVERITY = {
    Kind.MISSING: Severity.HIGH,
    Kind.NOT_READY: Severity.HIGH,
    Kind.VERSION: Severity.HIGH,
    Kind.ARTIFACT: Severity.CRITICAL,
    Kind.BEHAVIOUR: Severity.CRITICAL,
    Kind.TRAFFIC: Severity.HIGH,
    Kind.SHADOW: Severity.MEDIUM,
    Kind.CONFIG: Severity.MEDIUM,
    Kind.EXTRA: Severity.CRITICAL,
    Kind.ORPHAN: Severity.HIGH,
    Kind.UNOBSERVABLE: Severity.HIGH,
    Kind.WITHDRAWN: Severity.CRITICAL,
    Kind.PUSH_FAILED: Severity.MEDIUM,
    Kind.INTERRUPTED: Severity.MEDIUM,
    Kind.EMERGENCY: Severity.HIGH,
    Kind.HARM: Severity.HIGH,
    Kind.PASSED_OVER: Severity.HIGH,
    Kind.BACKUP: Severity.HIGH,
}
# what applying the same revision again can bring right; what may run no longer is not brought back
NOT_BY_APPLYING = {
    Kind.WITHDRAWN, Kind.UNOBSERVABLE, Kind.ORPHAN, Kind.PUSH_FAILED, Kind.INTERRUPTED, Kind.EMERGENCY, Kind.HARM,
    Kind.PASSED_OVER, Kind.BACKUP,
}  # fmt: skip
HEALABLE = frozenset(Kind) - NOT_BY_APPLYING
# what says that the revision itself must not serve any more here
FAILING = frozenset({Kind.ARTIFACT, Kind.BEHAVIOUR, Kind.NOT_READY, Kind.MISSING, Kind.WITHDRAWN})


@dataclass(frozen=True)
class Drift:
    """One difference between what is wanted and what was seen."""

    kind: Kind
    sentence: str
    version: str = ""  # the label of the version at fault, where it is one of several

    @property
    def severity(self) -> Severity:
        return SEVERITY[self.kind]

    def told(self) -> dict[str, Any]:
        """As it is kept with the deployment."""
        return {**asdict(self), "kind": str(self.kind), "severity": str(self.severity), "word": self.kind.label}


def differences(desired: Desired, observed: Observed, caps: Cap) -> list[Drift]:
    """What the place shows otherwise than wanted; `caps` says what it can show at all."""
    wanted = [each for each in desired.variants if Cap.SHADOW in caps or each.role != Role.SHADOW]
    if not observed.exists or not observed.variants:
        return [Drift(Kind.MISSING, f"Wanted is version {desired.champion.version}; the place serves nothing.")]
    found = [line for each in wanted for line in _variant(each, observed.variants, caps)]
    versions = {each.version.version for each in desired.variants}
    strangers = [each.version for each in observed.variants if each.version not in versions]
    if strangers:
        told = f"The place also serves {', '.join(strangers)}, which nobody approved for it."
        found.append(
            Drift(
                Kind.EXTRA, " ".join([told, *_reasons(each for each in observed.variants if each.version in strangers)])
            )
        )
    if observed.revision is not None and observed.revision != desired.revision:
        found.append(Drift(Kind.CONFIG, f"The place holds revision {observed.revision}, wanted is {desired.revision}."))
    if observed.rules is not None and observed.rules != desired.rules.fingerprint():
        found.append(
            Drift(Kind.CONFIG, "The place serves by other rules than wanted: who is assigned how, or what is logged.")
        )
    return _told_once(found)


def _variant(wanted: Variant, shown: Iterable[ObservedVariant], caps: Cap) -> list[Drift]:
    label, shown = wanted.version.version, list(shown)
    seen = next((each for each in shown if each.version == label), None)
    if seen is None:
        serving = ", ".join(each.version for each in shown)
        told = f"Wanted is version {label}; the place serves {serving}."
        return [Drift(Kind.VERSION, " ".join([told, *_reasons(shown)]), label)]
    found = []
    digest = wanted.version.artifact.digest
    if Cap.OBSERVE_DIGEST in caps and seen.digest != digest:
        text = (
            f"The bytes of version {label} there have the digest {_short(seen.digest)}, approved is {_short(digest)}."
        )
        found.append(Drift(Kind.ARTIFACT, text, label))
    if not seen.ready and found:  # other bytes are why: one difference, not two
        found = [replace(each, sentence=f"{each.sentence} {seen.reason}".strip()) for each in found]
    elif not seen.ready:
        found.append(Drift(Kind.NOT_READY, f"Version {label} is not ready. {seen.reason}".strip(), label))
    if Cap.SPLIT in caps and wanted.role in {Role.CHAMPION, Role.CHALLENGER} and seen.weight_bp != wanted.weight_bp:
        found.append(Drift(Kind.TRAFFIC, _shares(label, seen.weight_bp, wanted.weight_bp), label))
    if seen.mirror_bp is not None and seen.mirror_bp != wanted.mirror_bp:
        copies = f"{seen.mirror_bp / 100:g} % of the traffic there, wanted are {wanted.mirror_bp / 100:g} %"
        found.append(Drift(Kind.SHADOW, f"Version {label} gets copies of {copies}.", label))
    if found and seen.ready and seen.reason:
        found = [replace(each, sentence=f"{each.sentence} {seen.reason}") for each in found]
    if seen.passed_over:
        told = f"Version {label} failed and does not answer: the gateway went over to the backup. {seen.passed_over}"
        found.append(Drift(Kind.PASSED_OVER, f"{told} Only a person sends it back.", label))
    if seen.role and seen.role != wanted.role:
        kind = Kind.SHADOW if Role.SHADOW in {seen.role, wanted.role} else Kind.TRAFFIC
        found.append(Drift(kind, f"Version {label} is {seen.role} there, wanted as {wanted.role}.", label))
    return found


def _reasons(shown: Iterable[ObservedVariant]) -> list[str]:
    """What the place says of it itself, such as who changed it, each once."""
    return list(dict.fromkeys(each.reason for each in shown if each.reason))


def _shares(label: str, seen: int, wanted: int) -> str:
    return f"Version {label} takes {seen / 100:g} % of the traffic there, wanted are {wanted / 100:g} %."


def _short(digest: str | None) -> str:
    return f"{digest[:12]}…" if digest else "unknown"


def _told_once(found: Iterable[Drift]) -> list[Drift]:
    """A place that serves something else than wanted is one difference, not two."""
    found = list(found)
    kinds = {each.kind for each in found}
    if Kind.VERSION in kinds:
        found = [each for each in found if each.kind != Kind.CONFIG]
    return found
