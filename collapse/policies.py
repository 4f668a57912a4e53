"""Policies: what the next generation learns from.

A policy is called once a generation as ``policy(step, memory, rng)`` and returns the training data
of the next fit and its new memory. It knows nothing of the family that it serves.

step : a `collapse.recursion.Step`: reality, the newest model, n, M_n and how data are drawn
memory : whatever the policy keeps of the past, None before generation 0
rng : the generator to draw from
data : raw samples, shape (chains, M, ...), or sufficient statistics; where statistics do not tell
    enough the policy says so: it needs ``draw=draw_samples``
share, number : how many of the M_n data are real, or new, as a share in [0, 1], rounded to a whole
    number of data, or as that number
policy : of `Selected`, the policy that uses the data

At generation 0 every policy but `newest_law` learns from M_0 real draws. From then on M_n counts
the training data of a fit, and those drawn in addition to older ones for `accumulate` and
`AccumulateSubsample`. A temperature belongs to the model: see `collapse.models.wrappers.Sharpened`,
and for text the decoders of `collapse.models.ngram.decoding`.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collapse import validation


def replace(step, memory, rng):
    """Learn from the newest model only: M_n draws of generation n, everything older forgotten."""
    return step.draw(step.newest, step.size, rng), memory


def newest_law(step, memory, rng):  # noqa: ARG001
    """Learn from the law of the newest model itself, as if from endless samples of it.

    The recursion then runs without statistical error:
    ``recurse(reality, partial(population_fit, fit), policy=newest_law, ...)``.
    """
    return step.newest, memory


def accumulate(step, memory, rng):
    """Learn from all data so far: the real sample and the draws of every generation, pooled."""
    produced = step.draw(step.newest, step.size, rng)
    everything = produced if memory is None else pool(memory, produced)
    return everything, everything


@dataclass(frozen=True)
class AccumulateSubsample:
    """Keep all data, and learn from a random part of them: a fixed `budget`, M_n by default.

    With `replacement` a datum can be drawn from the pool more than once, as in figure 5 of
    Shumailov et al. (arXiv:2305.17493v2); without, as in Kazdan et al. 2024 (arXiv:2410.16713).
    """

    budget: int | None = None
    replacement: bool = False

    def __post_init__(self):
        if self.budget is not None:
            validation.integer("budget", self.budget, 1)

    def __call__(self, step, memory, rng):
        """Draw, add to the pool, and take the budget from it."""
        budget = self.budget or step.size
        there = step.size + (0 if memory is None else _size(memory))
        if not self.replacement:
            _at_most("budget", budget, there, "the pool")
        _, everything = accumulate(step, memory, rng)
        return subsample(everything, budget, rng, replacement=self.replacement), everything


@dataclass(frozen=True)
class GenerationMixture:
    r"""Learn from the paper's mixture of the newest model, the last law and reality.

    In the paper's words :math:`p_{i+1}=\alpha p_{\theta_{i+1}}+\beta p_i+\gamma p_0`, with
    `coefficients` (alpha, beta, gamma), shares that sum to one, or a function of i = 0, 1, ... that
    gives them for p_{i+1}. Unrolled, :math:`p_n` is a mixture of reality and of all models so far,
    with geometric weights if the coefficients are constant. Each of the M_n draws picks its model
    by these weights anew: the split of a sample is multinomial, and another one in every chain, so
    that raw samples are needed.
    """

    coefficients: tuple | Callable

    def __post_init__(self):
        if not callable(self.coefficients):
            self._at(0)

    def _at(self, i):
        """Return alpha, beta and gamma of p_{i+1}."""
        three = self.coefficients(i) if callable(self.coefficients) else self.coefficients
        three = validation.probabilities("coefficients", three)
        if three.shape != (3,):
            raise ValueError(f"coefficients must be alpha, beta and gamma, got {three}")
        return three

    def __call__(self, step, memory, rng):
        """Draw each datum from reality or from one of the models so far."""
        models, weights = (step.reality,), np.ones(1)
        if step.generation > 0:
            alpha, beta, gamma = self._at(step.generation - 1)
            weights = np.append(beta * memory[1], alpha)
            weights[0] += gamma
            alive = weights > 1e-18  # no run would draw from the others
            alive[0] = True
            models = (*memory[0], step.newest)
            models = tuple(m for m, kept in zip(models, alive, strict=True) if kept)
            weights = weights[alive]
        split = rng.multinomial(step.size, weights / weights.sum(), size=step.chains)
        parts, wanted = [], []
        for model, counts in zip(models, split.T, strict=True):
            if counts.any():
                parts.append(_raw(step.draw(model, int(counts.max()), rng)))
                wanted.append(np.arange(counts.max()) < counts[:, None])
        drawn, wanted = (np.concatenate(a, axis=1) for a in (parts, wanted))
        return drawn[wanted].reshape(step.chains, step.size, *drawn.shape[2:]), (models, weights)


@dataclass(frozen=True)
class FreshReal:
    """Learn from fresh real draws and draws of the newest model, M_n together.

    How many are real is said by `share` or `number`. By default all data weigh the same in the fit;
    `weight`, in [0, 1], is what the real ones weigh together, the rest being left to the synthetic
    ones. The golden-ratio weight of He et al. 2025 (arXiv:2502.18049) is
    `collapse.theory.realdata.golden_weight`. Weights act on sufficient statistics.
    """

    share: float | None = None
    number: int | None = None
    weight: float | None = None

    def __post_init__(self):
        if (self.share is None) == (self.number is None):
            raise ValueError(
                "share or number must be given, and not both, "
                f"got share={self.share!r} and number={self.number!r}"
            )
        if self.share is not None:
            validation.real("share", self.share, 0, 1)
        else:
            validation.integer("number", self.number, 0)
        if self.weight is not None:
            validation.real("weight", self.weight, 0, 1)

    def __call__(self, step, memory, rng):
        """Draw both parts, and weigh them."""
        real = round(self.share * step.size) if self.number is None else self.number
        _at_most("number", real, step.size, "the sample size")
        if self.weight is not None and real in (0, step.size):
            raise ValueError(f"number must leave data for either weight, got {real} real ones")
        if step.generation == 0:
            data = step.draw(step.reality, step.size, rng)
        elif self.weight is None:
            data = _both(step, rng, real, lambda size: step.draw(step.reality, size, rng))
        else:
            parts = [(step.reality, real), (step.newest, step.size - real)]
            heavy = self.weight * step.size
            data = pool(
                *(
                    _weighted(step.draw(model, size, rng), total)
                    for (model, size), total in zip(parts, (heavy, step.size - heavy), strict=True)
                )
            )
        if self.weight is not None and isinstance(data, np.ndarray):
            raise ValueError(_NO_WEIGHTS)
        return data, memory


@dataclass(frozen=True, eq=False)
class KeepReal:
    """Keep one real data set for ever, and learn from it and from draws of the newest model.

    `real` are N raw data, shape (N, ...), the same for all chains; by default each chain keeps the
    M_0 draws of reality that its generation 1 learns from. Of the M_n data of a later generation
    round(share N) are a random part of the N real ones, another part in every generation and chain,
    and the rest is synthetic: the paper's 10 % of the original data points are 0.1. With a share of
    1 and sizes that do not grow there is no synthetic data. Generation 1 learns from real data
    only: M_0 of them, chosen at random.
    """

    share: float
    real: np.ndarray | None = None

    def __post_init__(self):
        validation.real("share", self.share, 0, 1)
        if self.real is not None:
            real = validation.array("real", self.real).copy()
            if real.ndim == 0 or not real.size:
                raise ValueError(f"real must be data of shape (N, ...), got shape {real.shape}")
            self.__dict__.update(real=real)

    def __call__(self, step, memory, rng):
        """Take a part of the real data and draw the rest."""
        if self.real is None:
            if memory is None:
                memory = step.draw(step.reality, step.size, rng)
                return memory, memory
            real = memory
        else:
            real = np.broadcast_to(self.real, (step.chains, *self.real.shape))
        if step.generation == 0:
            _at_most("sample_size", step.size, _size(real), "the real data")
            return subsample(real, step.size, rng), memory
        kept = round(self.share * _size(real))
        _at_most("share", kept, step.size, "the sample size")
        return _both(step, rng, kept, lambda size: subsample(real, size, rng)), memory


@dataclass(frozen=True)
class PartialReplacement:
    """Replace a random part of the pool by draws of the newest model, and learn from the pool.

    `share` of the M_n data is new. One new datum at a time, share = 1/M, is the model of Moran
    1958.
    """

    share: float

    def __post_init__(self):
        validation.real("share", self.share, 0, 1)

    def __call__(self, step, memory, rng):
        """Keep a random part of the pool and draw the rest."""
        if memory is None:
            data = step.draw(step.newest, step.size, rng)
        else:
            kept = step.size - round(self.share * step.size)
            _at_most("sample_size", kept, _size(memory), "the pool, less what is new")
            data = _both(step, rng, kept, lambda size: subsample(memory, size, rng))
        return data, data


@dataclass(frozen=True)
class Selected:
    """Let a verifier or a reward choose among the synthetic data; real data pass.

    ``accept(samples)`` of raw samples, shape (chains, size, ...), returns booleans or
    probabilities, shape (chains, size); synthetic data are drawn, the way the run draws, until
    enough of them are accepted, at most a thousand times as many. To accept with a probability
    proportional to a reward multiplies the law by it: selection as in genetics.
    """

    accept: Callable
    policy: Callable = replace

    def __post_init__(self):
        for name in ("accept", "policy"):
            if not callable(getattr(self, name)):
                raise ValueError(f"{name} must be callable, got {getattr(self, name)!r}")

    def __call__(self, step, memory, rng):
        """Run the policy with accepted draws."""

        def draw(model, size, rng):
            def stretch(length):
                drawn = step.raw(model, length, rng)
                chances = _chances("accept", self.accept, drawn)
                certain = chances.dtype == bool
                return drawn, chances.copy() if certain else rng.random(chances.shape) < chances

            real = model is step.reality
            return step.draw(model, size, rng) if real else _first_kept("accept", size, stretch)

        return self.policy(dataclasses.replace(step, draw=draw), memory, rng)


@dataclass(frozen=True)
class Filtered:
    """Learn from a stream of real and generated data, behind a detector that makes errors.

    From generation 1 on every datum of the stream is fresh and real with probability `share`, and a
    draw of the newest model otherwise; the next fit sees the first M_n that the detector keeps, as
    raw samples. `keep_real` and `keep_generated` are the probabilities that a real and that a
    generated datum are kept, or ``keep(samples)`` that returns them, shape (chains, size), for
    samples of shape (chains, size, ...).
    """

    share: float
    keep_real: float | Callable
    keep_generated: float | Callable

    def __post_init__(self):
        validation.real("share", self.share, 0, 1)
        for name in ("keep_real", "keep_generated"):
            if not callable(getattr(self, name)):
                validation.real(name, getattr(self, name), 0, 1)

    def __call__(self, step, memory, rng):
        """Draw from the stream until every chain has enough."""
        if step.generation == 0:
            return step.raw(step.reality, step.size, rng), memory

        def stretch(length):
            drawn = step.raw(step.newest, length, rng)
            real = rng.random(drawn.shape[:2]) < self.share
            if number := real.sum(axis=1).max():
                fresh = step.raw(step.reality, number, rng)
                drawn[real] = fresh[np.arange(number) < real.sum(axis=1)[:, None]]
            chances = np.where(
                real,
                _chances("keep_real", self.keep_real, drawn),
                _chances("keep_generated", self.keep_generated, drawn),
            )
            return drawn, rng.random(real.shape) < chances

        return _first_kept("keep_real and keep_generated", step.size, stretch), memory


def pool(first, second):
    """Put two data sets together, chain by chain: `first`, then `second`, or their statistics."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second], axis=1)
    return first + second


