"""The recursion: each generation learns from what the last one produced.

Order of events. Generation 0 is reality. For n = 0, 1, ..., N - 1:

1. the policy decides what generation n + 1 learns from; under *replace* these are M_n draws from
   generation n, so that real data enter exactly once, as the M_0 draws that generation 1 is
   fitted to;
2. generation n + 1 is fitted to these data. Its variance divides by M_n or by M_n - 1 as the fit
   says (``ddof``). A fit that needs more than the data, namely random numbers or the generation
   that it carries on from, has ``prepared(newest, rng)``, which is called for this.

All chains advance together, in array operations over their common axis.
"""

import copy
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from collapse import validation
from collapse.policies import replace
from collapse.progress import progress
from collapse.seeds import generator


@dataclass(frozen=True)
class Draw:
    """A way to draw a data set: ``draw(model, size, rng)``, samples or sufficient statistics.

    With `statistics` models that have sufficient statistics give these instead of raw samples,
    shape (chains, size, ...): the same law, at a cost that does not depend on the size. With
    `decoded` autoencoders give what their decoder makes of the codes, without observation noise;
    other models, and reality among them, are drawn from as they are.
    """

    statistics: bool = True
    decoded: bool = False

    def __call__(self, model, size, rng):
        """Draw `size` data for each chain."""
        model = getattr(model, "decoded", model) if self.decoded else model
        draw = getattr(model, "statistics", model.sample) if self.statistics else model.sample
        return draw(size, rng)

    @property
    def raw(self):
        """The same way, by raw samples."""
        return dataclasses.replace(self, statistics=False)


draw_statistics, draw_samples, draw_decoded = Draw(), Draw(statistics=False), Draw(decoded=True)


@dataclass(frozen=True)
class Step:
    """What a policy is told about the generation that is about to teach the next one.

    `reality` and the `newest` model, the `generation` n of the latter, `size` M_n, the number of
    `chains`, and how the run would `draw` data.
    """

    generation: int
    size: int
    chains: int
    reality: Any
    newest: Any
    draw: Callable

    def raw(self, model, size, rng):
        """Draw raw samples, shape (chains, size, ...), by the way that the run draws."""
        drawn = getattr(self.draw, "raw", self.draw)(model, size, rng)
        if not isinstance(drawn, np.ndarray):
            raise ValueError(
                "draw must give raw samples to a policy that chooses among them, "
                f"got {type(drawn).__name__}"
            )
        return drawn


@dataclass(frozen=True, eq=False)
class Lineage:
    """The models of all chains over the generations.

    The kept `generations`, an array of shape (G,) that begins with 0, and their `models`, each with
    all chains; the `newest`, kept or not; `sample_sizes` M_0, ..., M_{N-1}; and what was
    `measured` at every generation, by name, arrays of shape (N + 1, chains).
    """

    generations: np.ndarray
    models: tuple
    newest: Any
    sample_sizes: np.ndarray
    measured: dict
    _run: "_Run"
    _now: "_Now"

    def __getitem__(self, generation):
        """Return the model of a generation that was kept, or the newest."""
        if generation == len(self.sample_sizes):
            return self.newest
        index = np.flatnonzero(self.generations == generation)
        if not index.size:
            raise ValueError(
                f"generation must be one of the {len(self.generations)} that were kept, "
                f"up to {len(self.sample_sizes)}, got {generation!r}"
            )
        return self.models[index[0]]

    def measure(self, function):
        """Apply ``function(model)`` to every kept model; shape (G, chains)."""
        return np.array([function(model) for model in self.models])

    def frame(self, **functions):
        """Return a tidy pandas frame: one row for each generation and chain.

        Columns `generation` and `chain`, one for each ``name=function(model)`` of shape (chains,),
        and one for each quantity that was measured during the run. With functions there are rows
        for the generations that were kept, without for all.
        """
        index = self.generations if functions else np.arange(len(self.sample_sizes) + 1)
        values = {name: array[index] for name, array in self.measured.items()}
        values |= {name: self.measure(function) for name, function in functions.items()}
        if not values:
            raise ValueError("functions must hold at least one name=function, got none")
        generation, chain = np.indices(next(iter(values.values())).shape)
        columns = {"generation": index[generation].ravel(), "chain": chain.ravel()}
        return pd.DataFrame(columns | {name: array.ravel() for name, array in values.items()})


class _Run(NamedTuple):
    """What stays the same over a run."""

    fit: Callable
    policy: Callable
    draw: Callable
    sample_size: Any
    chains: int
    keep: frozenset | None
    measure: dict


class _Now(NamedTuple):
    """Where a run stands: all that is needed to go on."""

    generation: int
    newest: Any
    memory: Any
    rng: np.random.Generator
    bits: dict


