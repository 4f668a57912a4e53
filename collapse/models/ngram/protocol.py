"""The seam for language models: what the experiment asks of one, and how text is drawn from it."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from collapse import validation
from collapse.models.ngram.decoding import ANCESTRAL


@runtime_checkable
class LanguageModel(Protocol):
    """What the language experiment asks of a model, and no more.

    Its fit is a callable from blocks, shape (chains, size, length), to one; a fit that shuffles, or
    goes on from the newest generation, also has ``prepared(newest, rng)``. Then text is written
    with every decoder and after prompts if the model can, and `decoding.continued` can for it,
    given nothing but a law of the next word.
    """

    def generate(self, size, rng, decoder, prompts):
        """Write blocks, shape (..., size, length), each after its prompt, if there are prompts."""

    def log_probabilities(self, blocks):
        """Log probability of each word of blocks, shape (..., size, length), in nats."""


@dataclass(frozen=True, eq=False)
class Generated:
    """How a recursion draws text, its ``draw``: reality as it is, models with a `decoder`.

    `prompts`, shape (P, length), are what models continue: real text, in the paper. Each draw
    continues another selection of them, without replacement. By default blocks are written from
    their start.
    """

    decoder: Any = ANCESTRAL
    prompts: np.ndarray | None = None

    def __post_init__(self):
        if self.prompts is not None:
            prompts = np.array(validation.categories("prompts", self.prompts, 2**31))
            if prompts.ndim != 2:
                raise ValueError(f"prompts must have shape (P, length), got {prompts.shape}")
            object.__setattr__(self, "prompts", prompts)

    def __call__(self, model, size, rng):
        """Draw blocks, shape (chains, size, length)."""
        if not hasattr(model, "generate"):
            return model.sample(size, rng)
        if self.prompts is None:
            return model.generate(size, rng, self.decoder, None)
        most = len(self.prompts)
        if size > most:
            raise ValueError(f"sample_size must be at most the {most} prompts, got {size}")
        chosen = self.prompts[np.sort(rng.choice(most, size, replace=False))]
        return model.generate(size, rng, self.decoder, chosen)