def subsample(data, size, rng, *, replacement=False):
    """Take a random part of a data set, `size` data a chain, at most all without `replacement`.

    Counts can give it exactly (multivariate hypergeometric, multinomial with replacement), means
    and variances cannot.
    """
    if not replacement:
        _at_most("size", size, _size(data), "the data")
        if size == _size(data):
            return data
    if not isinstance(data, np.ndarray):
        if not hasattr(data, "subsample"):
            raise ValueError(
                "draw must be draw_samples for a random part of the data, which "
                f"{type(data).__name__} cannot give"
            )
        return data.subsample(size, rng, replacement=replacement)
    chains, whole = data.shape[:2]
    if replacement:
        index = rng.integers(whole, size=(chains, size))
    else:
        index = rng.random((chains, whole)).argpartition(size - 1, axis=1)[:, :size]
    return data[np.arange(chains)[:, None], index]


_NO_WEIGHTS = "weight must meet sufficient statistics (draw=draw_statistics), got raw samples"


def _weighted(data, total):
    """Return statistics that count as if of `total` data."""
    if not hasattr(data, "resized"):
        raise ValueError(_NO_WEIGHTS)
    return data.resized(total)


def _both(step, rng, real, take):
    """Pool what `take(real)` gives with draws of the newest model, M_n together."""
    if not real:
        return step.draw(step.newest, step.size, rng)
    taken = take(real)
    if real == step.size:
        return taken
    return pool(step.draw(step.newest, step.size - real, rng), taken)


