"""Autoencoders beside the same ones in PyTorch."""

from itertools import pairwise

import numpy as np
import threadpoolctl
from timing import SEED, row

from collapse.models.optimiser import Adam
from collapse.models.vae import FitVAE
from collapse.models.vae_network import Network, Tape, elbo, forward, gradient
from companion import datasets

try:  # `make bench` installs it; the tests and the book do without
    import torch
except ImportError:
    torch = None


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
    slopes, adam = np.zeros_like(parameters), Adam(parameters, rate=1e-3)
    tape, gaps = Tape(weights, (batch,)), []
    for _ in range(steps):
        tape.x[...] = x = data[rng.integers(len(data), size=batch)]
        rng.standard_normal(out=tape.noise, dtype=np.float32)
        theirs = peer.step(torch.from_numpy(x), torch.tensor(tape.noise)).item()
        forward(weights, tape)
        ours = -elbo(weights, tape).sum()
        gradient(weights, tape, network.weights(slopes))
        adam.step(slopes)
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
