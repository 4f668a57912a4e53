r"""Exact laws of a language model that learns from its own text, for words without context.

A unigram model is a categorical law: `collapse.theory.categorical` has its vocabulary and its
diversity. Here is its perplexity on real text, and what a pretrained model adds. For longer
n-grams each context is such a law, with a random number of draws; see prop-language-context.
Arrays run over the generations 0 (reality), 1, ..., N.
"""

import numpy as np

from collapse import validation
from collapse.theory import categorical


def expected_cross_entropy(probabilities, sample_size, generations, *, added):
    r"""Expected cross-entropy on real text of a unigram model of its own text, shape (N + 1,).

    In nats; M is constant, at most 20,000; generation 0 is the entropy of reality, and the
    exponential the (geometric) mean perplexity. To score with, `added` a, positive, is added to
    every count; the model writes with its counts as they are. Exact:
    :math:`-\sum_ip_0(i)\,\E\ln\frac{k_i+a}{M+aK}`. The count k of one word, against all others
    together, is a chain with the rows Binomial(M, k/M), and the expectation of a function of it is
    pulled back through them, as in `collapse.theory.categorical.exact_survival_probability`.
    """
    p = validation.one_law("probabilities", probabilities)
    size = validation.constant_size(sample_size, categorical.LARGEST_BANDED)
    generations = validation.integer("generations", generations, 0)
    added = validation.real("added", added, 0, open_below=True)
    copies = np.arange(size + 1)
    scores = [-np.log((copies + added) / (size + added * len(p)))]
    step = categorical.binomial_rows(copies / size, size)
    for _ in range(generations - 1):
        scores.append(step @ scores[-1])
    values, repeats = np.unique(p[p > 0], return_counts=True)
    mass = values * repeats
    first = categorical.binomial_rows(values, size) @ np.array(scores).T
    entropy = -mass @ np.log(values)
    return np.concatenate([[entropy], mass @ first[:, :generations]])


def expected_words(counts, generations, *, share=0.0):
    r"""Expected distinct words of the text of each generation, a share of it real, shape (N + 1,).

    `counts` says how often each word occurs in the real text, from which generation 1 learns; each
    word of it is used again in each generation with the probability `share`, s. Asymptotic in M, at
    n well below M: exact for Poisson counts (prop-language-kept). A word with c copies has
    :math:`k_n=R_n+\mathrm{Pois}((1-s)k_{n-1})` copies, :math:`R_n\sim\mathrm{Bin}(c,s)`. With
    :math:`a_0=\infty` and :math:`a_{j+1}=(1-s)(1-e^{-a_j})` it is missing from text n with the
    probability :math:`(e^{-a_{n-1}}\prod_{j=0}^{n-2}(1-s+s\,e^{-a_j}))^c`. For s = 0 this is
    `collapse.theory.categorical.expected_alive`, a generation later.
    """
    counts = validation.nonnegative("counts", counts)
    if counts.ndim != 1:
        raise ValueError(f"counts must have one axis, (K,), got shape {counts.shape}")
    generations = validation.integer("generations", generations, 0)
    share = validation.real("share", share, 0, 1)
    values, repeats = np.unique(counts[counts > 0], return_counts=True)
    words, kept, pulled = [repeats.sum()] * 2, 0.0, np.inf
    for _ in range(generations - 1):
        with np.errstate(divide="ignore"):
            kept += np.log(1 - share + share * np.exp(-pulled))
        pulled = (1 - share) * -np.expm1(-pulled)
        words.append(-np.expm1(values * (kept - pulled)) @ repeats)
    return np.array(words[: generations + 1], dtype=float)


def _tuned(probabilities, prior, weight):
    """Return reality, the prior's law and its weight, checked."""
    p = validation.one_law("probabilities", probabilities)
    prior = validation.one_law("prior", prior)
    if p.shape != prior.shape:
        raise ValueError(f"prior must be over {len(p)} categories, got {len(prior)}")
    return p, prior, validation.real("weight", weight, 0)


