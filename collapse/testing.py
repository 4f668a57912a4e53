"""Checks for models of one's own, in sentences, and the rule for numbers that must agree.

`check_model` tries what the recursion, the policies and the measures will ask of a model and its
fit. `agrees` and `refuted` are the rule of the book: a mean agrees within five standard errors, and
what is wrong must be off by more than eight; what is not a finite number does neither.
"""

from dataclasses import dataclass

import numpy as np

from collapse import policies
from collapse.recursion import draw_samples, recurse

CHAINS, SIZE, MANY = 3, 40, 4000


def score(samples, predicted):
    """Return (mean - predicted) in standard errors, over the first axis."""
    samples = np.asarray(samples, dtype=float)
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (samples.mean(axis=0) - predicted) / error


def agrees(samples, predicted):
    """Say whether each mean over the first axis lies within 5 standard errors of its prediction."""
    return bool((np.abs(score(samples, predicted)) < 5).all())


def refuted(samples, predicted):
    """Say whether some mean lies more than 8 standard errors from its prediction."""
    z = np.abs(score(samples, predicted))
    return bool(np.isfinite(z).all() and (z > 8).any())


@dataclass(frozen=True)
class Report:
    """What `check_model` found: `faults`, sentences, none if all is well, and `notes`."""

    faults: tuple
    notes: tuple

    def __str__(self):
        said = [f"- {fault}" for fault in self.faults] or ["All that was tried is as it should be."]
        return "\n".join([*said, *(f"({note})" for note in self.notes)])


def check_model(model, fit=None, seed=0):
    """Try a model, one law, and its `fit`; returns a `Report` in sentences.

    What is tried: shapes and the axis of the chains, other draws from other seeds and the same from
    the same, draws and densities that are numbers, the density against its integral and against
    draws, records that do not change, fits that leave their data alone and chains apart,
    statistics against samples, and a short run under two policies. Discrete data must be numbers.
    """
    faults, notes = [], []
    try:
        many = model.broadcast(CHAINS)
        x = np.asarray(many.sample(SIZE, np.random.default_rng(seed)))
    except Exception as error:  # whatever a stranger's model raises is the finding
        return Report(
            (f"broadcast(chains).sample(size, rng) must draw, but raises: {error!r}",), ()
        )
    _draws(model, many, x, seed, faults)
    for name in vars(model) if hasattr(model, "__dict__") else ():
        try:
            setattr(model, name, getattr(model, name))
        except (AttributeError, TypeError):
            continue
        faults.append(f"a model must not change, but its {name} can be set: freeze the record")
        break
    if faults:
        return Report(tuple(faults), ("the rest was not tried",))
    if hasattr(model, "logpdf") or hasattr(model, "logpmf"):
        _density(model, x, seed, faults)
    else:
        notes.append("without logpdf or logpmf there are no divergences and no entropy")
    if fit is not None:
        _fit(model, fit, x, seed, faults, notes)
    return Report(tuple(faults), tuple(notes))


def _draws(model, many, x, seed, faults):
    """Look at draws: shapes, chains, seeds, NaN."""
    if x.shape[:2] != (CHAINS, SIZE):
        faults.append(
            f"broadcast({CHAINS}).sample({SIZE}, rng) must have shape ({CHAINS}, {SIZE}, ...), the "
            f"chains first, got {x.shape}"
        )
        return
    other = np.asarray(many.sample(SIZE + 1, np.random.default_rng(seed)))
    if other.shape[1] != SIZE + 1:
        faults.append(f"sample must heed its size, got {other.shape[1]} draws for {SIZE + 1}")
    again = np.asarray(many.sample(SIZE, np.random.default_rng(seed)))
    if not np.array_equal(x, again, equal_nan=x.dtype.kind == "f"):
        faults.append("the same generator must give the same draws: draw from rng alone")
    later = np.asarray(many.sample(SIZE, np.random.default_rng(seed + 1)))
    if np.array_equal(x, later):
        faults.append("another generator must give other draws: is there a seed in the model?")
    elif np.array_equal(x[0], x[1]):
        faults.append("chains must have draws of their own, but two have the same")
    drawn = np.asarray(model.broadcast(1).sample(MANY, np.random.default_rng(seed + 2)))
    if drawn.dtype.kind == "f" and not np.isfinite(drawn).all():
        faults.append(
            f"draws must be finite, got {(~np.isfinite(drawn)).sum()} of {MANY} that are not"
        )


