"""Naive twins of the recursion: one chain at a time, raw samples, nothing clever.

Each returns the parameters of generations 0, ..., N of one chain, whose n-th fit sees `sizes[n]`
new draws, or all draws so far.
"""

import numpy as np


def gaussian_chain(mean, variance, ddof, sizes, rng, accumulate=False):
    """Return means and variances, each of shape (N + 1,)."""
    means, variances, data = [mean], [variance], []
    for size in sizes:
        if not accumulate:
            data = []
        for _ in range(size):
            data.append(rng.normal(means[-1], variances[-1] ** 0.5))
        centre = sum(data) / len(data)
        means.append(centre)
        variances.append(sum((x - centre) ** 2 for x in data) / (len(data) - ddof))
    return np.array(means), np.array(variances)


def categorical_chain(probabilities, sizes, rng, accumulate=False):
    """Return probabilities of shape (N + 1, K)."""
    history, data = [np.array(probabilities)], []
    for size in sizes:
        if not accumulate:
            data = []
        data.extend(rng.choice(len(probabilities), size, p=history[-1]))
        counts = np.zeros(len(probabilities))
        for category in data:
            counts[category] += 1
        history.append(counts / len(data))
    return np.array(history)


def multivariate_chain(mean, covariance, ddof, sizes, rng, accumulate=False):
    """Return means of shape (N + 1, d) and covariances of shape (N + 1, d, d)."""
    means, covariances, data = [np.array(mean)], [np.array(covariance)], []
    for size in sizes:
        if not accumulate:
            data = []
        data.extend(rng.multivariate_normal(means[-1], covariances[-1], size, check_valid="ignore"))
        means.append(np.mean(data, axis=0))
        covariances.append(np.cov(data, rowvar=False, ddof=ddof))
    return np.array(means), np.array(covariances)


def autoencoder_chain(mean, covariance, noise, decoded, sizes, rng, accumulate=False):
    """Return means and covariances from generation 1 on of linear autoencoders with one code.

    What is handed on is the decoder's mean if `decoded`. From Tipping and Bishop's formula.
    """
    means, covariances, data = [], [], []
    for size in sizes:
        if not accumulate:
            data = []
        data.extend(rng.multivariate_normal(mean, covariance, size, check_valid="ignore"))
        mean = sum(data) / len(data)
        scatter = sum(np.outer(x - mean, x - mean) for x in data) / len(data)
        values, vectors = np.linalg.eigh(scatter)
        sigma2 = sum(values[:-1]) / (len(values) - 1) if noise is None else noise
        component = vectors[:, -1] * np.sqrt(max(values[-1] - sigma2, 0))
        covariance = np.outer(component, component)
        if not decoded:
            covariance = covariance + sigma2 * np.eye(len(values))
        means.append(mean)
        covariances.append(covariance)
    return np.array(means), np.array(covariances)


def law_chain(draw, ddof, sizes, rng, accumulate=False):
    """Return means and variances from generation 1 on, where reality is any law on the line."""
    data = list(draw(sizes[0], rng))
    means, variances = [], []
    for size in [*sizes[1:], 0]:
        means.append(sum(data) / len(data))
        variances.append(sum((x - means[-1]) ** 2 for x in data) / (len(data) - ddof))
        if not accumulate:
            data = []
        data.extend(rng.normal(means[-1], variances[-1] ** 0.5) for _ in range(size))
    return np.array(means), np.array(variances)


def kernel_chain(points, bandwidth, fitted_bandwidth, sizes, rng, accumulate=False):
    """Return means and standard deviations of kernel density estimates from generation 1 on."""
    rows, data = [], []
    for size in sizes:
        if not accumulate:
            data = []
        data = data + [rng.choice(points) + bandwidth * rng.normal() for _ in range(size)]
        points = np.array(data)
        bandwidth = fitted_bandwidth(points) if callable(fitted_bandwidth) else fitted_bandwidth
        rows.append((points.mean(), np.sqrt(points.var() + bandwidth**2)))
    return np.transpose(rows)


def histogram_chain(masses, edges, sizes, rng, accumulate=False):
    """Return the masses of the bins, shape (N + 1, B)."""
    history, data = [np.array(masses)], []
    for size in sizes:
        if not accumulate:
            data = []
        for _ in range(size):
            i = rng.choice(len(masses), p=history[-1])
            data.append(rng.uniform(edges[i], edges[i + 1]))
        history.append(np.histogram(data, edges)[0] / len(data))
    return np.array(history)


