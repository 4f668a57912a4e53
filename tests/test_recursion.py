"""The loop: order of events, bookkeeping, going on after a stop, and the long run."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes

from collapse.measure.distances import alive, gini_simpson, total_variance
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.policies import accumulate, pool, replace
from collapse.progress import progress
from collapse.recursion import draw_samples, draw_statistics, extend, recurse
from collapse.seeds import seeded
from collapse.theory import gaussian as theory

each_policy = pytest.mark.parametrize("policy", [replace, accumulate])
each_draw = pytest.mark.parametrize("draw", [draw_statistics, draw_samples])


def gaussian_run(**changes):
    arguments = {
        "reality": Gaussian(0, 1),
        "fit": FitGaussian(ddof=1),
        "sample_size": [5, 4, 6, 3, 7, 5],
        "generations": 6,
        "chains": 3,
        "rng": seeded(1),
        "measure": {"std": lambda m: m.std},
    }
    return recurse(**arguments | changes)


def assert_same_numbers(first, second):
    np.testing.assert_array_equal(first.generations, second.generations)
    np.testing.assert_array_equal(first.sample_sizes, second.sample_sizes)
    for a, b in zip((*first.models, first.newest), (*second.models, second.newest), strict=True):
        for name in vars(a):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert first.measured.keys() == second.measured.keys()
    for name, values in first.measured.items():
        np.testing.assert_array_equal(values, second.measured[name])


# --- the order of events ---------------------------------------------------------------------


@dataclass(frozen=True)
class Spy:
    """A model that knows its generation and writes down what is drawn from it."""

    generation: int
    log: list = field(default_factory=list)

    def broadcast(self, chains):
        return self

    def sample(self, size, rng):
        self.log.append(("draw", self.generation, size))
        return np.full((1, size), self.generation)

    def fit(self, data):
        newest = max(n for kind, n, *_ in self.log if kind == "draw")
        self.log.append(("fit", newest + 1, np.bincount(data[0]).tolist()))
        return Spy(newest + 1, self.log)


def spied(policy, sizes):
    reality, steps = Spy(0), []

    def watched(step, memory, rng):
        steps.append(step)
        return policy(step, memory, rng)

    recurse(
        reality,
        reality.fit,
        sample_size=sizes,
        generations=len(sizes),
        rng=1,
        policy=watched,
    )
    return reality.log, steps


def test_real_data_enter_once_under_replace():
    log, steps = spied(replace, [4, 3, 2])
    assert log == [
        ("draw", 0, 4),
        ("fit", 1, [4]),
        ("draw", 1, 3),
        ("fit", 2, [0, 3]),
        ("draw", 2, 2),
        ("fit", 3, [0, 0, 2]),
    ]
    assert [step.generation for step in steps] == [0, 1, 2]
    assert [step.newest.generation for step in steps] == [0, 1, 2]
    assert [step.reality.generation for step in steps] == [0, 0, 0]
    assert [step.size for step in steps] == [4, 3, 2]


def test_accumulate_keeps_all_data():
    log, _ = spied(accumulate, [4, 3, 2])
    fits = [entry for entry in log if entry[0] == "fit"]
    assert fits == [("fit", 1, [4]), ("fit", 2, [4, 3]), ("fit", 3, [4, 3, 2])]
    assert [entry[1:] for entry in log if entry[0] == "draw"] == [(0, 4), (1, 3), (2, 2)]


@pytest.mark.parametrize(
    ("sample_size", "expected"),
    [
        (7, [7, 7, 7]),
        (7.0, [7, 7, 7]),
        ([5, 6, 7], [5, 6, 7]),
        ((5, 6, 7, 8, 9), [5, 6, 7]),
        (np.array([5, 6, 7]), [5, 6, 7]),
        (lambda n: 10 + n, [10, 11, 12]),
        (lambda n: 10.0 * (n + 1) ** 2, [10, 40, 90]),
    ],
)
def test_schedules(sample_size, expected):
    seen = []

    def fit(data):
        seen.append(data.shape[1])
        return FitGaussian(ddof=0)(data)

    lineage = gaussian_run(fit=fit, sample_size=sample_size, generations=3, draw=draw_samples)
    assert seen == lineage.sample_sizes.tolist() == expected


def test_nothing_to_do_is_fine():
    lineage = gaussian_run(generations=0)
    assert lineage.newest is lineage[0]
    assert lineage.generations.tolist() == [0]
    assert lineage.measured["std"].shape == (1, 3)
    assert_same_numbers(extend(lineage, 6), gaussian_run())


# --- the lineage -----------------------------------------------------------------------------


def test_indexing_and_keep():
    everything, some = gaussian_run(), gaussian_run(keep=[2, 5])
    assert everything.generations.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert some.generations.tolist() == [0, 2, 5]
    for n in (0, 2, 5, 6):
        np.testing.assert_array_equal(some[n].mean, everything[n].mean)
    assert gaussian_run(keep=()).generations.tolist() == [0]
    for n in (1, 7, -1):
        with pytest.raises(ValueError, match="generation"):
            some[n]


def test_measured_at_every_generation_kept_or_not():
    everything, some = gaussian_run(), gaussian_run(keep=(3,))
    np.testing.assert_array_equal(some.measured["std"], everything.measured["std"])
    np.testing.assert_array_equal(everything.measured["std"], everything.measure(lambda m: m.std))
    assert some.measure(lambda m: m.std).shape == (2, 3)


def test_frame_is_tidy():
    lineage = gaussian_run(keep=[2, 5])
    frame = lineage.frame(mean=lambda m: m.mean, variance=total_variance)
    assert sorted(frame.columns) == ["chain", "generation", "mean", "std", "variance"]
    assert len(frame) == 3 * 3
    assert frame["generation"].tolist() == [0, 0, 0, 2, 2, 2, 5, 5, 5]
    assert frame["chain"].tolist() == [0, 1, 2] * 3
    row = frame[(frame["generation"] == 5) & (frame["chain"] == 1)].iloc[0]
    assert row["mean"] == lineage[5].mean[1]
    assert row["std"] == lineage[5].std[1]
    assert row["variance"] == lineage[5].variance[1]
    measured = lineage.frame()  # what was measured is known for every generation
    assert measured["generation"].unique().tolist() == list(range(len(lineage.sample_sizes) + 1))
    assert measured["std"].to_numpy().reshape(-1, 3).tolist() == lineage.measured["std"].tolist()
    with pytest.raises(ValueError, match="functions"):
        gaussian_run(measure=None).frame()


# --- going on --------------------------------------------------------------------------------

FAMILIES = {
    "gaussian": (Gaussian(0, 1), FitGaussian(ddof=1)),
    "multivariate": (MultivariateGaussian([0, 1], np.eye(2)), FitMultivariateGaussian(ddof=0)),
    "categorical": (Categorical(np.full(9, 1 / 9)), FitCategorical(9)),
}
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_family
@each_policy
@each_draw
def test_extend_is_one_long_run(family, policy, draw):
    reality, fit = FAMILIES[family]
    arguments = {"reality": reality, "fit": fit, "policy": policy, "draw": draw, "keep": [1, 4, 6]}
    measure = {"first": lambda m: m.sample(1, seeded(3)).reshape(3, -1)[:, 0]}
    whole = gaussian_run(**arguments, measure=measure)
    part = gaussian_run(**arguments, measure=measure, generations=2)
    assert_same_numbers(extend(part, 4), whole)
    assert_same_numbers(extend(part, 4), whole)  # a second time from the same lineage
    assert_same_numbers(extend(extend(extend(part, 1), 0), 3), whole)
    assert part.sample_sizes.tolist() == [5, 4]


def test_extend_does_not_advance_the_generator_of_the_caller():
    rng = seeded(4)
    part = gaussian_run(rng=rng, generations=2)
    state = rng.bit_generator.state
    first = extend(part, 4)
    assert rng.bit_generator.state == state
    rng.random(100)
    assert_same_numbers(extend(part, 4), first)


class StopOnce:
    """Raises in call k, and never again."""

    def __init__(self, function, call, error=KeyboardInterrupt):
        self.function, self.call, self.error, self.calls = function, call, error, 0

    def __call__(self, *arguments):
        self.calls += 1
        if self.calls == self.call:
            raise self.error
        return self.function(*arguments)


@each_policy
@each_draw
@pytest.mark.parametrize("where", ["fit", "policy", "draw", "measure"])
@pytest.mark.parametrize("generation", [1, 4])
def test_an_interrupt_loses_only_the_generation_in_the_making(policy, draw, where, generation):
    def late(step, memory, rng):  # fails after it has drawn
        data, memory = policy(step, memory, rng)
        return stopper(data), memory

    # reality is measured too, once, before the first generation
    call = generation + (where == "measure")
    stopper = StopOnce(
        {
            "fit": FitGaussian(ddof=1),
            "policy": lambda data: data,
            "draw": draw,
            "measure": lambda m: m.std,
        }[where],
        call,
    )
    changes = {
        "fit": {"fit": stopper},
        "policy": {"policy": late},
        "draw": {"draw": stopper},
        "measure": {"measure": {"std": stopper}},
    }[where]
    arguments = {
        "policy": policy,
        "draw": draw,
        "keep": [3, 5],
        "measure": {"std": lambda m: m.std},
    }
    whole = gaussian_run(**arguments)
    with pytest.warns(RuntimeWarning, match=f"interrupted after generation {generation - 1} of 6"):
        part = gaussian_run(**arguments | changes)
    assert len(part.sample_sizes) == generation - 1
    assert part.measured["std"].shape == (generation, 3)
    assert part.generations.tolist() == [n for n in (0, 3, 5) if n < generation]
    assert_same_numbers(extend(part, 7 - generation), whole)


def test_an_interrupt_of_extend():
    whole = gaussian_run()
    fit = StopOnce(FitGaussian(ddof=1), 4)
    part = gaussian_run(fit=fit, generations=2)
    with pytest.warns(RuntimeWarning, match="after generation 3 of 6"):
        part = extend(part, 4)
    assert_same_numbers(extend(part, 3), whole)


def test_a_failing_fit_hands_over_what_was_done():
    fit = StopOnce(FitGaussian(ddof=1), 4, ArithmeticError)
    with pytest.raises(ArithmeticError) as failure:
        gaussian_run(fit=fit)
    assert "generation 4" in "".join(failure.value.__notes__)
    assert "error.lineage" in "".join(failure.value.__notes__)
    part = failure.value.lineage
    assert part.sample_sizes.tolist() == [5, 4, 6]
    assert_same_numbers(extend(part, 3), gaussian_run())


# --- fits that need more than the data -------------------------------------------------------


class CarriedOn:
    """Goes half of the way from the newest model to the mean of the data, with some noise."""

    minimum_size = 3

    def __init__(self):
        self.told = []

    def __call__(self, data):
        raise AssertionError("the fit itself is not called when it has prepared()")

    def prepared(self, newest, rng):
        self.told.append(newest)

        def fit(data):
            noise = rng.normal(size=len(data))
            return Gaussian((newest.mean + data.mean(axis=1)) / 2 + noise, data.var(axis=1))

        return fit


def test_a_fit_is_prepared_with_the_newest_model_and_the_generator():
    fit, rng = CarriedOn(), seeded(21)
    lineage = gaussian_run(fit=fit, draw=draw_samples, rng=rng)
    assert all(a is b for a, b in zip(fit.told, lineage.models[:-1], strict=True))
    again = seeded(21)  # data first, then the fit, from one generator
    for n, size in enumerate(lineage.sample_sizes):
        data = lineage.models[n].sample(size, again)
        mean = (lineage.models[n].mean + data.mean(axis=1)) / 2 + again.normal(size=3)
        np.testing.assert_array_equal(lineage.models[n + 1].mean, mean)
    assert rng.random() == again.random()


def test_a_prepared_fit_can_be_extended_and_says_what_it_needs():
    whole = gaussian_run(fit=CarriedOn(), draw=draw_samples)
    part = gaussian_run(fit=CarriedOn(), draw=draw_samples, generations=2)
    assert_same_numbers(extend(part, 4), whole)
    fit = CarriedOn()
    with pytest.raises(ValueError, match="sample_size"):
        gaussian_run(fit=fit, draw=draw_samples, sample_size=2)
    assert not fit.told


# --- randomness ------------------------------------------------------------------------------


def test_seed_or_generator():
    by_seed = gaussian_run(rng=12)
    assert_same_numbers(by_seed, gaussian_run(rng=np.random.default_rng(12)))
    rng = np.random.default_rng(12)
    first, second = gaussian_run(rng=rng), gaussian_run(rng=rng)
    assert_same_numbers(by_seed, first)
    assert not np.array_equal(first.newest.mean, second.newest.mean)
    assert not np.array_equal(by_seed.newest.mean, gaussian_run(rng=13).newest.mean)


@each_policy
@each_draw
def test_chains_are_independent(policy, draw):
    lineage = gaussian_run(chains=8000, policy=policy, draw=draw, rng=seeded(5))
    features = np.stack([lineage.newest.mean, np.log(lineage.newest.std)])
    features = (features - features.mean(axis=1, keepdims=True)) / features.std(axis=1)[:, None]
    neighbours = features[:, :-1] * features[:, 1:]
    halves = features[:, :4000] * features[:, 4000:]
    assert_agrees(neighbours.T, 0)
    assert_agrees(halves.T, 0)
    assert_refutes((features[:, ::2] ** 2).T, 0)  # the control: a chain and itself


# --- the long run ----------------------------------------------------------------------------


def test_gaussian_does_not_underflow():
    size, generations = 10, 100_000
    lineage = recurse(
        Gaussian(0, 1),
        FitGaussian(ddof=1),
        sample_size=size,
        generations=generations,
        chains=100,
        rng=seeded(6),
        keep=(),
    )
    newest = lineage.newest
    assert np.isfinite(newest.log_variance).all() and np.isfinite(newest.mean).all()
    assert (newest.variance == 0).all()  # as a float it is long gone
    predict = lambda ddof: theory.expected_log_variance(size, generations, ddof=ddof)[-1]  # noqa: E731
    spread = theory.variance_of_log_variance(size, generations, ddof=1)[-1]
    assert_agrees(newest.log_variance, predict(1))
    assert_agrees((newest.log_variance - predict(1)) ** 2, spread)
    assert_refutes(newest.log_variance, predict(0))


def test_multivariate_gaussian_does_not_underflow():
    lineage = recurse(
        MultivariateGaussian(np.zeros(3), np.eye(3)),
        FitMultivariateGaussian(ddof=1),
        sample_size=6,
        generations=4000,
        chains=100,
        rng=seeded(7),
        keep=(),
    )
    # det(W) of a Wishart matrix is a product of chi-squares with 5, 4 and 3 degrees of freedom
    one = sum(
        theory.expected_log_variance(m, 1, ddof=1)[1] + np.log((m - 1) / 5) for m in (6, 5, 4)
    )
    assert np.isfinite(lineage.newest.mean).all()
    assert_agrees(lineage.newest.log_determinant, 4000 * one)
    assert_refutes(lineage.newest.log_determinant, 4000 * (one + 3 * np.log(5 / 6)))


def test_one_surviving_category_is_absorbing():
    p = np.array([0.4, 0.3, 0.2, 0.1])
    arguments = {"sample_size": 10, "generations": 1000, "chains": 4000, "rng": seeded(8)}
    lineage = recurse(Categorical(p), FitCategorical(4), **arguments, keep=())
    final = lineage.newest.probabilities
    assert (alive(lineage.newest) == 1).all()
    assert np.isin(final, [0.0, 1.0]).all() and (final.sum(axis=-1) == 1).all()
    assert (gini_simpson(lineage.newest) == 0).all()
    assert_agrees(final, p)  # a category survives with its probability in reality
    assert_refutes(final, np.full(4, 0.25))
    few = recurse(lineage.newest, FitCategorical(4), **arguments | {"generations": 50})
    np.testing.assert_array_equal(few.newest.probabilities, final)


def test_categorical_runs_for_100000_generations():
    lineage = recurse(
        Categorical(np.full(20, 0.05)),
        FitCategorical(20),
        sample_size=10,
        generations=100_000,
        chains=20,
        rng=seeded(9),
        keep=(),
    )
    assert (lineage.newest.columns == 1).all()
    assert (lineage.newest.probabilities.max(axis=-1) == 1).all()


def test_many_categories_cost_what_is_alive():
    lineage = recurse(
        Categorical(np.full(10**6, 1e-6)),
        FitCategorical(10**6),
        sample_size=1000,
        generations=50,
        chains=20,
        rng=seeded(10),
    )
    widths = lineage.measure(lambda m: m.columns.shape[-1])
    assert widths[0] == 10**6 and (widths[1:] <= 1000).all()
    living = lineage.measure(alive)
    assert (np.diff(living, axis=0) <= 0).all() and (living[-1] < 100).all()
    # the control: the columns follow what is alive down to its half, they do not stay
    assert widths[-1] <= 2 * living[-1].max() < widths[1] / 4
    np.testing.assert_allclose(lineage.newest.columns.sum(axis=-1), 1, rtol=1e-12)


def accumulated(reality, fit, draw, policy=accumulate, seed=11):
    return recurse(
        reality,
        fit,
        sample_size=4,
        generations=5,
        chains=20_000,
        policy=policy,
        draw=draw,
        rng=seeded(seed),
    )


N = np.arange(1, 6)
ACCUMULATED = np.concatenate([[1], np.cumprod(1 - 1 / (4 * N**2))])
REPLACED = np.concatenate([[1], (1 - 1 / 4) ** N])


@each_draw
@pytest.mark.parametrize(
    ("family", "measure"),
    [
        ((Gaussian(3, 2), FitGaussian(ddof=0)), lambda m: m.variance / 2),
        ((Categorical([0.5, 0.3, 0.2]), FitCategorical(3)), lambda m: gini_simpson(m) / 0.62),
    ],
    ids=["gaussian", "categorical"],
)
def test_accumulating_keeps_a_part_for_ever(family, measure, draw):
    observed = accumulated(*family, draw).measure(measure).T
    assert_agrees(observed, ACCUMULATED)
    assert_refutes(observed, REPLACED)
    replaced = accumulated(*family, draw, replace).measure(measure).T
    assert_agrees(replaced, REPLACED)
    assert_refutes(replaced, ACCUMULATED)


@each_draw
@each_policy
def test_maximum_likelihood_only_moves_variance_between_chains(draw, policy):
    moved = lambda m: (m.mean - 3) ** 2 + m.variance  # noqa: E731
    run = lambda ddof: accumulated(Gaussian(3, 2), FitGaussian(ddof), draw, policy)  # noqa: E731
    assert_agrees(run(0).measure(moved).T, 2)
    assert_refutes(run(1).measure(moved).T, 2)


def test_a_policy_of_ones_own_plugs_in():
    def half_real(step, memory, rng):
        real = step.draw(step.reality, step.size - step.size // 2, rng)
        return pool(real, step.draw(step.newest, step.size // 2, rng)), memory

    exact, raw = (
        accumulated(Gaussian(0, 1), FitGaussian(ddof=1), draw, half_real, seed)
        for draw, seed in [(draw_statistics, 12), (draw_samples, 13)]
    )

    def features(run):
        return run.measure(lambda m: np.stack([m.std, m.mean**2])).transpose(2, 0, 1)

    assert_agrees(features(exact) - features(raw), 0)
    replaced = accumulated(Gaussian(0, 1), FitGaussian(ddof=1), draw_statistics, replace)
    assert_refutes(features(exact) - features(replaced), 0)


class Pooled(Gaussian):
    """A family of somebody's own whose draws lose the axis of the chains."""

    def statistics(self, size, rng):
        return self.sample(size, rng)[0]


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (
            lambda data: Gaussian(np.mean(data.mean), 1.0),
            r"fit gave a Gaussian .* axis of the 3 chains in front, got shape \(\)",
        ),
        (
            lambda data: Pooled(data.mean, 1.0),
            r"sample of Pooled .* axis of the 3 chains in front, got shape \(4,\)",
        ),
    ],
)
def test_chains_that_are_pooled_are_named(fit, message):
    with pytest.raises(ValueError, match=message):
        gaussian_run(fit=fit, chains=3, sample_size=4, generations=2)


def test_a_parameter_that_is_pooled_is_named():
    @dataclass(frozen=True)
    class Laplace:
        centre: np.ndarray
        scale: np.ndarray

        def broadcast(self, chains):
            return Laplace(*(np.broadcast_to(a, (chains,)) for a in (self.centre, self.scale)))

        def sample(self, size, rng):
            noise = rng.laplace(size=(*np.shape(self.scale), size))
            return np.expand_dims(self.centre, -1) + self.scale[..., None] * noise

    def pooled(data):
        centre = np.median(data)
        return Laplace(centre, np.abs(data - centre).mean(axis=-1))

    with pytest.raises(ValueError, match="a centre for each of the 4 chains.*last axis"):
        recurse(Laplace(0.0, 1.0), pooled, sample_size=20, generations=1, chains=4, rng=1)


def test_the_bar_is_quiet_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr("collapse.progress.tqdm", lambda steps, **options: options)
    assert progress(range(2), "step")["disable"]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "disable" not in progress(range(2), "step")  # the environment decides