def _density(model, x, seed, faults):
    """Compare the density with its integral and with draws, of data on the line."""
    discrete = not hasattr(model, "logpdf")
    name = "logpmf" if discrete else "logpdf"
    law = model.broadcast(CHAINS)
    found = np.asarray(getattr(law, name)(x))
    if found.shape[:2] != x.shape[:2]:
        faults.append(
            f"{name}(x) must have one value a draw, shape {x.shape[:2]}, got {found.shape}"
        )
        return
    if np.isnan(found).any():
        faults.append(f"{name} must be a number at every draw, got {np.isnan(found).sum()} NaN")
        return
    if x.ndim > 2:
        return
    drawn = np.sort(np.asarray(model.broadcast(1).sample(MANY, np.random.default_rng(seed)))[0])
    if discrete:
        grid = np.arange(drawn[0] - 3 * np.ptp(drawn), drawn[-1] + 3 * np.ptp(drawn) + 1)
        grid = grid[grid >= 0].astype(drawn.dtype) if drawn[0] >= 0 else grid
        try:
            cumulative = np.cumsum(np.exp(np.asarray(model.broadcast(1).logpmf(grid[None]))[0]))
        except ValueError:  # categories that do not exist
            return
    else:
        reach = 3 * np.ptp(drawn)
        middle = np.quantile(drawn, np.linspace(0, 1, 2001))
        ends = np.linspace(drawn[0] - reach, drawn[-1] + reach, 4001)
        grid = np.unique(np.concatenate([middle, ends]))
        height = np.exp(np.asarray(model.broadcast(1).logpdf(grid[None]))[0])
        steps = np.diff(grid) * (height[1:] + height[:-1]) / 2
        cumulative = np.concatenate([[0.0], np.cumsum(steps)])
    if abs(cumulative[-1] - 1) > 0.03:
        faults.append(f"exp({name}) must have the total 1, got about {cumulative[-1]:.3g}")
        return
    below = np.searchsorted(drawn, grid, side="right") / MANY
    gap = np.abs(below - cumulative).max() * np.sqrt(MANY)
    if gap > 2.5 + 0.03 * np.sqrt(MANY):  # Kolmogorov: beyond 2.5 one time in 100,000, and the grid
        faults.append(f"{name} and sample must be of one law, but their distributions are apart")


def _told(law, x):
    """Return what a law says of draws, with the chains first, or None where it says nothing."""
    for name in ("logpdf", "logpmf"):
        if hasattr(law, name):
            return np.asarray(getattr(law, name)(x))
    return np.asarray(law.mean) if hasattr(law, "mean") else None


def _fit(model, fit, x, seed, faults, notes):
    """Try a fit: its data, its chains, statistics, and a short run."""

    def made(data):
        rng = np.random.default_rng(seed)
        return (fit.prepared(model, rng) if hasattr(fit, "prepared") else fit)(data)

    data = x.copy()
    try:
        fitted = made(data)
        shape = np.shape(fitted.sample(2, np.random.default_rng(seed)))
    except Exception as error:
        faults.append(f"the fit must make a model of draws (chains, size, ...): {error!r}")
        return
    if not np.array_equal(data, x):
        faults.append("the fit must leave its data alone, but has changed them")
    if shape[:2] != (CHAINS, 2):
        faults.append(
            f"the fit must make one law for each chain: its draws have shape {shape}, not "
            f"({CHAINS}, 2, ...); does it pool the chains, or take the wrong axis?"
        )
        return
    together = _told(fitted, x)
    if together is not None and not hasattr(fit, "prepared"):
        alone = np.concatenate(
            [_told(made(x[i : i + 1].copy()), x[i : i + 1]) for i in range(CHAINS)]
        )
        if not np.allclose(together, alone, equal_nan=True):
            faults.append("a chain fitted with others must be as if fitted alone, and is not")
    for policy in (policies.replace, policies.accumulate):
        run = {"sample_size": SIZE, "generations": 2, "chains": CHAINS, "rng": seed}
        try:
            recurse(model, fit, policy=policy, draw=draw_samples, **run)
        except Exception as error:
            faults.append(f"a run under {policy.__name__} must work, but raises: {error!r}")
    if not hasattr(model, "statistics"):
        notes.append("without statistics(size, rng) the cost grows with the sample size")
        return
    several = model.broadcast(MANY)
    try:
        both = [fit(several.statistics(SIZE, np.random.default_rng(seed)))]
    except ValueError:
        notes.append("the fit does not take the statistics of this model: draw=draw_samples")
        return
    both.append(fit(several.sample(SIZE, np.random.default_rng(seed + 1))))
    for name in ("mean", "variance"):
        if all(hasattr(one, name) for one in both):
            one, other = (np.asarray(getattr(m, name), float).reshape(MANY, -1) for m in both)
            if not agrees(one - other, 0):
                faults.append(
                    f"the {name} of a fit to statistics must have the law of one to samples"
                )