def mixture_em(data, components, iterations, tolerance=0.0, regulariser=0.0, form="full"):
    """Return weights, means, covariances and the log-likelihoods of EM on one sample, (M, d)."""
    size = len(data)
    spread, trace = data.var(axis=0).max(), []
    axis = np.linalg.svd(data - data.mean(axis=0))[2][0]
    axis *= np.sign(axis[np.abs(axis).argmax()])
    ranks = np.argsort(np.argsort(data @ axis))
    groups = (2 * ranks + 1) * components // (2 * size)  # cut into slices of equal size
    weights = np.array([np.mean(groups == j) for j in range(components)])
    means = np.array([data[groups == j].mean(axis=0) for j in range(components)])
    within = data - means[groups]
    covariances = [formed(within.T @ within / size, form, regulariser, spread)] * components
    for _ in range(iterations):
        densities = np.empty((size, components))
        for j in range(components):
            away = data - means[j]
            squared = np.sum(away @ np.linalg.inv(covariances[j]) * away, axis=1)
            norm = np.sqrt(np.linalg.det(2 * np.pi * covariances[j]))
            densities[:, j] = weights[j] * np.exp(-squared / 2) / norm
        totals = densities.sum(axis=1)
        shares, covariances = densities / totals[:, None], []
        trace.append(np.mean(np.log(totals)))
        weights = shares.mean(axis=0)
        means = shares.T @ data / shares.sum(axis=0)[:, None]
        for j in range(components):
            away = data - means[j]
            scatter = (shares[:, j, None] * away).T @ away / shares[:, j].sum()
            covariances.append(formed(scatter, form, regulariser, spread))
        if len(trace) > 1 and abs(trace[-1] - trace[-2]) < tolerance:
            break
    return weights, means, np.array(covariances), trace


def formed(scatter, form, regulariser, spread):
    """Return the covariance of a form, on the line not below 1e-16 of the data's variance."""
    d = len(scatter)
    if form == "diagonal":
        scatter = np.diag(np.diag(scatter))
    if form == "spherical":
        scatter = np.trace(scatter) / d * np.eye(d)
    scatter = scatter + regulariser * np.eye(d)
    return np.maximum(scatter, 1e-16 * spread) if d == 1 else scatter


def mixture_chain(weights, means, covariances, iterations, sizes, rng, accumulate=False, **how):
    """Return weights (N, k), means (N, k, d) and covariances (N, k, d, d) from generation 1 on."""
    rows, data = [], []
    for size in sizes:
        if not accumulate:
            data = []
        for _ in range(size):
            j = rng.choice(len(weights), p=weights / sum(weights))
            noise = rng.normal(size=len(means[j]))
            data = [*data, means[j] + np.linalg.cholesky(covariances[j]) @ noise]
        weights, means, covariances, _ = mixture_em(np.array(data), len(weights), iterations, **how)
        rows.append((weights, means, covariances))
    return [np.array(values) for values in zip(*rows, strict=True)]


