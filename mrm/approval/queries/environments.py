"""For which environments an approval may be asked for: kinds of them, and those that the area of deployments knows."""

from collections.abc import Callable, Iterable, Mapping

from mrm.approval.policies import EVERY_OF_KIND
from mrm.core.registry import Registry

# each entry answers with the key of each environment and its name
ENVIRONMENTS: Registry[Callable[[], Mapping[str, str]]] = Registry("list of environments")
USUAL = ("any:production",)  # what is asked for where nothing else is said


def environments_offered() -> dict[str, str]:
    """Everything that an approval may be given for, and how a signer reads it."""
    named = {key: name for _, listed in ENVIRONMENTS.items() for key, name in listed().items()}
    return EVERY_OF_KIND | {key: f"the environment {name} ({key})" for key, name in named.items()}


def terms_of(environments: Iterable[str]) -> dict[str, dict[str, str]]:
    """The environments as a request names them to its signers."""
    words = environments_offered()
    return {"environments": {each: words[each] for each in sorted(set(environments))}}
