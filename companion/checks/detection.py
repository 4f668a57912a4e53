"""Checks of what detectors can do, and of what they are worth."""

import numpy as np

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.policies import Filtered, replace
from collapse.theory import detection as theory
from companion.checks.entry import law
from companion.checks.mixing import newest

LEVEL, SIZES = 0.1, [4, 3, 6]
REALITY, MODEL = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.65, 0.25, 0.1, 0.0])
MIXTURE = {"share": 0.3, "probability": 0.2, "generated": 0.35}
MARKS = {"false_alarm": 0.1, "hit": 0.8}
KEEP = np.array([0.9, 0.8, 0.3, 0.2])
CHAINS = 20_000


def _flagged(rng, score, real, model, chains=CHAINS // 2):
    """Return which samples of the model lie beyond the level's quantile of the real ones.

    The quantile is found from a hundred times as many real samples, ties being broken at random.
    """
    limits = []
    for _ in range(100):
        values = score(real(chains))
        limits.append(values + 1e-9 * rng.random(values.shape))
    limit = np.quantile(np.concatenate(limits), 1 - LEVEL)
    values = score(model(chains))
    return values + 1e-9 * rng.random(values.shape) > limit


def _gaussian(rng, size, mean, std):
    """Return which samples of a Gaussian model the likelihood ratio flags."""

    def ratio(x):
        return (x**2 / 2 - ((x - mean) / std) ** 2 / 2).sum(axis=-1)

    def real(chains):
        return rng.standard_normal((chains, size))

    return _flagged(rng, ratio, real, lambda chains: mean + std * real(chains), 4000)


def _narrow(rng, size, models):
    """Return which samples of the models have too small a variance."""
    return _flagged(
        rng,
        lambda x: -x.var(axis=-1),
        lambda chains: rng.standard_normal((chains, size)),
        lambda _: models.sample(size, rng),
    )


def _models(rng, sizes, chains=CHAINS, ddof=1):
    """Return the Gaussian models after one generation for each sample size."""
    return newest((Gaussian(0.0, 1.0), FitGaussian(ddof)), rng, replace, sizes, len(sizes), chains)


def _words(rng, size):
    """Return which samples of a categorical model the likelihood ratio flags."""
    with np.errstate(divide="ignore"):
        weights = np.log(MODEL / REALITY)

    def ratio(counts):
        finite = counts[:, :3] @ weights[:3]
        return np.where(counts[:, 3] > 0, -1e6, finite)

    return _flagged(
        rng,
        ratio,
        lambda chains: rng.multinomial(size, REALITY, chains),
        lambda chains: rng.multinomial(size, MODEL, chains),
    )


def _errors(rng, real, model, size=1):
    """Return the errors of the best test between two laws, one of either kind in each pair."""
    with np.errstate(divide="ignore"):
        weights = np.nan_to_num(np.log(model) - np.log(real), posinf=1e6, neginf=-1e6)
    scores = [rng.multinomial(size, law, CHAINS) @ weights for law in (real, model)]
    return (scores[0] > 0) * 1.0 + (scores[1] <= 0)


def _mixture(rng, size, marks):
    """Return counts of data and of items, shape (2, chains), marked ones first."""
    real = rng.binomial(size, MIXTURE["share"], CHAINS)
    data, items = np.zeros((2, 2, CHAINS))
    for n, p, mark in (
        (real, MIXTURE["probability"], marks["false_alarm"]),
        (size - real, MIXTURE["generated"], marks["hit"]),
    ):
        marked = rng.binomial(n, mark)
        for group, count in enumerate((marked, n - marked)):
            data[group] += count
            items[group] += rng.binomial(count, p)
    return data, items


def _marked_error(rng, size=4000):
    """Return squared errors, times the size, of an estimator that knows the rates of the marks."""
    data, items = _mixture(rng, size, MARKS)
    share, p, q = MIXTURE.values()
    rates = np.array(
        [[MARKS["false_alarm"], 1 - MARKS["false_alarm"]], [MARKS["hit"], 1 - MARKS["hit"]]]
    )
    group = share * rates[0] + (1 - share) * rates[1]
    real = (share * rates[0] / group)[:, None]
    mean = real * p + (1 - real) * q
    estimates = (items / data - (1 - real) * q) / real
    weights = group[:, None] * real**2 / (mean * (1 - mean))
    return size * ((weights * estimates).sum(axis=0) / weights.sum() - p) ** 2


def _debiased(rng, assumed, size=50):
    """Return estimates without marks."""
    items = _mixture(rng, size, {"false_alarm": 0.0, "hit": 0.0})[1].sum(axis=0)
    q = MIXTURE["generated"]
    return (items / size - (1 - assumed) * q) / assumed


def _first_kept(rng, share, keep_real, keep_generated, length=120):
    """Return whether the first datum that a detector keeps is real."""
    real = rng.random((CHAINS, length)) < share
    kept = rng.random(real.shape) < np.where(real, keep_real, keep_generated)
    return np.take_along_axis(real, kept.argmax(axis=1)[:, None], axis=1)[:, 0]


def _filtered(rng):
    """Return the frequency of the last category after 8 generations behind a biased detector."""
    policy = Filtered(0.4, keep_real=KEEP.__getitem__, keep_generated=0.2)
    family = Categorical(REALITY), FitCategorical(4)
    return newest(family, rng, policy, 20, 8, 2000).probabilities[:, 3]


def _power(seed, function, formula, setting, observe, arguments, wrong, case=""):
    return law(
        function,
        formula,
        setting,
        seed,
        "share of the model's samples called generated at the level 0.1",
        observe,
        arguments | {"level": LEVEL},
        wrong,
        case=case,
    )


def _bound(i, case, formula, setting, size, laws):
    """Return the entry of a bound, for two laws that meet it."""
    laws = np.array(laws)
    return law(
        theory.error_bounds,
        formula,
        setting,
        7808 + i,
        "sum of both errors, where the bound is met",
        lambda rng: _errors(rng, *laws, size),
        {"size": size, "affinity": (affinity := np.sqrt(np.prod(laws, axis=0)).sum())},
        ("the other bound", lambda: theory.error_bounds(size, affinity)[1 - i]),
        of=lambda bounds: bounds[i],
        status="bound",
        case=case,
    )


AVERAGE = {"size": 6000, "sample_size": 20_000, "generations": 3, "level": LEVEL}
ASSUMED = {"size": 50, "assumed": 0.5} | MIXTURE
ALONE = "α = 0.3, p = 0.2, q = 0.35"

ENTRIES = (
    *(
        _power(
            7801 + i,
            theory.gaussian_power,
            formula,
            f"N(0, 1) against N(0.4, {std}²), m = 12",
            lambda rng, std=std: _gaussian(rng, 12, 0.4, std),
            {"size": 12, "mean": 0.4, "std": std},
            {"mean": 0.0},
            case=case,
        )
        for i, (case, std, formula) in enumerate(
            (
                ("narrow", 0.8, r"P(\sigma^2\chi'^2_m(m\sigma^2c^2)\le x_\alpha)"),
                ("wide", 1.2, r"P(\sigma^2\chi'^2_m(m\sigma^2c^2)\ge x_{1-\alpha})"),
            )
        )
    ),
    _power(
        7803,
        theory.variance_power,
        r"P(\sigma^2\chi^2_{m-1}\le x_\alpha)",
        "N(0, 1) against N(0.4, 0.7²), m = 8",
        lambda rng: _narrow(rng, 8, Gaussian(0.4, 0.49).broadcast(CHAINS)),
        {"size": 8, "std": 0.7},
        ("m + 1 for m - 1", lambda: theory.variance_power(10, 0.7, level=LEVEL)),
    ),
    _power(
        7804,
        theory.expected_variance_power,
        r"P(\sigma_{n+1}^2\le v)",
        "N(0, 1); M = 4, 3, 6; ddof=0; m = 5, n = 3",
        lambda rng: _narrow(rng, 5, _models(rng, SIZES, ddof=0)),
        {"size": 5, "sample_size": SIZES, "generations": 3, "ddof": 0},
        {"generations": 2},
    ),
    law(
        theory.expected_gaussian_power,
        r"\alpha+\tfrac s{\sqrt{1+s^2}}e^{-z^2/2(1+s^2)}\Phi(\tfrac{zs}{\sqrt{1+s^2}})",
        "M = 20,000; m = 6000, n = 3",
        7805,
        "mean power of the best test at the level 0.1",
        lambda rng: theory.gaussian_power(
            6000, (model := _models(rng, [20_000] * 3, 5000)).mean, model.std, level=LEVEL
        ),
        AVERAGE,
        {"generations": 2},
        status="asymptotic in M",
    ),
    _power(
        7806,
        theory.categorical_power,
        r"P_q(\sum_j\ln\tfrac{q_{x_j}}{p_{x_j}}>x_\alpha)",
        "K = 4, one category lost; m = 15",
        lambda rng: _words(rng, 15),
        {"size": 15, "probabilities": REALITY, "model": MODEL},
        (
            "without the lost category",
            lambda: theory.categorical_power(15, REALITY[:3] / 0.95, MODEL[:3], level=LEVEL),
        ),
    ),
    law(
        theory.proven_real,
        "1-(1-D)^m",
        "D = 0.05; m = 15",
        7807,
        "share of real samples with a lost item",
        lambda rng: rng.multinomial(15, REALITY, CHAINS)[:, 3] > 0,
        {"size": 15, "dead_mass": 0.05},
        ("m D", 15 * 0.05),
    ),
    _bound(
        0,
        "lower",
        r"1-\sqrt{1-\rho^{2m}}",
        "(0.3, 0.7) against (0.7, 0.3); m = 1",
        1,
        ([0.3, 0.7], [0.7, 0.3]),
    ),
    _bound(
        1,
        "upper",
        r"\rho^m",
        "(0.7, 0.3, 0) against (0.7, 0, 0.3); m = 3",
        3,
        ([0.7, 0.3, 0.0], [0.7, 0.0, 0.3]),
    ),
    law(
        theory.mixture_information,
        r"\alpha^2/(m(1-m))",
        f"{ALONE}; N = 50, without marks",
        7810,
        "squared error of the de-biased estimator, times N",
        lambda rng: 50 * (_debiased(rng, 0.3) - 0.2) ** 2,
        MIXTURE,
        ("1/α for 1/α²", lambda: 0.3 / theory.mixture_information(**MIXTURE)),
        of=lambda information: 1 / information,
        case="no marks",
    ),
    law(
        theory.mixture_information,
        r"\sum_wP(w)\,a_w^2/(m_w(1-m_w))",
        f"{ALONE}; marks on 10 % and 80 %; N = 4000",
        7811,
        "squared error of the best estimator, times N",
        _marked_error,
        MIXTURE | MARKS,
        ("labels for marks", lambda: 1 / theory.mixture_information(**MIXTURE, hit=1.0)),
        of=lambda information: 1 / information,
        status="asymptotic in N",
        case="marks",
    ),
    law(
        theory.debiased_error,
        r"(\alpha/\hat\alpha-1)(p-q)",
        f"{ALONE}; 0.5 assumed; N = 50",
        7812,
        "bias",
        lambda rng: _debiased(rng, 0.5) - 0.2,
        ASSUMED,
        ("none", 0.0),
        of=lambda errors: errors[0],
        case="bias",
    ),
    law(
        theory.debiased_error,
        r"m(1-m)/(N\hat\alpha^2)",
        f"{ALONE}; 0.5 assumed; N = 50",
        7813,
        "variance",
        lambda rng: ((x := _debiased(rng, 0.5)) - x.mean()) ** 2,
        ASSUMED,
        {"assumed": 1.0},
        of=lambda errors: errors[1],
        case="variance",
    ),
    law(
        theory.share_floor,
        r"\tfrac12|m-q|(1/\alpha_{low}-1/\alpha_{high})",
        "a share of 0.3, of which 0.3 to 0.6 is known; N = 50",
        7814,
        "error of the middle of what is possible",
        lambda rng: (_debiased(rng, 0.3) + _debiased(rng, 0.6)) / 2 - 0.2,
        {"observed": 0.305, "generated": 0.35, "lowest": 0.3, "highest": 0.6},
        ("the whole range", lambda: 2 * theory.share_floor(0.305, 0.35, 0.3, 0.6)),
    ),
    law(
        theory.filtered_share,
        "ut/(ut+(1-u)f)",
        "u = 0.1, t = 0.8, f = 0.2",
        7815,
        "share of real data among those kept",
        lambda rng: _first_kept(rng, 0.1, 0.8, 0.2),
        {"share": 0.1, "keep_real": 0.8, "keep_generated": 0.2},
        ("without the detector", 0.1),
    ),
    law(
        theory.filtered_law,
        r"p_it_i/\sum_jp_jt_j",
        "K = 4; M = 20, n = 8; u = 0.4, f = 0.2, rare real data kept less often",
        7816,
        "frequency of the rarest category",
        _filtered,
        {"probabilities": REALITY, "keep_real": KEEP},
        ("reality", REALITY[3]),
        at=3,
    ),
)
