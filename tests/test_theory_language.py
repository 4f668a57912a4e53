"""Exact laws of unigram models against the real engine, with controls that must fail."""

import numpy as np
import pytest
from harness import assert_agrees, assert_refutes

from collapse.models.empirical import Empirical
from collapse.models.ngram.counts import FitNGram, NGramCounts
from collapse.models.ngram.smoothing import MaximumLikelihood
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import categorical
from collapse.theory import language as theory

# 12 blocks of 4 words of a vocabulary of 8: reality's law is that of the corpus itself
BLOCKS = np.array([[1, 1, 1, 1], [2, 2, 3, 1], [1, 2, 4, 5], [6, 1, 2, 7]] * 3)
SIZE, LENGTH, WORDS = *BLOCKS.shape, 8
P = np.bincount(BLOCKS.ravel(), minlength=WORDS) / BLOCKS.size
PRETRAINED = np.array([[3, 3, 4, 4], [5, 6, 7, 7]])
PI = np.bincount(PRETRAINED.ravel(), minlength=WORDS) / PRETRAINED.size
CHAINS, GENERATIONS = 1500, 5
M = SIZE * LENGTH


def shares(seed, **options):
    """Return unigram laws, shape (chains, generations + 1, words), from the first fit on."""
    fit = FitNGram(1, WORDS, MaximumLikelihood(), **options)
    lineage = recurse(
        Empirical(BLOCKS, in_order=True),
        fit,
        sample_size=SIZE,
        generations=GENERATIONS,
        chains=CHAINS,
        rng=seeded(seed),
    )
    laws = [
        np.exp(m.log_probabilities(np.arange(WORDS)[:, None]))[..., 0] for m in lineage.models[1:]
    ]
    return np.stack(laws, axis=1)


@pytest.fixture(scope="module")
def plain():
    with np.errstate(divide="ignore"):
        return shares(2631)


def test_the_first_fit_is_the_corpus(plain):
    np.testing.assert_allclose(plain[:, 0], np.tile(P, (CHAINS, 1)))


def test_vocabulary_and_diversity_are_those_of_a_categorical_law(plain):
    alive = (plain > 0).sum(axis=2)
    exact = categorical.exact_expected_alive(P, M, GENERATIONS - 1)
    assert_agrees(alive, exact)
    assert_refutes(alive[:, 1:], exact[:-1])
    diversity = categorical.expected_gini_simpson(P, M, GENERATIONS - 1)
    assert_agrees(1 - (plain**2).sum(axis=2), diversity)


@pytest.mark.parametrize("carried_on", [False, True])
def test_tuning(carried_on):
    counts, weight = NGramCounts.of(PRETRAINED, 1, WORDS), 0.75
    laws = shares(2632, prior=counts, weight=weight, carried_on=carried_on)
    words = weight * PRETRAINED.size
    tuning = {"prior": PI, "weight": words}
    start = (M * P + words * PI) / (M + words)  # the first data are the corpus, and not drawn
    np.testing.assert_allclose(laws[:, 0], np.tile(start, (CHAINS, 1)))
    diversity = 1 - (laws**2).sum(axis=2)
    restarted = theory.tuned_gini_simpson(start, M, GENERATIONS - 1, **tuning)
    # carried on, a model counts for the given share of all that it has counted so far
    weights = [words]
    for _ in range(GENERATIONS - 1):
        weights.append(weight * (M + weights[-1]))
    late = {"prior": start, "weight": weights[1:]}
    carried = theory.carried_on_gini_simpson(start, M, GENERATIONS - 1, **late)
    if carried_on:
        assert_agrees(diversity, carried)
        assert_refutes(diversity, restarted)
        assert_agrees(laws, np.tile(start, (GENERATIONS, 1)))
    else:
        assert_agrees(diversity, restarted)
        assert_refutes(diversity, carried)
        assert_agrees(laws, theory.tuned_probabilities(start, M, GENERATIONS - 1, **tuning))


def test_words_with_no_text_kept_are_those_of_a_categorical_law():
    counts = np.repeat([1, 2, 3, 10, 200], [300, 100, 50, 20, 5])
    found = theory.expected_words(counts, 5)
    assert found[:2].tolist() == [475, 475]
    p = counts / counts.sum()
    np.testing.assert_allclose(found[1:], categorical.expected_alive(p, int(counts.sum()), 4))
    assert (theory.expected_words(counts, 5, share=0.1)[2:] > found[2:]).all()


