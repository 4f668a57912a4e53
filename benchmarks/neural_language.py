"""The neural language model beside the same one in PyTorch."""

import numpy as np
import threadpoolctl
from timing import SEED, row

from collapse.models.neural_language import FitNeuralLanguage, Tape, forward, gradient
from collapse.models.ngram.text import Vocabulary, blocks
from collapse.models.optimiser import Adam
from companion.datasets import corpus

try:  # `make bench` installs it; the tests and the book do without
    import torch
except ImportError:
    torch = None


class TorchLanguage:
    """The network of the package in PyTorch: the same layers, loss and optimiser, in float32."""

    def __init__(self, shape, rate):
        words, inputs = shape.vocabulary_size, shape.context * shape.width
        self.vectors = torch.nn.Embedding(words + 1, shape.width)
        layers = torch.nn.Linear(inputs, shape.units), torch.nn.Linear(shape.units, words)
        self.network = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1])
        parameters = [*self.vectors.parameters(), *self.network.parameters()]
        self.adam = torch.optim.Adam(parameters, lr=rate, fused=True)

    def load(self, layers):
        """Take over the weights of one network of ours."""
        self.vectors.weight.data = torch.tensor(layers.vectors)
        for ours, linear in zip(layers[1:], self.network[::2], strict=True):
            linear.weight.data = torch.tensor(ours[:-1].T).contiguous()
            linear.bias.data = torch.tensor(ours[-1])

    def step(self, contexts, words):
        """Take one step of training and return the loss before it."""
        logits = self.network(self.vectors(contexts).flatten(1))
        loss = torch.nn.functional.cross_entropy(logits, words, reduction="sum")
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss

    def train(self, contexts, words, batch, epochs):
        contexts, words = torch.from_numpy(contexts), torch.from_numpy(words)
        for _ in range(epochs):
            order = torch.randperm(len(words))
            for start in range(0, len(words) - batch + 1, batch):
                some = order[start : start + batch]
                self.step(contexts[some], words[some])


def places(data, context, words):
    """Return the words before each place, shape (n, k), and the words there, shape (n,)."""
    padded = np.pad(data, ((0, 0), (context, 0)), constant_values=words)
    before = np.lib.stride_tricks.sliding_window_view(padded, context, axis=1)[:, :-1]
    return before.reshape(-1, context).astype(np.int64), data.ravel().astype(np.int64)


def loss_difference(fit, contexts, words, steps=50):
    """Train both from the same weights on the same batches; return the largest relative gap."""
    rng, shape = np.random.default_rng(SEED), fit.shape
    parameters = rng.normal(0, 0.1, (1, shape.size)).astype(np.float32)
    layers, peer = shape.layers(parameters), TorchLanguage(shape, fit.rate)
    peer.load(shape.layers(parameters[0]))
    slopes, adam = np.zeros_like(parameters), Adam(parameters[0], fit.rate)
    tape, gaps = Tape(shape, layers, fit.batch), []
    for _ in range(steps):
        some = rng.integers(len(words), size=fit.batch)
        before, here = contexts[some], words[some]
        theirs = peer.step(torch.from_numpy(before), torch.from_numpy(here)).item()
        tape.units[..., -1] = 1
        ours = -forward(layers, before[None], tape, here[None]).sum()
        gradient(layers, before[None], here[None], tape, shape.layers(slopes))
        adam.step(slopes[0])
        gaps.append(abs(ours / theirs - 1))
    return max(gaps)


def neural_rows():
    if torch is None:
        print("not measured: PyTorch is not installed (make bench installs it)")
        return
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    for size, words, units in ((500, 1500, 64), (1000, 4000, 100)):
        documents = corpus().documents[:20]
        vocabulary = Vocabulary.of(documents, words - 1)
        data = blocks([vocabulary.encode(text) for text in documents])[:size]
        fit = FitNeuralLanguage(words, units=units, epochs=1)
        contexts, here = places(data, fit.context, words)
        if (gap := loss_difference(fit, contexts, here)) > 1e-5:
            raise RuntimeError(f"the two sides do not compute the same: losses differ by {gap:.1g}")
        note = (
            f"one epoch on {here.size} words in batches of {fit.batch}, with new weights; "
            f"PyTorch {torch.__version__}, fused Adam; over 50 steps from the same weights the "
            f"losses differ by {gap:.1g} at most"
        )
        peer = "the same network, loss and optimiser in PyTorch"
        with threadpoolctl.threadpool_limits(1):
            yield row(
                f"neural language model, {words} words, {units} units",
                lambda f=fit, d=data: f(d, SEED),
                (
                    peer,
                    lambda f=fit, c=contexts, h=here: TorchLanguage(f.shape, f.rate).train(
                        c, h, f.batch, f.epochs
                    ),
                ),
                0,
                1,
                note,
                repetitions=5,
            )