def _chances(name, function, drawn):
    """Return the probability to keep each datum, shape (chains, length), or one for all."""
    if not callable(function):
        return function
    chances = np.asarray(function(drawn))
    if chances.shape != drawn.shape[:2]:
        raise ValueError(f"{name} must have shape {drawn.shape[:2]}, got {chances.shape}")
    if not ((chances >= 0) & (chances <= 1)).all():
        raise ValueError(f"{name} must be booleans or probabilities, got one outside [0, 1]")
    return chances


def _first_kept(name, size, stretch):
    """Return the first data of a stream that are kept, `size` a chain.

    ``stretch(length)`` returns the next data, shape (chains, length, ...), and which are kept.
    """
    passed, length, chosen = 0, size, None
    while passed < 1000 * size:
        drawn, kept = stretch(length)
        if chosen is None:
            chosen, found = np.empty_like(drawn), np.zeros(len(drawn), int)
        passed += length
        place = found[:, None] + np.cumsum(kept, axis=1) - 1
        kept &= place < size
        chosen[np.nonzero(kept)[0], place[kept]] = drawn[kept]
        found += kept.sum(axis=1)
        missing = size - found.min()
        if not missing:
            return chosen
        # about as much more as will do
        length = int(min(1.2 * missing * passed / max(found.mean(), 1), 64 * size)) + 8
    raise ValueError(f"{name} must let enough pass, got {found.min()} of {passed} data")


def _size(data):
    """Return the number of data a chain has."""
    return data.shape[1] if isinstance(data, np.ndarray) else data.size


def _at_most(name, value, limit, what):
    if value > limit:
        raise ValueError(f"{name} must not take more than {what}, {limit} data, got {value}")


def _raw(data):
    if not isinstance(data, np.ndarray):
        raise ValueError(
            "draw must be draw_samples for a mixture of generations, whose split is another in "
            f"each chain, got {type(data).__name__}"
        )
    return data
