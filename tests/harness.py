"""The one statistical harness: a tolerance is a multiple of a standard error that was computed."""

import numpy as np


def z_score(samples, predicted):
    """Return (mean - predicted) in standard errors, over the first axis of `samples`."""
    samples = np.asarray(samples, dtype=float)
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    difference = samples.mean(axis=0) - predicted
    # a quantity without spread has no standard error: it must be right to rounding
    constant = error <= 1e-12 * np.maximum(1, np.abs(predicted))
    exact = np.abs(difference) <= 1e-9 * np.maximum(1, np.abs(predicted))
    safe = np.where(constant, 1, error)
    return np.where(constant, np.where(exact, 0, np.inf), difference / safe)


def assert_agrees(samples, predicted):
    """Every mean over the first axis lies within five standard errors of its prediction."""
    z = np.abs(z_score(samples, predicted))
    assert z.max() < 5, f"largest |z| is {z.max():.1f} at {np.unravel_index(z.argmax(), z.shape)}"


def assert_refutes(samples, predicted):
    """The control: some mean lies more than eight standard errors from the wrong prediction."""
    z = np.abs(z_score(samples, predicted))
    assert z.max() > 8, f"the control was not refuted: largest |z| is {z.max():.1f}"
