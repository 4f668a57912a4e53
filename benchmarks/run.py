"""Timings side by side: what the package computes, against what a user would pick instead.

``python benchmarks/run.py`` prints a table and writes `results.json`, with the circumstances in
`results.meta.json`. Each row is the median of repetitions in which the two sides take turns.
"""

import datetime as dt
import json
import os
import platform
import statistics
import time
from itertools import pairwise
from pathlib import Path

import nltk.lm
import numpy as np
import threadpoolctl

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported

from collapse import datasets
from collapse.metrics import corpus_perplexity
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.ngram import FitNGram
from collapse.models.vae import FitVAE, Network, Tape, elbo, forward, gradient, step
from collapse.recursion import recurse
from collapse.smoothing import KneserNey, MaximumLikelihood
from collapse.text import Vocabulary, blocks

try:  # `make bench` installs it; the tests and the book do without
    import torch
except ImportError:
    torch = None

SEED, STEPS, HERE = 1, 2000, Path(__file__).parent
THREADS = "one thread on both sides"


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def row(name, ours, peer, low, high, note, *, repetitions=15, scale=1):
    """Time two callables in turns; `scale` multiplies the time of a peer that does less."""
    (label, other), faster = peer, high is None
    ours(), other()
    pairs = [(seconds(ours), seconds(other) * scale) for _ in range(repetitions)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = theirs / mine if faster else mine / theirs
    between = f"{low} to {high}" if low else f"at most {high}"
    result = {
        "name": name,
        "ours_seconds": float(f"{mine:.4g}"),
        "peer": label,
        "peer_seconds": float(f"{theirs:.4g}"),
        "ratio": float(f"{ratio:.4g}"),
        "target": f"at least {low}" if faster else between,
        "met": ratio >= low if faster else low <= ratio <= high,
        "note": f"ratio is {'peer / ours' if faster else 'ours / peer'}, medians of {repetitions} "
        f"repetitions in turns; {note}; {THREADS}",
    }
    show(name, f"{mine:.4f}", f"{theirs:.4f}", f"{ratio:.3f}", result["target"], result["met"])
    return result


def show(name, *values):
    print(f"{name:48}", *(f"{value!s:>13}" for value in values), flush=True)


def gaussian(chains, size, keep=()):
    return lambda: recurse(
        Gaussian(0, 1),
        FitGaussian(ddof=1),
        sample_size=size,
        generations=STEPS,
        chains=chains,
        rng=SEED,
        keep=keep,
    )


def bare_draws(chains, size):
    def draw():
        rng = np.random.default_rng(SEED)
        for _ in range(STEPS):
            rng.standard_normal(chains)
            rng.chisquare(size - 1, chains)

    return "the normal and chi-square draws alone", draw


def raw_loop(chains, size, generations):
    """What one writes without the package: raw samples, all chains in one array."""

    def loop():
        rng = np.random.default_rng(SEED)
        mu, sd = np.zeros(chains), np.ones(chains)
        for _ in range(generations):
            x = rng.normal(mu[:, None], sd[:, None], (chains, size))
            mu, sd = x.mean(axis=1), x.std(axis=1, ddof=1)

    return "loop over raw samples, vectorised over chains", loop


def gaussian_rows():
    for chains, most in [(1000, 2), (10_000, 1.25)]:
        ours, kept = gaussian(chains, 100), gaussian(chains, 100, keep=None)
        kept = statistics.median(seconds(kept) for _ in range(5))
        note = f"M = 100, keep=(); {kept:.3g} s when all {STEPS} generations are kept"
        peer = bare_draws(chains, 100)
        yield row(f"{STEPS} Gaussian generations, {chains} chains", ours, peer, 0, most, note)
    for chains in (1000, 10_000):
        huge, peer = gaussian(chains, 10**12), ("ours at M = 100", gaussian(chains, 100))
        note = "numpy draws chi-squares by rejection, at a cost that hardly depends on M"
        yield row(f"M = 10^12 against M = 100, {chains} chains", huge, peer, 0.8, 1.2, note)
    for size, least, steps in [(100, 12, 200), (10_000, 1000, 5)]:
        ours, peer = gaussian(1000, size), raw_loop(1000, size, steps)
        note = f"{STEPS} generations; the peer timed over {steps} and scaled"
        name = f"against raw samples, 1000 chains, M = {size}"
        yield row(name, ours, peer, least, None, note, repetitions=7, scale=STEPS / steps)


def categorical_rows(name, p):
    for steps in (1, 10, 20):
        arguments = {"sample_size": 1000, "generations": steps, "chains": 200, "rng": SEED}
        arguments |= {"reality": Categorical(p), "fit": FitCategorical(len(p))}
        dense = [m.probabilities for m in recurse(**arguments).models[:-1]]

        def bare(dense=dense):
            rng = np.random.default_rng(SEED)
            for probabilities in dense:
                rng.multinomial(1000, probabilities)

        ours = lambda a=arguments: recurse(**a, keep=())  # noqa: E731
        peer = "the multinomial draws alone, from the same dense probabilities", bare
        note = "1000 categories, 200 chains, M = 1000, keep=(); ours draws only what is alive"
        title = f"categorical generations from {name}: {steps}"
        yield row(title, ours, peer, 0, 1.5, note, repetitions=25)


def corpus(size):
    """Return as many words of the addresses in blocks of 64, and the number of distinct words."""
    addresses = [address.text for address in datasets.state_of_the_union()]
    vocabulary = Vocabulary.of(addresses)
    ids = np.concatenate([vocabulary.encode(text) for text in addresses])
    return blocks([np.unique(ids[:size], return_inverse=True)[1]])


def padded(rows):
    """Return trigrams, bigrams and words that end at each word, as NLTK wants them."""
    for row in rows:
        line = ["<s>", "<s>", *map(str, row)]
        for end in range(3, len(line) + 1):
            yield tuple(tuple(line[end - n : end]) for n in (1, 2, 3))


def nltk_model(data, kind, *arguments):
    words = nltk.lm.Vocabulary([*map(str, range(data.max() + 1)), "<s>"])
    model = kind(3, *arguments, vocabulary=words)
    model.fit(padded(data.tolist()))
    return model


def generation(fit, data):
    """Fit, write as much text, and score it."""

    def once():
        model = fit(data)
        corpus_perplexity(model, model.sample(len(data), np.random.default_rng(SEED)))

    return once


def ngram_rows():
    small, large = corpus(200_000), corpus(1_800_000)
    size, words = small.size, int(small.max()) + 1
    fit = FitNGram(3, words, KneserNey((0, 0.1, 0.1)))  # NLTK does not discount its unigrams
    kneser_ney = nltk.lm.KneserNeyInterpolated, 0.1
    model, peer = fit(small), nltk_model(small, *kneser_ney)
    few = small[:1, :16]
    grams = [gram[-1] for gram in padded(few.tolist())]
    assert abs(peer.perplexity(grams) / corpus_perplexity(model, few) - 1) < 1e-6
    start = f"{size} words of {words} types; perplexities agree to 1e-6"
    name, label = "trigram Kneser-Ney, 200,000 words: ", "nltk.lm.KneserNeyInterpolated"
    fitting = label, lambda: nltk_model(small, *kneser_ney)
    yield row(f"{name}fit", lambda: fit(small), fitting, 30, None, start, repetitions=2)
    note, scoring = (
        f"{start}; the peer scored 16 words, scaled",
        (label, lambda: peer.perplexity(grams)),
    )
    score = lambda: corpus_perplexity(model, small)  # noqa: E731
    yield row(f"{name}score", score, scoring, 30, None, note, repetitions=3, scale=size / 16)
    rng, two = np.random.default_rng(SEED), list(map(str, small[0, 9:11]))
    note = (
        f"the peer wrote 2 words after two that {len(peer.context_counts(tuple(two)))} words follow"
    )
    writing = f"{label}.generate", lambda: peer.generate(2, two, SEED)
    write = lambda: model.sample(len(small), rng)  # noqa: E731
    note = f"{note}, scaled; it only ever writes words that followed"
    yield row(f"{name}write", write, writing, 100, None, note, repetitions=3, scale=size / 2)
    plain, simple = FitNGram(3, words, MaximumLikelihood())(small), nltk_model(small, nltk.lm.MLE)
    writing = "nltk.lm.MLE.generate", lambda: simple.generate(500, ["<s>", "<s>"], SEED)
    write = lambda: plain.sample(len(small), rng)  # noqa: E731
    name, note = (
        "trigram maximum likelihood, 200,000 words: write",
        "the peer wrote 500 words, scaled",
    )
    yield row(name, write, writing, 100, None, note, repetitions=3, scale=size / 500)
    ours, theirs = (generation(FitNGram(3, int(d.max()) + 1), d) for d in (large, small))
    name = "a trigram generation of 1,800,000 words, per word"
    note = "modified Kneser-Ney: fit, write as many words, score them"
    peer = "ours at 200,000 words, scaled", theirs
    yield row(name, ours, peer, 0, 2, note, repetitions=3, scale=large.size / small.size)


class TorchVAE:
    """The VAE of the package in PyTorch: the same network, loss and optimiser, in float32."""

    def __init__(self, network, rate=1e-3):
        widths = (network.pixels, *network.hidden)
        self.encoder = self.stack(*widths, 2 * network.latent_dimension)
        self.decoder = self.stack(network.latent_dimension, *widths[::-1])
        layers = [*self.encoder.parameters(), *self.decoder.parameters()]
        # the fastest of the three ways in which PyTorch offers the same optimiser
        self.adam = torch.optim.Adam(layers, lr=rate, fused=True)

    @staticmethod
    def stack(*widths):
        layers = []
        for rows, columns in pairwise(widths):
            layers += [torch.nn.Linear(rows, columns), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    def load(self, weights):
        """Take over the weights of one network of ours."""
        for ours, theirs in [(weights.encoder, self.encoder), (weights.decoder, self.decoder)]:
            for layer, linear in zip(ours, theirs[::2], strict=True):
                linear.weight.data = torch.tensor(layer[:-1].T)
                linear.bias.data = torch.tensor(layer[-1])

    def step(self, x, noise=None):
        """Take one step of training and return the loss before it."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        noise = torch.randn_like(mean) if noise is None else noise
        logits = self.decoder(mean + torch.exp(log_variance / 2) * noise)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        divergence = (mean**2 + log_variance.exp() - 1 - log_variance).sum() / 2
        loss = entropy(logits, x, reduction="sum") + divergence
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss

    def train(self, data, batch, epochs):
        data = torch.from_numpy(data)
        for _ in range(epochs):
            order = torch.randperm(len(data))
            for start in range(0, len(data) - batch + 1, batch):
                self.step(data[order[start : start + batch]])


def loss_difference(network, data, batch, steps=50):
    """Train both from the same weights with the same noise; return the largest relative gap."""
    rng = np.random.default_rng(SEED)
    parameters = rng.normal(0, 0.05, network.size).astype(np.float32)
    weights, peer = network.weights(parameters), TorchVAE(network)
    peer.load(weights)
    slopes, first, second = (np.zeros_like(parameters) for _ in range(3))
    tape, gaps = Tape(weights, (batch,)), []
    for count in range(1, steps + 1):
        tape.x[...] = x = data[rng.integers(len(data), size=batch)]
        rng.standard_normal(out=tape.noise, dtype=np.float32)
        theirs = peer.step(torch.from_numpy(x), torch.tensor(tape.noise)).item()
        forward(weights, tape)
        ours = -elbo(weights, tape).sum()
        gradient(weights, tape, network.weights(slopes))
        step(parameters, slopes, first, second, count, rate=1e-3)
        gaps.append(abs(ours / theirs - 1))
    return max(gaps)


def vae_rows():
    if torch is None:
        print("not measured: PyTorch is not installed (make bench installs it)")
        return
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    numpy_runs = ", ".join(
        f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}"
        for pool in threadpoolctl.threadpool_info()
        if "numpy" in pool["filepath"] and pool["user_api"] == "blas"
    )
    kernels = f"numpy on {numpy_runs or 'an unknown BLAS'}; PyTorch {torch.__version__} on "
    kernels += "MKL" if torch.backends.mkl.is_available() else "a BLAS that is not MKL"
    kernels += f", {torch.backends.cpu.get_cpu_capability()}, fused Adam"
    digits = np.array(datasets.digits().images)
    small = digits.reshape(-1, 28, 28)[:1797, 6:22, 6:22].reshape(-1, 8, 2, 8, 2).mean((2, 4))
    small = np.ascontiguousarray(small.reshape(-1, 64))
    for data, hidden, latent, batch, most, epochs in [
        (small, 256, 2, 128, 1, 10),
        (digits, 400, 20, 128, 1.3, 1),
        (digits, 400, 20, 256, 1.3, 1),
    ]:
        network = Network(data.shape[1], latent, (hidden,), "bernoulli")
        fit = FitVAE(latent, hidden=(hidden,), epochs=epochs, batch=batch)
        if (gap := loss_difference(network, data, batch)) > 1e-5:
            raise RuntimeError(f"the two sides do not compute the same: losses differ by {gap:.1g}")
        sizes = f"{data.shape[1]}-{hidden}-{latent}-{hidden}-{data.shape[1]}"
        note = (
            f"epochs on {len(data)} digits: {epochs}, with new weights; {kernels}; over 50 steps "
        )
        note += f"from the same weights with the same noise the losses differ by {gap:.1g} at most"
        peer = "the same network, loss and optimiser in PyTorch"
        with threadpoolctl.threadpool_limits(1):
            yield row(
                f"VAE {sizes}, batch {batch}",
                lambda f=fit, d=data: f(d, SEED),
                (peer, lambda n=network, d=data, b=batch, e=epochs: TorchVAE(n).train(d, b, e)),
                0,
                most,
                note,
            )


def main():
    show("", "ours / s", "peer / s", "ratio", "target", "met")
    uniform, zipf = np.full(1000, 1e-3), 1 / np.arange(1, 1001)
    results = [*gaussian_rows(), *categorical_rows("uniform", uniform)]
    results += categorical_rows("Zipf", zipf / zipf.sum())
    results += ngram_rows()
    results += vae_rows()
    meta = {
        "command": "python benchmarks/run.py",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "seed": SEED,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    for name, value in [("results.json", results), ("results.meta.json", meta)]:
        (HERE / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