def recurse(
    reality,
    fit,
    *,
    sample_size,
    generations,
    rng,
    chains=1,
    policy=replace,
    draw=draw_statistics,
    keep=None,
    measure=None,
):
    """Run the recursion for many chains at once; returns a `Lineage`.

    `reality` is generation 0: one model, which every chain starts from, or a batch of `chains`
    models. ``fit(data)`` returns the model that is learned from the data; if the fit has a method
    ``prepared``, then ``fit.prepared(newest, rng)(data)`` does, where `newest` is generation n,
    which is reality for n = 0. `policy` says what the next generation learns from, see
    `collapse.policies`, and `draw` how data are drawn, see `Draw`: `draw_statistics`,
    `draw_samples`, `draw_decoded`, or a callable of one's own. The models of the generations in
    `keep` are kept besides generation 0, by default all. `measure` is a dict of functions of a
    model with values of shape (chains,), evaluated at every generation.

    A progress bar appears in a terminal on runs that take more than two seconds. An interrupt from
    the keyboard ends the run after the last complete generation, with a warning; the lineage so far
    is returned, and `extend` continues it with the numbers of a run that was never interrupted. If
    a fit fails, its exception carries the lineage so far as ``error.lineage``.
    """
    rng = generator(rng)
    chains = validation.integer("chains", chains, 1)
    for name, function in {"fit": fit, "policy": policy, "draw": draw}.items():
        if not callable(function):
            raise ValueError(f"{name} must be callable, got {function!r}")
    measure = _functions(measure)
    run = _Run(fit, policy, draw, sample_size, chains, _kept(keep), measure)
    reality = _laid_out(reality, chains)
    measured = {name: np.array([function(reality)]) for name, function in measure.items()}
    for name, values in measured.items():
        if values.shape != (1, chains):
            raise ValueError(
                f"measure must give values of shape ({chains},), one for each chain, "
                f"got {values.shape[1:]} from {name!r}"
            )
    now = _Now(0, reality, None, rng, rng.bit_generator.state)
    start = Lineage(np.zeros(1, int), (reality,), reality, np.empty(0, int), measured, run, now)
    return _advance(start, generations, rng)


def _functions(measure):
    """Return what is to be measured as a dict of its own."""
    measure = {} if measure is None else measure
    if not isinstance(measure, Mapping) or not all(map(callable, measure.values())):
        raise ValueError(f"measure must be a dict of names and callables, got {measure!r}")
    return dict(measure)


def _kept(keep):
    """Return the generations that are kept as a set, None for all."""
    if keep is None:
        return None
    if not isinstance(keep, Iterable):
        raise ValueError(f"keep must be an iterable of generations, got {keep!r}")
    return frozenset(validation.integer("keep", n, 0) for n in keep)


def _laid_out(reality, chains):
    """Return reality as a batch of chains."""
    if isinstance(reality, type) or not callable(getattr(reality, "broadcast", None)):
        raise ValueError(f"reality must be a model, got {validation.short(reality)}")
    try:
        return reality.broadcast(chains)
    except ValueError as error:
        raise ValueError(f"reality must be one model or a batch of {chains}: {error}") from None


def extend(lineage, generations):
    """Continue a `lineage`, which is not changed, by a number of further `generations`.

    The lineage of one run over all generations is returned, with the same numbers.
    """
    rng = copy.deepcopy(lineage._now.rng)
    rng.bit_generator.state = lineage._now.bits
    return _advance(lineage, generations, rng)


def _advance(lineage, generations, rng):
    """Run further generations and return the longer lineage."""
    run, now, reality = lineage._run, lineage._now, lineage.models[0]
    total = now.generation + validation.integer("generations", generations, 0)
    smallest, prepared = getattr(run.fit, "minimum_size", 1), getattr(run.fit, "prepared", None)
    sizes = validation.sample_sizes(run.sample_size, total, minimum=smallest)
    kept, rows = {}, []
    try:
        for n in progress(range(now.generation, total), "generation"):
            step = Step(n, int(sizes[n]), run.chains, reality, now.newest, run.draw)
            data, memory = run.policy(step, now.memory, rng)
            _check("sample of", data, now.newest, run.chains)
            fit = prepared(now.newest, rng) if prepared else run.fit
            model = fit(data)
            _check("fit gave a", model, model, run.chains)
            _check_fields(model, reality, run.chains)
            rows.append([function(model) for function in run.measure.values()])
            if run.keep is None or n + 1 in run.keep:
                kept[n + 1] = model
            # the last act of a generation: before it, an interrupt leaves no trace of this one
            now = _Now(n + 1, model, memory, rng, rng.bit_generator.state)
    except KeyboardInterrupt:
        warnings.warn(
            f"interrupted after generation {now.generation} of {total}; "
            "extend(lineage, generations) goes on from there",
            RuntimeWarning,
            stacklevel=3,
        )
    except Exception as error:
        error.add_note(f"while making generation {now.generation + 1}; see error.lineage")
        error.lineage = _longer(lineage, now, kept, rows, sizes)
        raise
    return _longer(lineage, now, kept, rows, sizes)


def _check(what, result, model, chains):
    """Refuse data, shape (chains, M, ...), or a model that pool the chains or lose their axis."""
    shape = result.shape if isinstance(result, np.ndarray) else getattr(result, "batch", None)
    if shape is not None and shape[:1] != (chains,):
        raise ValueError(
            f"{what} {type(model).__name__} must have the axis of the {chains} chains in front, "
            f"got shape {shape}"
        )


def _check_fields(model, reality, chains):
    """Refuse a model, of the type of reality, that pooled the chains in a parameter."""
    fields = getattr(reality, "__dict__", {}) if type(model) is type(reality) else {}
    for name, array in fields.items():
        if not isinstance(array, np.ndarray) or array.shape[:1] != (chains,):
            continue
        shape = np.shape(getattr(model, name))
        if shape[:1] != (chains,):
            raise ValueError(
                f"fit must return a {type(model).__name__} with a {name} for each of the {chains} "
                f"chains, got shape {shape}: reduce over the last axis, not over the chains"
            )


def _longer(lineage, now, kept, rows, sizes):
    """Add to a lineage what was made up to now."""
    kept = {n: model for n, model in kept.items() if n <= now.generation}
    rows = rows[: now.generation - len(lineage.sample_sizes)]
    measured = {
        name: np.concatenate([array, *([row[i]] for row in rows)])
        for i, (name, array) in enumerate(lineage.measured.items())
    }
    generations = np.concatenate([lineage.generations, np.fromiter(kept, int, len(kept))])
    models = lineage.models + tuple(kept.values())
    return Lineage(
        generations, models, now.newest, sizes[: now.generation], measured, lineage._run, now
    )
