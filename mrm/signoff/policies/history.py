"""Everything that a verdict depends on. Times are seconds since 1970; nothing is looked up elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FOR = frozenset({"approve", "approve_with_conditions"})
DAY, HOUR = 86_400.0, 3_600.0


@dataclass(frozen=True)
class Ballot:
    """One vote as history has it. `person` is the natural person who judged, `unit` his business unit's path.

    A delegate votes on behalf of `principal`, by whose roles the vote counts. `roles` are all in which it was
    signed, `held_then` those that each of the two held at that moment; left out, they are those that were signed.
    """

    person: str
    role: str
    unit: str
    decision: str
    subject_digest: str
    conditions: tuple[Mapping[str, str], ...] = ()
    at: float = 0.0
    principal: str = ""
    roles: frozenset[str] = frozenset()
    held_then: Mapping[str, frozenset[str]] | None = None
    method: str = "password"
    machine: bool = False

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who is counted by this vote: the voter, and on whose behalf he voted."""
        return (self.person, self.principal) if self.principal else (self.person,)

    @property
    def authority(self) -> str:
        """By whose roles the vote counts."""
        return self.principal or self.person

    @property
    def signed_as(self) -> frozenset[str]:
        return self.roles | {self.role}


@dataclass(frozen=True)
class Party:
    """Why a person is no independent judge, as words after his name, and since when."""

    reason: str
    since: float = 0.0


@dataclass(frozen=True)
class Edit:
    """A change of the subject after it was submitted: what it is from then on, and who changed which fields."""

    at: float
    digest: str
    fields: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delegation:
    """The principal lets the delegate vote in his place, from one moment until before another."""

    principal: str
    delegate: str
    since: float
    until: float
    ended: float | None = None

    def covers(self, at: float) -> bool:
        return self.since <= at < self.until and (self.ended is None or at < self.ended)


@dataclass(frozen=True)
class Escalation:
    """From this moment the role that the stage escalates to may sign in it too."""

    stage: str
    at: float


@dataclass(frozen=True)
class Pause:
    """Information was asked of the submitter: the clock of the stage stands still until he answers."""

    since: float
    until: float | None = None


@dataclass(frozen=True)
class Duty:
    """A condition of the approval: met at a moment, or due before another."""

    text: str
    due: float
    met: float | None = None


@dataclass(frozen=True)
class Candidate:
    """Somebody who could sign now: the roles that he holds on the subject."""

    person: str
    roles: frozenset[str]
    unit: str
    machine: bool = False


@dataclass(frozen=True)
class History:
    """What is known of a request at the moment `now`.

    `excluded` maps a person to why he may not sign whatever the policy says; `involved` maps a person to his parts in
    the subject, ever, of which the policy excludes some. `held` maps a person to the roles he holds now on the subject: a vote counts only while its
    role is held. Without `candidates` nobody asks whether the request can be completed at all.
    """

    subject_digest: str
    ballots: tuple[Ballot, ...] = ()
    excluded: Mapping[str, Party] = field(default_factory=dict)
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    involved: Mapping[str, Mapping[str, Party]] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    recused: Mapping[str, str] = field(default_factory=dict)
    delegations: tuple[Delegation, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    pauses: tuple[Pause, ...] = ()
    duties: tuple[Duty, ...] = ()
    candidates: tuple[Candidate, ...] | None = None
    now: float = 0.0
    submitted: float = 0.0
    decided: float | None = None
    ended: float | None = None
    reviewed: float | None = None
