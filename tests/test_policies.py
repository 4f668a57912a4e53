"""Policies: every one with every model, each against a naive twin, and bad input."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_contracts import CASES, each_case, with_squares

from collapse.models.categorical import Categorical, CategoricalCounts, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian, GaussianStatistics
from collapse.models.histogram import FitHistogram, Histogram, HistogramCounts
from collapse.models.multivariate_gaussian import (
    FitMultivariateGaussian,
    MultivariateGaussian,
    MultivariateStatistics,
)
from collapse.models.ppca import FitProbabilisticPCA
from collapse.policies import (
    AccumulateSubsample,
    Filtered,
    FreshReal,
    GenerationMixture,
    KeepReal,
    PartialReplacement,
    Selected,
    accumulate,
    newest_law,
    pool,
    replace,
    subsample,
)
from collapse.recursion import Step, draw_decoded, draw_samples, draw_statistics, extend, recurse
from collapse.seeds import seeded

RAW, WEIGHTS = "draw must be draw_samples", "weight must meet sufficient"


def some(samples):
    """Accept with a probability that depends on the value."""
    first = samples.reshape(*samples.shape[:2], -1)[..., 0]
    return 0.5 + 0.4 * np.cos(first)


# What a policy needs of the data drawn from reality and from a fitted model, and of that model.
def parts(reality, fitted, model):
    whole = all(isinstance(d, np.ndarray) or hasattr(d, "subsample") for d in (reality, fitted))
    return None if whole else RAW


def kept_part(reality, fitted, model):
    return parts(reality, reality, model)


def raw(reality, fitted, model):
    return None if all(isinstance(d, np.ndarray) for d in (reality, fitted)) else RAW


def weights(reality, fitted, model):
    return None if all(hasattr(d, "resized") for d in (reality, fitted)) else WEIGHTS


def nothing(*_):
    return None


GRID = {
    "replace": (replace, nothing),
    "accumulate": (accumulate, nothing),
    "subsample": (AccumulateSubsample(), parts),
    "redraw": (AccumulateSubsample(replacement=True), parts),
    "mixture": (GenerationMixture((0.5, 0.3, 0.2)), raw),
    "fresh share": (FreshReal(share=0.3), nothing),
    "fresh number": (FreshReal(number=1), nothing),
    "fresh, weighted": (FreshReal(number=4, weight=0.6), weights),
    "kept": (KeepReal(0.5), kept_part),
    "kept, all": (KeepReal(1.0), nothing),
    "partial": (PartialReplacement(0.3), parts),
    "selected": (Selected(some), nothing),
    "selected twice": (Selected(some, Selected(some, FreshReal(share=0.5))), nothing),
    "filtered": (Filtered(0.4, 0.9, some), nothing),
}


@each_case
@pytest.mark.parametrize("draw", [draw_statistics, draw_samples])
@pytest.mark.parametrize("name", GRID)
def test_every_policy_runs_with_every_model_or_says_why_not(name, draw, case):
    policy, needs = GRID[name]
    size = max(10, 2 * getattr(case.fit, "minimum_size", 1))
    run = lambda n, policy=policy: recurse(  # noqa: E731
        case.reality,
        case.fit,
        sample_size=size,
        generations=n,
        chains=3,
        rng=seeded(1),
        policy=policy,
        draw=draw,
        keep=(),
    )
    reality, model = case.reality.broadcast(3), run(1, replace).newest
    excuse = needs(*(draw(law, size, seeded(2)) for law in (reality, model)), model)
    if excuse:
        with pytest.raises(ValueError, match=excuse):
            run(3)
    else:
        numbers = [run(3).newest.sample(4, seeded(3)) for _ in range(2)]
        assert numbers[0].shape[:2] == (3, 4)
        assert np.isfinite(numbers[0]).all()
        np.testing.assert_array_equal(*numbers)


def test_the_law_itself_is_a_policy_too():
    lineage = recurse(
        Gaussian(1, 2), lambda law: law, sample_size=1, generations=2, rng=1, policy=newest_law
    )
    assert lineage.newest.variance == 2


@pytest.mark.parametrize("name", GRID)
@pytest.mark.parametrize("draw", [draw_statistics, draw_samples])
def test_extend_is_one_long_run(name, draw):
    if (name, draw) in {("mixture", draw_statistics), ("fresh, weighted", draw_samples)}:
        return
    reality, fit = Categorical([0.5, 0.3, 0.2]), FitCategorical(3)
    run = lambda n: recurse(  # noqa: E731
        reality,
        fit,
        sample_size=8,
        generations=n,
        chains=4,
        rng=seeded(4),
        policy=GRID[name][0],
        draw=draw,
    )
    whole, short = run(5), run(2)
    for _ in range(2):  # the first does not change what the second starts from
        longer = extend(short, 3)
        for n in range(6):
            np.testing.assert_array_equal(whole[n].probabilities, longer[n].probabilities)


# Laws: each policy against a twin that handles one chain, one list of categories, at a time.

P = np.array([0.5, 0.3, 0.2])
KEPT = [0, 0, 1, 0, 2, 1]
SIZES, CHAINS = [6, 5, 6, 6], 3500


def frequencies(data, weight=None):
    return np.bincount(data, weight, minlength=3) / (len(data) if weight is None else sum(weight))


def draws(law, size, rng):
    return list(rng.choice(3, size, p=law))


def twin(name, rng):
    """Return the laws of one chain, shape (N, 3)."""
    laws, everything, weight, source = [], [], None, P
    for n, size in enumerate(SIZES):
        newest = laws[-1] if n else P
        if name == "selected":
            data = []
            while len(data) < size:
                x = rng.choice(3, p=newest)
                if n == 0 or x != 2 or rng.random() < 0.25:
                    data.append(x)
        elif name == "mixture":
            source = 0.5 * newest + 0.3 * source + 0.2 * P if n else P
            data = draws(source, size, rng)
        elif name == "fresh":
            data = draws(P, 2, rng) + draws(newest, size - 2, rng)
        elif name == "weighted":
            data = draws(P, 2, rng) + draws(newest, size - 2, rng)
            if n:
                weight = [0.7 / 2] * 2 + [0.3 / (size - 2)] * (size - 2)
        elif name == "given":
            if n == 0:
                data = list(rng.permutation(KEPT)[:size])
            else:
                data = list(rng.permutation(KEPT)[:3]) + draws(newest, size - 3, rng)
        elif name == "kept":
            everything = everything or draws(P, size, rng)
            data = list(rng.permutation(everything)[:3])
            data = everything if n == 0 else data + draws(newest, size - 3, rng)
        elif name == "partial":
            old = list(rng.permutation(everything)[: size - 1]) if n else []
            data = everything = old + draws(newest, size - len(old), rng)
        elif name in ("subsample", "redraw"):
            everything = everything + draws(newest, size, rng)
            data = list(rng.choice(everything, 4, replace=name == "redraw"))
        elif name == "accumulate":
            data = everything = everything + draws(newest, size, rng)
        else:
            data = draws(newest, size, rng)
        laws.append(frequencies(data, weight))
    return np.array(laws)


TWINS = {
    "replace": replace,
    "accumulate": accumulate,
    "subsample": AccumulateSubsample(4),
    "redraw": AccumulateSubsample(4, replacement=True),
    "mixture": GenerationMixture((0.5, 0.3, 0.2)),
    "fresh": FreshReal(number=2),
    "weighted": FreshReal(number=2, weight=0.7),
    "given": KeepReal(0.5, np.array(KEPT)),
    "kept": KeepReal(share=0.5),
    "partial": PartialReplacement(1 / 6),
    "selected": Selected(lambda samples: np.where(samples == 2, 0.25, 1.0)),
}
PATHS = [(name, draw) for name in TWINS for draw in (draw_statistics, draw_samples)]
IMPOSSIBLE = [("mixture", draw_statistics), ("weighted", draw_samples)]


def features(p):
    """Return two probabilities and whether the third category is alive, over the generations."""
    return with_squares(np.concatenate([p[..., :2], p[..., 2:] > 0], axis=-1))


@pytest.fixture(scope="module")
def twins():
    rng, found = seeded(10), {}

    def of(name):
        if name not in found:
            found[name] = features(np.array([twin(name, rng) for _ in range(CHAINS)]))
        return found[name]

    return of


@pytest.mark.parametrize(
    ("name", "draw"),
    [path for path in PATHS if path not in IMPOSSIBLE],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_laws_are_those_of_the_naive_twin(name, draw, twins):
    lineage = recurse(
        Categorical(P),
        FitCategorical(3),
        sample_size=SIZES,
        generations=len(SIZES),
        chains=CHAINS,
        rng=seeded(11),
        policy=TWINS[name],
        draw=draw,
    )
    ours = features(np.stack([model.probabilities for model in lineage.models[1:]], axis=1))
    assert_agrees(ours - twins(name), 0)
    other = {"replace": "accumulate"}
    assert_refutes(ours - twins(other.get(name, "replace")), 0)


def test_gaussian_weights_are_those_of_numpy():
    rng = seeded(12)
    data = [rng.normal(size=(3, n)) for n in (4, 6)]
    for of, fit, shape in [
        (GaussianStatistics.of, FitGaussian(ddof=0), lambda x: x),
        (MultivariateStatistics.of, FitMultivariateGaussian(ddof=0), lambda x: x[..., None]),
    ]:
        real, synthetic = (of(shape(x)) for x in data)
        fitted = fit(pool(real.resized(7.0), synthetic.resized(3.0)))
        weight = np.repeat([0.7 / 4, 0.3 / 6], [4, 6])
        both = np.concatenate(data, axis=1)
        mean = both @ weight
        variance = ((both - mean[:, None]) ** 2) @ weight
        np.testing.assert_allclose(np.ravel(fitted.mean), mean)
        found = fitted.variance if shape(both) is both else fitted.covariance
        np.testing.assert_allclose(np.ravel(found), variance)
        if shape(both) is not both:
            np.testing.assert_allclose(fitted.log_determinant, np.log(variance))


def test_weights_of_counts_may_be_any_share():
    real = CategoricalCounts.of(np.array([[0, 0, 1], [2, 2, 2]]), 4)
    synthetic = CategoricalCounts.of(np.array([[3, 3], [0, 2]]), 4)
    fitted = FitCategorical(4)(pool(real.resized(4.5), synthetic.resized(0.5)))
    expected = [[0.6, 0.3, 0, 0.1], [0.05, 0, 0.95, 0]]
    np.testing.assert_allclose(fitted.probabilities, expected)
    binned = HistogramCounts.of(np.array([[0.5, 0.5, 1.5]]), np.arange(4.0)).resized(6)
    np.testing.assert_allclose(binned.counts.counts.sum(), 6)
    assert binned.size == 6


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_tempered_laws(temperature):
    d = 3
    spread = np.eye(d) + 0.2
    wide = MultivariateGaussian(np.arange(d), spread).tempered(temperature)
    np.testing.assert_allclose(wide.covariance, temperature * spread)
    np.testing.assert_allclose(wide.log_determinant, np.log(np.linalg.det(temperature * spread)))
    x = np.zeros((1, d))
    exact = stats.multivariate_normal(np.arange(d), temperature * spread).logpdf(x[0])
    np.testing.assert_allclose(wide.logpdf(x), exact)
    np.testing.assert_allclose(Gaussian(1, 2).tempered(temperature).variance, 2 * temperature)
    p = P ** (1 / temperature)
    np.testing.assert_allclose(Categorical(P).tempered(temperature).probabilities, p / p.sum())


# random parts


@pytest.mark.parametrize("replacement", [False, True])
def test_a_part_of_the_counts_has_the_law_of_a_part_of_the_data(replacement):
    chains, size = 20_000, 4
    data = np.tile([3, 0, 0, 1, 3, 3, 5], (chains, 1))
    by_counts = CategoricalCounts.of(data, 6).subsample(size, seeded(13), replacement=replacement)
    by_data = subsample(data, size, seeded(14), replacement=replacement)
    ours, theirs = (FitCategorical(6)(part).probabilities for part in (by_counts, by_data))
    assert by_counts.size == size
    assert (by_counts.counts.sum(axis=-1) == size).all()
    for found in (ours, theirs):
        copies = size * found[:, 3]
        law = stats.binom(size, 3 / 7) if replacement else stats.hypergeom(7, 3, size)
        shares = copies[:, None] == np.arange(4)
        assert_agrees(shares, law.pmf(np.arange(4)))
        other = stats.hypergeom(7, 3, size) if replacement else stats.binom(size, 3 / 7)
        assert_refutes(shares, other.pmf(np.arange(4)))
        # what is drawn of one category is not drawn of the other
        expected = (
            np.mean(law.mean()) * size * 2 / 7 * (1 - 1 / size) / (1 if replacement else 6 / 7)
        )
        assert_agrees(copies * size * found[:, 0], expected)


@given(st.data())
def test_a_part_never_holds_more_than_the_whole(data):
    whole = data.draw(st.integers(1, 12))
    size = data.draw(st.integers(1, whole))
    seed = data.draw(st.integers(0, 2**32 - 1))
    values = np.random.default_rng(seed).integers(0, 5, size=(3, whole))
    counts = CategoricalCounts.of(values, 5)
    part = counts.subsample(size, np.random.default_rng(seed))
    dense = [FitCategorical(5)(d).probabilities * d.size for d in (part, counts)]
    assert (dense[0] <= dense[1] + 1e-9).all()
    np.testing.assert_allclose(dense[0].sum(axis=-1), size)
    marks = np.tile(np.arange(whole), (3, 1))
    chosen = subsample(marks, size, np.random.default_rng(seed))
    assert all(len(set(row)) == size for row in chosen.tolist())


def test_a_part_of_many_categories_and_data():
    rng = seeded(15)
    big = Categorical(np.full(3000, 1 / 3000)).broadcast(5).statistics(10**8, rng)
    part = big.subsample(10**6, rng)
    assert (part.counts.sum(axis=-1) == 10**6).all()
    z = (part.counts - big.counts / 100) / np.sqrt(big.counts / 100)
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * z.size)
    huge = Categorical(P).broadcast(2).statistics(10**12, rng)
    with pytest.raises(ValueError, match="1e9"):
        huge.subsample(10, rng)
    again = huge.subsample(10**12, rng, replacement=True)
    assert again.size == 10**12


def test_the_whole_is_taken_as_it_is():
    data = np.arange(12.0).reshape(3, 4)
    assert subsample(data, 4, seeded(1)) is data
    moments = GaussianStatistics.of(data)
    assert subsample(moments, 4, seeded(1)) is moments
    with pytest.raises(ValueError, match="draw must be draw_samples.*GaussianStatistics"):
        subsample(moments, 3, seeded(1))
    with pytest.raises(ValueError, match="draw must be draw_samples"):
        subsample(moments, 4, seeded(1), replacement=True)
    with pytest.raises(ValueError, match=r"size .* 4 data, got 5"):
        subsample(data, 5, seeded(1))
    assert subsample(data, 9, seeded(1), replacement=True).shape == (3, 9)


def test_parts_keep_the_event_axis_and_differ_between_chains():
    data = np.tile(np.arange(20.0)[:, None] + [0.0, 0.5], (6, 1, 1))
    part = subsample(data, 5, seeded(16))
    assert part.shape == (6, 5, 2)
    np.testing.assert_allclose(part[..., 1] - part[..., 0], 0.5)
    assert len({tuple(sorted(row)) for row in part[..., 0]}) == 6


# real data


def spy(seen, fit):
    """Return the fit, which writes down its data."""

    def fitted(data):
        seen.append(data)
        return fit(data)

    return fitted


def test_a_given_real_set_is_used_in_random_parts():
    real, seen = 1000.0 + np.arange(40.0).reshape(20, 2), []
    policy = KeepReal(0.1, real)
    recurse(
        MultivariateGaussian(np.zeros(2), np.eye(2)),
        spy(seen, FitMultivariateGaussian(ddof=0)),
        sample_size=20,
        generations=4,
        chains=5,
        rng=seeded(17),
        policy=policy,
        draw=draw_samples,
    )
    # the first fit sees the real data and nothing else, each later one two of them
    np.testing.assert_array_equal(seen[0], np.broadcast_to(real, (5, 20, 2)))
    tagged = [np.isin(data[..., 0], real[:, 0]).sum(axis=1) for data in seen]
    np.testing.assert_array_equal(tagged, [[20] * 5, [2] * 5, [2] * 5, [2] * 5])
    sets = {tuple(sorted(row[:2])) for data in seen[1:] for row in data[..., 0].tolist()}
    assert len(sets) > 10  # another part in each generation and chain
    assert all(data.shape == (5, 20, 2) for data in seen)
    real[:] = 0  # the policy has a copy
    assert policy.real.min() == 1000


def test_fewer_than_all_real_data_teach_generation_1():
    seen = []
    recurse(
        Categorical(P),
        spy(seen, FitCategorical(3)),
        sample_size=4,
        generations=2,
        chains=6,
        rng=seeded(18),
        policy=KeepReal(2 / 7, np.array([0, 1, 2, 2, 1, 0, 0])),
    )
    assert seen[0].shape == (6, 4)
    assert seen[1].size == 4


def test_shares_and_numbers_are_exact():
    for policy, expected in [
        (FreshReal(share=0.25), 3),
        (FreshReal(number=5), 5),
        (FreshReal(share=0.0), 0),
        (FreshReal(share=1.0), 12),
        (KeepReal(share=0.5), 6),
        (KeepReal(1.0), 12),
    ]:
        seen = []

        recurse(
            Gaussian(0, 1),
            marked(seen),
            sample_size=12,
            generations=3,
            chains=2,
            rng=seeded(19),
            policy=policy,
            draw=draw_samples,
        )
        assert (seen[0] < 50).all()
        np.testing.assert_array_equal((seen[2] < 50).sum(axis=1), expected)


def marked(seen):
    """Return a fit that writes down its data, whose models are a hundred away from reality."""
    return spy(seen, lambda data: Gaussian(np.full(len(data), 100.0), np.ones(len(data))))


@pytest.mark.parametrize(
    "inner", [FreshReal(number=6), GenerationMixture((0.5, 0, 0.5)), KeepReal(share=0.5)], ids=repr
)
def test_real_data_are_never_selected(inner):
    seen = []
    recurse(
        Gaussian(0, 1),
        marked(seen),
        sample_size=12,
        generations=3,
        chains=400,
        rng=seeded(20),
        policy=Selected(lambda x: x > 50, inner),
        draw=draw_samples,
    )
    real = seen[2] < 50
    assert real.any()
    assert 0.8 < seen[2][real].std() < 1.2


# mixtures of generations


def memory_of(policy, generations):
    return recurse(
        Gaussian(0, 1),
        FitGaussian(ddof=0),
        sample_size=5,
        generations=generations,
        chains=3,
        rng=seeded(21),
        policy=policy,
        draw=draw_samples,
    )._now.memory


def test_weights_of_the_generations_are_geometric():
    models, weights = memory_of(GenerationMixture((0.5, 0.3, 0.2)), 5)
    by_hand = [0.2 * (1 + 0.3 + 0.09 + 0.027) + 0.3**4, *(0.5 * 0.3**k for k in (3, 2, 1, 0))]
    np.testing.assert_allclose(weights, by_hand)
    assert len(models) == 5
    assert models[0].variance[0] == 1
    triples = [(0.5, 0.5, 0), (0.2, 0.8, 0), (1, 0, 0)]
    _, weights = memory_of(GenerationMixture(lambda i: triples[i]), 3)
    np.testing.assert_allclose(weights, [0.5 * 0.8, 0.5 * 0.8, 0.2])


def test_models_that_no_draw_would_meet_are_forgotten():
    models, weights = memory_of(GenerationMixture((0.9, 0.1, 0)), 60)
    assert len(models) == len(weights) < 25
    assert weights.sum() == pytest.approx(1)
    models, _ = memory_of(GenerationMixture((0, 1, 0)), 5)  # the erratum, read literally
    assert len(models) == 1


def test_the_split_of_a_mixture_is_another_in_each_chain():
    seen = []

    recurse(
        Gaussian(0, 1),
        marked(seen),
        sample_size=10,
        generations=2,
        chains=4000,
        rng=seeded(22),
        policy=GenerationMixture((0.7, 0, 0.3)),
        draw=draw_samples,
    )
    counts = (seen[1] < 50).sum(axis=1)
    assert_agrees(counts[:, None] == np.arange(7), stats.binom(10, 0.3).pmf(np.arange(7)))
    covariance = (counts[::2] - 3) * (counts[1::2] - 3)
    assert_agrees(covariance, 0)  # a split that is shared would have the covariance 2.1
    assert_refutes(covariance, 2.1)


# selection


ALL = Selected(lambda x: np.ones(x.shape[:2], bool))
DECODED = MultivariateGaussian(np.zeros(3), np.diag([4.0, 1.0, 0.2])), FitProbabilisticPCA(1, 0.5)


@pytest.mark.parametrize("policy", [ALL, Filtered(0.0, 1.0, 1.0)], ids=["selected", "filtered"])
@pytest.mark.parametrize("draw", [draw_samples, draw_statistics, draw_decoded], ids=repr)
def test_to_keep_all_is_to_replace_however_data_are_drawn(policy, draw):
    def run(policy, draw, seed):
        options = {"sample_size": 30, "generations": 3, "chains": 2000, "rng": seeded(seed)}
        return recurse(*DECODED, policy=policy, draw=draw, **options).newest.total_variance

    other = dataclasses.replace(draw, decoded=not draw.decoded)
    kept = run(policy, draw, 23)
    assert_agrees(kept - run(replace, draw, 24), 0)
    assert_refutes(kept - run(replace, other, 24), 0)


def test_a_way_to_draw_that_gives_statistics_cannot_be_chosen_from():
    def own(model, size, rng):
        return model.statistics(size, rng)

    with pytest.raises(ValueError, match="draw must give raw samples .* GaussianStatistics"):
        recurse(
            Gaussian(0, 1),
            FitGaussian(1),
            sample_size=5,
            generations=2,
            rng=1,
            policy=ALL,
            draw=own,
        )


def test_selection_takes_as_long_as_it_needs():
    seen = []
    recurse(
        Gaussian(0, 1),
        spy(seen, lambda data: Gaussian(np.zeros(len(data)), np.ones(len(data)))),
        sample_size=30,
        generations=2,
        chains=50,
        rng=seeded(24),
        policy=Selected(lambda x: x > 1.5),
        draw=draw_samples,
    )
    assert (seen[0] < 1.5).any()
    assert (seen[1] > 1.5).all()
    assert seen[1].shape == (50, 30)
    truth = stats.truncnorm(1.5, np.inf)
    assert_agrees(seen[1].mean(axis=1), truth.mean())
    assert_agrees(seen[1][:, -1], truth.mean())  # the last place is filled like the others
    assert_refutes(seen[1].mean(axis=1), 1.5)


# growing samples


@pytest.mark.parametrize(
    "schedule", [lambda n: 3 + 2 * n, [3, 5, 7, 9], lambda n: 3 * (n + 1) ** 2]
)
def test_any_schedule_with_any_policy(schedule):
    for policy in (replace, FreshReal(number=2), KeepReal(share=1.0), PartialReplacement(0.9)):
        seen = []
        run = recurse(
            Categorical(P),
            spy(seen, FitCategorical(3)),
            sample_size=schedule,
            generations=4,
            chains=2,
            rng=seeded(25),
            policy=policy,
        )
        assert [data.size for data in seen] == run.sample_sizes.tolist()
        assert all(b > a for a, b in pairwise(run.sample_sizes))


# bad input


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("share", lambda: FreshReal(share=1.1)),
        ("share", lambda: FreshReal(share=-0.1)),
        ("share", lambda: FreshReal(share=np.nan)),
        ("share or number", lambda: FreshReal()),
        ("share or number", lambda: FreshReal(share=0.1, number=1)),
        ("number", lambda: FreshReal(number=-1)),
        ("number", lambda: FreshReal(number=1.5)),
        ("weight", lambda: FreshReal(number=1, weight=1.5)),
        ("share", lambda: KeepReal(share=2)),
        ("real", lambda: KeepReal(1, [])),
        ("real", lambda: KeepReal(1, 3.0)),
        ("real", lambda: KeepReal(1, np.zeros((0, 4)))),
        ("real", lambda: KeepReal(1, ["text"])),
        ("share", lambda: PartialReplacement(-0.5)),
        ("share", lambda: PartialReplacement("half")),
        ("budget", lambda: AccumulateSubsample(0)),
        ("budget", lambda: AccumulateSubsample(2.5)),
        ("coefficients", lambda: GenerationMixture((0.5, 0.3, 0.3))),
        ("coefficients", lambda: GenerationMixture((1.2, -0.2, 0.0))),
        ("coefficients", lambda: GenerationMixture((0.5, 0.5))),
        ("accept", lambda: Selected(0.5)),
        ("policy", lambda: Selected(lambda x: x > 0, policy=3)),
    ],
)
def test_bad_arguments(name, make):
    with pytest.raises(ValueError, match=name):
        make()


class Counting:
    """A reality that counts how often it is drawn from."""

    def __init__(self):
        self.drawn = 0

    def broadcast(self, chains):
        return self

    def sample(self, size, rng):
        self.drawn += 1
        return rng.integers(0, 3, size=(2, size))


@pytest.mark.parametrize(
    ("message", "policy", "sizes", "drawn"),
    [
        ("budget .* pool, 5 data, got 6", AccumulateSubsample(6), [5, 5], 0),
        ("number .* 5 data, got 6", FreshReal(number=6), [5, 5], 0),
        ("number must leave data", FreshReal(number=0, weight=0.5), [5, 5], 0),
        ("number must leave data", FreshReal(share=1.0, weight=0.5), [5, 5], 0),
        ("sample_size .* 3 data, got 5", KeepReal(1.0, [0, 1, 1]), [5, 5], 0),
        ("share .* 4 data, got 5", KeepReal(1.0, [0, 1, 1, 2, 0]), [5, 4], 0),
        ("share .* 4 data, got 5", KeepReal(1.0), [5, 4], 1),
        ("sample_size .* 5 data, got 9", PartialReplacement(0.1), [5, 10], 1),
        ("coefficients", GenerationMixture(lambda i: (1, 1, 1)), [5, 5], 1),
        ("accept must have shape", Selected(lambda x: True), [5, 5], 1),
        ("accept must be booleans", Selected(lambda x: x - 3.5), [5, 5], 1),
        ("accept must let enough pass, got 0", Selected(lambda x: x > 3), [5, 5], 1),
        (WEIGHTS, FreshReal(number=2, weight=0.5), [5, 5], 1),
    ],
)
def test_impossible_data_are_refused_before_work(message, policy, sizes, drawn):
    reality = Counting()
    with pytest.raises(ValueError, match=message):
        recurse(
            reality,
            FitCategorical(3),
            sample_size=sizes,
            generations=2,
            chains=2,
            rng=1,
            policy=policy,
            draw=draw_samples,
        )
    assert reality.drawn == drawn


@pytest.mark.parametrize("policy", [FreshReal(share=0.5), KeepReal(0.5), replace])
def test_real_data_need_a_real_source(policy):
    with pytest.raises(ValueError, match="reality must be a model"):
        recurse(None, FitGaussian(ddof=1), sample_size=5, generations=2, rng=1, policy=policy)


def test_histograms_give_parts_too():
    counts = Histogram([0.2, 0.8], [0.0, 1.0, 3.0]).broadcast(4).statistics(50, seeded(26))
    for replacement in (False, True):
        part = counts.subsample(10, seeded(27), replacement=replacement)
        assert part.size == 10
        assert FitHistogram([0.0, 1.0, 3.0])(part).masses.shape == (4, 2)


def test_a_policy_is_told_the_number_of_chains():
    told = []

    def policy(step, memory, rng):
        told.append(step.chains)
        assert isinstance(step, Step)
        return replace(step, memory, rng)

    recurse(
        Gaussian(0, 1), FitGaussian(0), sample_size=3, generations=2, chains=7, rng=1, policy=policy
    )
    assert told == [7, 7]


def test_the_grid_holds_every_model():
    assert len({case.name for case in CASES}) == len(CASES)
