"""Finds the parameters under which what was observed is likeliest, or says that there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
Likelihood = Callable[[Floats], tuple[float, Floats]]
"""The log-likelihood of an observation, on average, at these parameters (all positive), and its derivative by each."""

FARTHEST = 16.0
"""Of the logarithm of a parameter: one that goes there goes on for ever."""
FLAT = 1e-5
"""So small a slope (by the logarithms of the parameters, an observation) is a summit's."""

BENT = 1e-6
"""So much a summit falls off to every side, at the least; a ridge does not along its back."""


class NotConverged(Exception):
    """A model could not be fitted to what was observed: no parameters are the likeliest."""

    def __init__(self, model: str, why: str) -> None:
        super().__init__(f"{model} cannot be fitted: {why}.")
        self.model = model


@dataclass(frozen=True)
class Fit:
    """The likeliest parameters by name, and the log-likelihood of everything observed."""

    parameters: dict[str, float]
    likelihood: float
    observations: int


def likeliest(
    model: str, names: Sequence[str], likelihood: Likelihood, observations: float, starts: Sequence[Sequence[float]]
) -> Fit:
    """Climb from each start by the parameters' logarithms, so that they stay positive and are of one scale; the highest
    summit counts. Raises NotConverged when none was reached, or when it lies at the edge of the world."""
    best: Any = None
    for start in starts:
        with threadpool_limits(1):  # several wait for each other far longer than they climb
            found = minimize(
                lambda logs: descent(likelihood, logs),
                np.log(np.asarray(start, dtype=float)),
                jac=True,
                method="L-BFGS-B",
                bounds=[(-FARTHEST, FARTHEST)] * len(names),
                options={"maxiter": 1_000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 20},
            )
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        raise NotConverged(model, "its likelihood is not a number")
    if np.max(np.abs(best.x)) > FARTHEST - 0.1:
        without = ", ".join(name for name, at in zip(names, best.x, strict=True) if abs(at) > FARTHEST - 0.1)
        raise NotConverged(model, f"the likelihood grows for ever with {without}; too little has happened")
    if np.max(np.abs(best.jac)) > FLAT:
        raise NotConverged(model, "the search ended on a slope")
    if np.linalg.eigvalsh(curvature(likelihood, best.x)).max() > -BENT:
        raise NotConverged(model, "many parameters are as likely; too little has happened")
    parameters = dict(zip(names, map(float, np.exp(best.x)), strict=True))
    return Fit(parameters, float(-best.fun * observations), round(observations))


def descent(likelihood: Likelihood, logs: Floats) -> tuple[float, Floats]:
    parameters = np.exp(logs)
    with np.errstate(all="ignore"):
        value, slope = likelihood(parameters)
    return -value, -slope * parameters


def curvature(likelihood: Likelihood, logs: Floats, step: float = 1e-3) -> Floats:
    """How the slope changes to either side of a summit."""
    aside = np.diag(np.full(len(logs), step))
    rows = [(descent(likelihood, logs - one)[1] - descent(likelihood, logs + one)[1]) / (2 * step) for one in aside]
    bent = np.array(rows)
    return (bent + bent.T) / 2
