"""Checks of linear regression on its own labels."""

import numpy as np

from collapse.theory import regression as theory
from companion.checks.entry import Computed, Entry, law

WORKFLOWS = ("replace", "accumulate", "grow")
SETTING = "T = 10, d = 4; n = 4"
ARGUMENTS = {"samples": 10, "dimension": 4, "generations": 4, "noise": 0.5}


def errors(
    rng,
    workflow,
    *,
    fresh=False,
    samples=10,
    dimension=4,
    generations=4,
    noise=0.5,
    chains=40_000,
):
    """Run least squares on its own labels: squared errors of the weights, shape (N + 1, chains).

    The `workflow` is ``replace``, ``accumulate``, or ``grow``: generation i has i T inputs, and
    replaces. `fresh` says whether each generation has inputs of its own, or all label the same.
    """
    if workflow not in WORKFLOWS:
        raise ValueError(f"workflow must be replace, accumulate or grow, got {workflow!r}")
    weights = np.zeros((chains, dimension))
    squares, products = 0.0, 0.0
    inputs, rows = None, [np.zeros(chains)]
    for i in range(1, generations + 1):
        if inputs is None or fresh or workflow == "grow":
            size = samples * (i if workflow == "grow" else 1)
            inputs = rng.standard_normal((chains, size, dimension))
        labels = inputs @ weights[..., None]
        labels += np.sqrt(noise) * rng.standard_normal(labels.shape)
        old = workflow == "accumulate"  # else the sums start anew
        squares = old * squares + inputs.mT @ inputs
        products = old * products + inputs.mT @ labels
        weights = np.linalg.solve(squares, products)[..., 0]
        rows.append((weights**2).sum(axis=-1))
    return np.array(rows)


def _row(function, formula, inputs, seed, workflow, fresh, wrong, **more):
    return law(
        function,
        formula,
        f"{SETTING}; {inputs}",
        seed,
        "squared distance from the true weights",
        lambda rng: errors(rng, workflow, fresh=fresh)[-1],
        ARGUMENTS | more.pop("arguments", {}),
        wrong,
        **more,
    )


LAST = theory.error_replaced(**ARGUMENTS)[-1]
DIVISOR = "T - d for T - d - 1", LAST * (1 - 1 / (10 - 4))
HARMONIC = "the harmonic sum", LAST / 4 * (1 + 1 / 2 + 1 / 3 + 1 / 4)

ENTRIES = (
    *(
        _row(
            theory.error_replaced,
            r"\tfrac{\sigma^2d}{T-d-1}n",
            case,
            1551 + fresh,
            "replace",
            fresh,
            DIVISOR,
            case=case,
        )
        for fresh, case in enumerate(("the same inputs", "fresh inputs"))
    ),
    *(
        _row(
            theory.error_accumulated,
            formula,
            case,
            1553 + fresh,
            "accumulate",
            fresh,
            {"fresh": not fresh},
            arguments={"fresh": bool(fresh)},
            case=case,
        )
        for fresh, (case, formula) in enumerate(
            (
                ("the same inputs", r"\tfrac{\sigma^2d}{T-d-1}\sum_{i\le n}i^{-2}"),
                ("fresh inputs", r"\sigma^2d\sum_{i\le n}\tfrac1{i(iT-d-1)}"),
            )
        )
    ),
    _row(
        theory.error_grown,
        r"\sigma^2d\sum_{i\le n}\tfrac1{iT-d-1}",
        "i T inputs",
        1555,
        "grow",
        False,
        HARMONIC,
    ),
    Entry(
        theory.accumulated_error_limit,
        r"-\tfrac{1-c}c[\psi(1-c)+\gamma],\ c=\tfrac{d+1}T",
        "exact",
        "T = 10, d = 4, n = 1e+06; fresh inputs; numerical",
        Computed(
            "the sum",
            lambda: theory.error_accumulated(10, 4, 10**6, fresh=True)[-1],
            1e-6,
            lambda: theory.accumulated_error_limit(10, 4, fresh=True),
            "π²/6, of the same inputs",
            lambda: theory.accumulated_error_limit(10, 4, fresh=False),
        ),
    ),
)
