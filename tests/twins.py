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
        points, bandwidth = np.array(data), fitted_bandwidth
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


def mixture_em(data, components, iterations, tolerance=0.0, floor=1e-6, trace=None):
    """Return weights, means and variances by expectation maximisation, of one sample."""
    size, spread, before = len(data), np.var(data), -np.inf
    quantiles = [np.sort(data)[(2 * j + 1) * size // (2 * components)] for j in range(components)]
    for j in range(components):  # a level that is met exactly counts as reached
        if (2 * j + 1) * size % (2 * components) == 0:
            quantiles[j] = np.sort(data)[(2 * j + 1) * size // (2 * components) - 1]
    parts = [(1 / components, mean, spread / components**2) for mean in quantiles]
    for _ in range(iterations):
        shares, value = [], 0.0
        for x in data:
            density = [p / v**0.5 * np.exp(-((x - m) ** 2) / (2 * v)) for p, m, v in parts]
            shares.append([d / sum(density) for d in density])
            value += np.log(sum(density) / (2 * np.pi) ** 0.5) / size
        if trace is not None:
            trace.append(value)
        if value - before <= tolerance:
            break
        parts, before = [], value
        for share in zip(*shares, strict=True):
            total = sum(share)
            mean = sum(s * x for s, x in zip(share, data, strict=True)) / total
            variance = sum(s * (x - mean) ** 2 for s, x in zip(share, data, strict=True)) / total
            parts.append((total / size, mean, max(variance, floor * spread)))
    return np.transpose(parts)


def mixture_chain(parts, iterations, sizes, rng, accumulate=False):
    """Return weights, means and variances of mixtures from generation 1 on, each (N, k)."""
    rows, data = [], []
    for size in sizes:
        if not accumulate:
            data = []
        weights, means, variances = parts
        for _ in range(size):
            j = rng.choice(len(weights), p=weights / sum(weights))
            data = [*data, rng.normal(means[j], variances[j] ** 0.5)]
        parts = mixture_em(data, len(weights), iterations)
        rows.append(parts)
    return np.transpose(rows, (1, 0, 2))


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
                t += 1
                for w, (m, v), g in zip((encoder, decoder), adam, slopes, strict=True):
                    m += 0.1 * (g - m)
                    v += 0.001 * (g**2 - v)
                    w -= rate * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        rows.append(sigmoid(np.outer([-1, 0, 1], decoder[0]) + decoder[1]))
    return np.array(rows)
