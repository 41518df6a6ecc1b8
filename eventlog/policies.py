"""The policy of a tenant as it is written: a YAML text, read once, and the one that holds where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

from pydantic import ValidationError

from domain.policy import Policy
from domain.roles import ADMINISTRATOR
from eventlog.marked import Marked, Path, TextError

DEFAULT_TEXT = (files("domain") / "policy.yaml").read_text(encoding="utf-8")
NAME = "policy"
REMEMBERED = 200


class PolicyError(TextError):
    """The text is no policy; each of its faults is told with its line."""


def load_policy(text: str, name: str = NAME) -> Policy:
    """The policy that a text says; `name` is what its author calls it. Raises PolicyError."""
    try:
        marked = Marked.read(text, name)
    except TextError as error:
        raise PolicyError(error.faults) from None
    try:
        policy = Policy.model_validate(marked.value)
    except ValidationError as error:
        faults = [(tuple(wrong["loc"]), wrong["msg"]) for wrong in error.errors(include_url=False)]
        raise PolicyError(told(marked, faults)) from None
    if wrong := list(policy.faults()):
        raise PolicyError(told(marked, wrong))
    return policy


def told(marked: Marked, faults: Sequence[tuple[Path, str]]) -> list[str]:
    """In the order of the text, each at the innermost place that it has."""
    in_order = sorted(dict.fromkeys(faults), key=lambda fault: marked.at(fault[0]))
    return [marked.told(at, f"{at[-1]}: {message}" if at else message) for at, message in in_order]


@lru_cache(REMEMBERED)
def policy_of(text: str | None) -> Policy:
    """The policy of a tenant that has said this, and the default where it has said nothing. Of one that an earlier
    release took and this one does not, only the administrator is left, who can mend it."""
    try:
        return load_policy(DEFAULT_TEXT if text is None else text)
    except PolicyError:
        default = policy_of(None)
        return Policy(
            kronika=default.kronika,
            roles={role: default.roles[role] for role in default.roles if role == ADMINISTRATOR},
        )