class NGramTwin:
    """N-gram counts in dictionaries of tuples; the boundary before a block is None."""

    def __init__(self, blocks, order, words, discount):
        """Count; `discount` is None for maximum likelihood, "modified", or one for each order."""
        self.order, self.words, self.discount = order, words, discount
        self.counts = [{} for _ in range(order)]
        for block in blocks:
            padded = [None] * (order - 1) + list(block)
            for end in range(order, len(padded) + 1):
                gram = tuple(padded[end - order : end])
                self.counts[-1][gram] = self.counts[-1].get(gram, 0) + 1
        for n in range(order - 1, 0, -1):
            for gram, count in self.counts[n].items():
                once = count if discount is None else 1  # a preceding word counts once
                self.counts[n - 1][gram[1:]] = self.counts[n - 1].get(gram[1:], 0) + once

    def taken(self, n, count):
        """Return what is discounted from a count of order n."""
        if self.discount is None:
            return 0
        if self.discount != "modified":
            return min(self.discount[n - 1], count)
        values = [min(-(-c // 1), 5) for c in self.counts[n - 1].values()]
        n1, n2, n3, n4 = (values.count(r) for r in (1, 2, 3, 4))
        r = min(-(-count // 1), 3)
        this, following = {1: (n1, n2), 2: (n2, n3), 3: (n3, n4)}[r]
        if not n1:
            return min(0.1, count)
        estimate = r - (r + 1) * n1 / (n1 + 2 * n2) * following / max(this, 1)
        return min(max(estimate, 0.1), r, count)

    def probability(self, word, context):
        """Return p(word | context), the context being a tuple."""
        context = tuple(context)[max(0, len(context) - self.order + 1) :]
        level = self.counts[len(context)]
        followed = {gram[-1]: c for gram, c in level.items() if gram[:-1] == context}
        total = sum(followed.values())
        lower = self.probability(word, context[1:]) if context else 1 / self.words
        if not total:
            return lower
        n = len(context) + 1
        rest = sum(self.taken(n, c) for c in followed.values()) / total
        count = followed.get(word, 0)
        return (count - self.taken(n, count) if count else 0) / total + rest * lower

    def block_probability(self, block):
        """Return the probability of a block."""
        product, context = 1.0, [None] * (self.order - 1)
        for word in block:
            product *= self.probability(word, context)
            context = [*context, word]
        return product

    def block(self, length, rng):
        """Draw a block."""
        context = [None] * (self.order - 1)
        for _ in range(length):
            law = [self.probability(word, context) for word in range(self.words)]
            context.append(rng.choice(self.words, p=np.array(law) / sum(law)))
        return context[self.order - 1 :]


def ngram_chain(blocks, order, words, discount, sizes, rng, accumulate=False):
    """Return twins of n-gram models from generation 1 on."""
    model, history, data = NGramTwin(blocks, order, words, discount), [], []
    for size in sizes:
        if not accumulate:
            data = []
        data = data + [model.block(len(blocks[0]), rng) for _ in range(size)]
        model = NGramTwin(data, order, words, discount)
        history.append(model)
    return history


def vae_chain(start, decoded, epochs, batch, rate, sizes, rng, accumulate=False):
    """Return the decoder's means at -1, 0 and 1, from generation 1 on, of linear autoencoders.

    Bernoulli pixels, one latent; only generation 0 hands on its decoder's means, if `decoded`.
    """
    (pixels,) = start.decoder[0].shape[1:]
    sigmoid = lambda output: 1 / (1 + np.exp(-output))  # noqa: E731
    decoder, data, rows = start.decoder[0], np.empty((0, pixels)), []
    for n, size in enumerate(sizes):
        means = sigmoid(rng.normal(size=(size, 1)) @ decoder[:1] + decoder[1])
        new = means if decoded and n == 0 else rng.random(means.shape) < means
        data = np.concatenate([data, new]) if accumulate else new.astype(float)
        encoder = rng.uniform(-1, 1, (pixels + 1, 2)) / np.sqrt(pixels)
        decoder = rng.uniform(-1, 1, (2, pixels))
        adam, t = [(np.zeros_like(w), np.zeros_like(w)) for w in (encoder, decoder)], 0
        for _ in range(epochs):
            shuffled = rng.permutation(data)
            for first in range(0, len(data) - batch + 1, batch):
                x = shuffled[first : first + batch]
                mean, log_variance = (x @ encoder[:-1] + encoder[-1]).T
                shift = np.exp(log_variance / 2) * rng.normal(size=batch)
                z = mean + shift
                error = sigmoid(np.outer(z, decoder[0]) + decoder[1]) - x
                by_z = error @ decoder[0]
                by_log_variance = (by_z * shift + np.exp(log_variance) - 1) / 2
                moments = np.stack([by_z + mean, by_log_variance], axis=1)
                slopes = [
                    np.vstack([x.T @ moments, moments.sum(axis=0)]),
                    np.stack([z @ error, error.sum(axis=0)]),
                ]
                adam_step((encoder, decoder), slopes, adam, rate, t := t + 1)
        rows.append(sigmoid(np.outer([-1, 0, 1], decoder[0]) + decoder[1]))
    return np.array(rows)


def neural_chain(tables, length, epochs, batch, rate, sizes, rng, accumulate=False):
    """Return the laws after each word and the start of networks with one word of context.

    `tables` are the vectors, the layer of units and the output of generation 0.
    """

    def law(word):
        units = np.tanh(vectors[word] @ hidden[:-1] + hidden[-1])
        masses = np.exp(units @ output[:-1] + output[-1])
        return units, masses / masses.sum()

    (vectors, hidden, output), pairs, rows = tables, [], []
    words = len(vectors) - 1
    for size in sizes:
        pairs = pairs if accumulate else []
        for _ in range(size):
            word = words
            for _ in range(length):
                pairs.append((word, word := rng.choice(words, p=law(word)[1])))
        vectors, hidden, output = (
            rng.uniform(-1, 1, t.shape) / np.sqrt(n)
            for t, n in zip(tables, (1, len(hidden) - 1, len(output) - 1), strict=True)
        )
        output[-1] = np.log([1 + sum(w == word for _, w in pairs) for word in range(words)])
        weights = vectors, hidden, output
        adam, t = [(np.zeros_like(w), np.zeros_like(w)) for w in weights], 0
        for _ in range(epochs):
            order = rng.permutation(len(pairs))
            for first in range(0, len(pairs) - batch + 1, batch):
                slopes = [np.zeros_like(w) for w in weights]
                for before, word in (pairs[i] for i in order[first : first + batch]):
                    units, error = law(before)
                    error[word] -= 1
                    by_units = (1 - units**2) * (output[:-1] @ error)
                    slopes[0][before] += hidden[:-1] @ by_units
                    slopes[1] += np.outer([*vectors[before], 1], by_units)
                    slopes[2] += np.outer([*units, 1], error)
                adam_step(weights, slopes, adam, rate, t := t + 1)
        rows.append([law(word)[1] for word in range(words + 1)])
    return np.array(rows)


def adam_step(weights, slopes, adam, rate, t):
    """Take step t of Adam (Kingma and Ba 2015) in place."""
    for w, (m, v), g in zip(weights, adam, slopes, strict=True):
        m += 0.1 * (g - m)
        v += 0.001 * (g**2 - v)
        w -= rate * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
