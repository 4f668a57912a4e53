"""Checks of linear regression on its own labels."""

import numpy as np

from collapse.theory import regression as theory
from companion.checks.entry import Computed, Entry, Simulated

SAMPLES, DIMENSION, GENERATIONS, NOISE, CHAINS = 10, 4, 4, 0.5, 40_000
SETTING = f"T = {SAMPLES}, d = {DIMENSION}; n = {GENERATIONS}"


def errors(
    rng,
    workflow,
    *,
    fresh=False,
    samples=SAMPLES,
    dimension=DIMENSION,
    generations=GENERATIONS,
    noise=NOISE,
    chains=CHAINS,
):
    """Run least squares on its own labels.

    Parameters
    ----------
    rng : numpy.random.Generator
        The generator to draw from.
    workflow : str
        ``replace``, ``accumulate``, or ``grow``: generation i has i T inputs, and replaces.
    fresh : bool
        Whether each generation has inputs of its own, or all label the same ones.
    samples : int
        T, the inputs of a generation.
    dimension : int
        d.
    generations : int
        N.
    noise : float
        The variance of the labels' noise.
    chains : int
        The number of independent runs.

    Returns
    -------
    ndarray, shape (N + 1, chains)
        Squared distances of the fitted weights from the true ones, which are zero.
    """
    if workflow not in ("replace", "accumulate", "grow"):
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


def _theory(function, **choice):
    return function(SAMPLES, DIMENSION, GENERATIONS, noise=NOISE, **choice)[-1]


ENTRIES = (
    Entry(
        theory.error_replaced,
        r"\tfrac{\sigma^2d}{T-d-1}n",
        "exact",
        f"{SETTING}; the same inputs",
        Simulated(
            1551,
            "squared distance from the true weights",
            lambda rng: errors(rng, "replace")[-1],
            lambda: _theory(theory.error_replaced),
            "T - d for T - d - 1",
            lambda: _theory(theory.error_replaced) * (1 - 1 / (SAMPLES - DIMENSION)),
        ),
        "the same inputs",
    ),
    Entry(
        theory.error_replaced,
        r"\tfrac{\sigma^2d}{T-d-1}n",
        "exact",
        f"{SETTING}; fresh inputs",
        Simulated(
            1552,
            "squared distance from the true weights",
            lambda rng: errors(rng, "replace", fresh=True)[-1],
            lambda: _theory(theory.error_replaced),
            "T - d for T - d - 1",
            lambda: _theory(theory.error_replaced) * (1 - 1 / (SAMPLES - DIMENSION)),
        ),
        "fresh inputs",
    ),
    Entry(
        theory.error_accumulated,
        r"\tfrac{\sigma^2d}{T-d-1}\sum_{i\le n}i^{-2}",
        "exact",
        f"{SETTING}; the same inputs",
        Simulated(
            1553,
            "squared distance from the true weights",
            lambda rng: errors(rng, "accumulate")[-1],
            lambda: _theory(theory.error_accumulated, fresh=False),
            "fresh inputs",
            lambda: _theory(theory.error_accumulated, fresh=True),
        ),
        "the same inputs",
    ),
    Entry(
        theory.error_accumulated,
        r"\sigma^2d\sum_{i\le n}\tfrac1{i(iT-d-1)}",
        "exact",
        f"{SETTING}; fresh inputs",
        Simulated(
            1554,
            "squared distance from the true weights",
            lambda rng: errors(rng, "accumulate", fresh=True)[-1],
            lambda: _theory(theory.error_accumulated, fresh=True),
            "the same inputs",
            lambda: _theory(theory.error_accumulated, fresh=False),
        ),
        "fresh inputs",
    ),
    Entry(
        theory.error_grown,
        r"\sigma^2d\sum_{i\le n}\tfrac1{iT-d-1}",
        "exact",
        f"{SETTING}; i T inputs",
        Simulated(
            1555,
            "squared distance from the true weights",
            lambda rng: errors(rng, "grow")[-1],
            lambda: _theory(theory.error_grown),
            "the harmonic sum",
            lambda: _theory(theory.error_replaced) / 4 * (1 + 1 / 2 + 1 / 3 + 1 / 4),
        ),
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