def tuned_probabilities(probabilities, sample_size, generations, *, prior, weight):
    r"""Expected law of a pretrained unigram model that is tuned anew, shape (N + 1, K).

    It is tuned on the last one's text. `prior` is its law :math:`\pi`, from which each starts, and
    `weight` W the number of words it counts for. Exact (prop-language-tuning): the tuned law is
    :math:`(k+W\pi)/(M+W)` with the counts k, so that :math:`\E p_{n+1}=(1-u)\E p_n+u\pi` with
    :math:`u=W/(M+W)`. What was tuned to is forgotten like :math:`(1-u)^n`, and the pretrained law
    is left. In population genetics: mutation, or migration from a mainland.
    """
    p, prior, weight = _tuned(probabilities, prior, weight)
    sizes = validation.sample_sizes(sample_size, generations)
    kept = np.cumprod(np.concatenate([[1.0], sizes / (sizes + weight)]))[:, None]
    return kept * p + (1 - kept) * prior


def tuned_gini_simpson(probabilities, sample_size, generations, *, prior, weight):
    r"""Expected diversity :math:`\E[1-\sum_ip_n(i)^2]` of the same model, shape (N + 1,).

    `prior` and `weight` are those of `tuned_probabilities`. Exact (prop-language-tuning): with
    :math:`S_n=\E\sum_ip_n(i)^2`, it is
    :math:`S_{n+1}=(1-u)^2[\tfrac1M+(1-\tfrac1M)S_n] +2u(1-u)\,\pi\cdot\E p_n+u^2\,\pi\cdot\pi`,
    since two of the M draws are one with probability 1/M. It cannot go to a point as long as W > 0.
    """
    p, prior, weight = _tuned(probabilities, prior, weight)
    mean = tuned_probabilities(p, sample_size, generations, prior=prior, weight=weight)
    sizes = validation.sample_sizes(sample_size, generations)
    repeats = [p @ p]
    for size, law in zip(sizes, mean, strict=False):
        u = weight / (size + weight)
        drawn = 1 / size + (1 - 1 / size) * repeats[-1]
        repeats.append(
            (1 - u) ** 2 * drawn + 2 * u * (1 - u) * (prior @ law) + u**2 * (prior @ prior)
        )
    return 1 - np.array(repeats)


def carried_on_gini_simpson(probabilities, sample_size, generations, *, prior, weight):
    r"""Expected diversity of a unigram model that each generation goes on tuning, shape (N + 1,).

    Generation 1 starts from `prior`; `weight` is the number of words :math:`W_n` that the model
    counts for when it is tuned for the n-th time, from n = 0: a number, or one for each generation.
    Exact (prop-language-tuning): from generation 1 on the law is :math:`(k+Wp_n)/(M+W)`, a
    martingale whose step has :math:`M^2/(M+W)^2` of the variance of an untuned one, so that
    :math:`\E H_{n+1}=\E H_n(1-\frac M{(M+W)^2})`: the decay of a text of :math:`(M+W)^2/M` words.
    Slower, and without end, unless W grows as it does when all text is kept.
    """
    sizes = validation.sample_sizes(sample_size, generations)
    weights = validation.nonnegative("weight", weight)
    if weights.ndim > 1 or (weights.ndim and len(weights) < len(sizes)):
        raise ValueError(f"weight must be one number or {len(sizes)}, got shape {weights.shape}")
    weights = weights[: len(sizes)] if weights.ndim else np.full(len(sizes), weights)
    first = float(weights[0]) if len(sizes) else 0.0
    start = tuned_gini_simpson(probabilities, sizes[:1], len(sizes[:1]), prior=prior, weight=first)
    kept = np.cumprod(1 - sizes[1:] / (sizes[1:] + weights[1:]) ** 2)
    return np.concatenate([start, start[-1] * kept])
