"""Families of models: immutable records of parameters, and the fits that make them from data.

A model has ``sample(size, rng)`` and ``logpdf(x)`` or ``logpmf(x)``. Where the family has
sufficient statistics it also has ``statistics(size, rng)``: the statistics of a sample of that
size, drawn with the same law as by sampling, at a cost that does not depend on the size.
``broadcast(chains)`` lays one model over a batch of chains. A fit is a callable from data (raw
samples with one batch axis per chain, or sufficient statistics) to a model; its hyper-parameters
are bound beforehand.

A fit that draws random numbers, or that starts from the newest generation, also has
``prepared(newest, rng)``. The recursion calls it once a generation, after the data have been drawn,
and fits with the callable that it returns: a fit to which the newest model (reality, for the first
fit) and the generator are bound. The generator is drawn from and never spawned or kept, so that a
continued run has the numbers of an uninterrupted one.

Models of language also write text with a decoder and after prompts, and score it word by word:
`collapse.models.ngram.protocol.LanguageModel` says what is asked, so that a neural one can take the
place of the n-grams.
"""
