"""Seeds: one visible number per chapter or test, shifted together by one environment variable."""

import os

import numpy as np

from collapse import validation


def seeded(seed):
    """Return the generator that belongs to a seed.

    Parameters
    ----------
    seed : int
        The visible seed of a chapter or test, non-negative.

    Returns
    -------
    numpy.random.Generator
        A generator of its own for every pair of `seed` and the environment variable
        ``COLLAPSE_SEED_OFFSET`` (a non-negative integer, 0 when unset), so that everything
        can be run again under other seeds.

    Raises
    ------
    ValueError
        If the seed or the offset is not a non-negative integer.
    """
    offset = os.environ.get("COLLAPSE_SEED_OFFSET", "0")
    if not offset.isdecimal():
        raise ValueError(f"COLLAPSE_SEED_OFFSET must be a non-negative integer, got {offset!r}")
    return generator([validation.integer("seed", seed, 0), int(offset)])


def generator(rng):
    """Return a generator from a seed or a generator (SPEC 7).

    Parameters
    ----------
    rng : int, sequence of int or numpy.random.Generator
        A seed, or a generator, which is returned as it is.

    Returns
    -------
    numpy.random.Generator
        The generator to draw from.

    Raises
    ------
    ValueError
        If `rng` is ``None`` or not a seed: every run has a visible seed.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    try:
        if rng is None:
            raise TypeError
        return np.random.default_rng(np.random.SeedSequence(rng))
    except (TypeError, ValueError):
        raise ValueError(
            f"rng must be a non-negative integer seed or a numpy Generator, got {rng!r}"
        ) from None