def test_words_are_all_kept_with_all_the_text():
    np.testing.assert_allclose(theory.expected_words([1, 0, 7], 5, share=1.0), 2.0)
    assert theory.expected_words([1, 0, 7], 0).tolist() == [2.0]


def test_limits_of_tuning():
    none = {"prior": PI, "weight": 0.0}
    plain = categorical.expected_gini_simpson(P, [5, 6, 7], 3)
    np.testing.assert_allclose(theory.tuned_gini_simpson(P, [5, 6, 7], 3, **none), plain)
    np.testing.assert_allclose(theory.carried_on_gini_simpson(P, [5, 6, 7], 3, **none), plain)
    np.testing.assert_allclose(theory.tuned_probabilities(P, 9, 2, **none), np.tile(P, (3, 1)))
    heavy = {"prior": PI, "weight": 1e12}
    np.testing.assert_allclose(
        theory.tuned_probabilities(P, 9, 2, **heavy)[1:], [PI, PI], atol=1e-9
    )
    stays = [1 - P @ P, 1 - PI @ PI, 1 - PI @ PI]
    np.testing.assert_allclose(theory.tuned_gini_simpson(P, 9, 2, **heavy), stays)
    np.testing.assert_allclose(theory.carried_on_gini_simpson(P, 9, 2, **heavy), stays)
    # restarted, the diversity tends to a positive limit; carried on, to zero
    tuning = {"prior": PI, "weight": 3.0}
    late = theory.tuned_gini_simpson(P, 9, 4000, **tuning)
    assert late[-1] == pytest.approx(late[-2], rel=1e-12)
    assert late[-1] > 0.1
    assert theory.carried_on_gini_simpson(P, 9, 4000, **tuning)[-1] < 1e-20


def test_no_generations():
    assert theory.expected_cross_entropy([0.5, 0.5], 7, 0, added=1.0) == pytest.approx([np.log(2)])
    for law in (theory.tuned_gini_simpson, theory.carried_on_gini_simpson):
        assert law(P, 7, 0, prior=PI, weight=1.0) == pytest.approx([1 - P @ P])


def test_cross_entropy_by_hand():
    # M = 1: one word, seen or not; a = 1, K = 2
    exact = theory.expected_cross_entropy([0.25, 0.75], 1, 1, added=1.0)[1]
    seen, unseen = np.log(3 / 2), np.log(3)
    by_hand = 0.25 * (0.25 * seen + 0.75 * unseen) + 0.75 * (0.75 * seen + 0.25 * unseen)
    assert exact == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: theory.expected_cross_entropy(P, 7, 2, added=0.0), "added"),
        (lambda: theory.expected_cross_entropy(P, [7, 8], 2, added=1.0), "sample_size"),
        (lambda: theory.expected_cross_entropy(P, 10**6, 2, added=1.0), "sample_size"),
        (lambda: theory.expected_cross_entropy(P, 7, -2, added=1.0), "generations"),
        (lambda: theory.expected_words([-1, 2], 3), "counts"),
        (lambda: theory.expected_words([[1, 2]], 3), "counts"),
        (lambda: theory.expected_words([1, 2], -3), "generations"),
        (lambda: theory.expected_words([1, 2], 3, share=1.2), "share"),
        (lambda: theory.tuned_probabilities(P, 7, 2, prior=[1.0], weight=1.0), "prior"),
        (lambda: theory.tuned_probabilities(P, 7, 2, prior=2 * PI, weight=1.0), "prior"),
        (lambda: theory.tuned_gini_simpson(P, 7, 2, prior=PI, weight=-1.0), "weight"),
        (lambda: theory.carried_on_gini_simpson(P, 0, 2, prior=PI, weight=1.0), "sample_size"),
        (lambda: theory.carried_on_gini_simpson(P, 7, 2, prior=PI, weight=[1.0]), "weight"),
    ],
)
def test_bad_input(call, name):
    with pytest.raises(ValueError, match=name):
        call()
