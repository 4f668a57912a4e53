"""Policies: what the next generation learns from.

A policy is called once a generation as ``policy(step, memory, rng)`` and returns the training data
of the next fit and its new memory. `step` (a `collapse.recursion.Step`) holds reality, the newest
model, the generation, the sample size and how data are drawn; the memory is whatever the policy
keeps of the past, ``None`` before generation 0. A policy knows nothing of the family it serves.
"""

import numpy as np


def replace(step, memory, rng):
    """Learn from the newest model only: M_n draws of generation n, everything older forgotten.

    Parameters
    ----------
    step : collapse.recursion.Step
        What is known about the generation that teaches the next one.
    memory : object
        Not used.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    data, memory
        The draws, and the memory as it was.
    """
    return step.draw(step.newest, step.size, rng), memory


def accumulate(step, memory, rng):
    """Learn from all data so far: the real sample and the draws of every generation, pooled.

    Parameters
    ----------
    step : collapse.recursion.Step
        What is known about the generation that teaches the next one.
    memory : object
        The pool so far, None before generation 0.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    data, memory
        The pool with the draws of this generation added, twice: to learn from and to keep.
    """
    produced = step.draw(step.newest, step.size, rng)
    everything = produced if memory is None else pool(memory, produced)
    return everything, everything


def pool(first, second):
    """Put two data sets together, chain by chain.

    Parameters
    ----------
    first, second : ndarray of shape (chains, M, ...) or sufficient statistics
        Raw samples, or statistics that can be added.

    Returns
    -------
    ndarray or sufficient statistics
        Raw samples joined along the sample axis, or the statistics of the joint sample.
    """
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second], axis=1)
    return first + second
