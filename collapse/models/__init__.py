"""Families of models: immutable records of parameters, and the fits that make them from data.

Shapes: a model holds one law for each entry of its batch, which stands in front: a parameter of
shape (...) is a number of each law, one of shape (..., d) a vector. Draws have a sample axis behind
the batch and then the axes of one draw: (..., size), or (..., size, d) for vectors. The records of
this package stand on `base.Record`, which indexes their batch and lays one law over it.

A model has, in the units of the data and in nats:

sample(size, rng) : draws, shape (..., size) or (..., size, d)
logpdf(x), logpmf(x) : the log density or probability at x, NaN at NaN, shape (..., n)
broadcast(chains) : the one model laid over a batch of chains; ``model[index]`` picks from a batch
statistics(size, rng) : where the family has them, the sufficient statistics of a sample of that
    size, drawn with the same law as by sampling, at a cost that does not depend on the size
mean, variance, covariance, total_variance, entropy, cdf(x), quantiles(scores) : where known, see
    `collapse.measure`

A fit is a callable from ``data`` (raw samples with one batch axis per chain, or sufficient
statistics) to a model; its hyper-parameters are bound beforehand. It may have:

minimum_size : the smallest sample that it accepts
limit(truth) : the fit to endless samples of a law, see `population.population_fit`
prepared(newest, rng) : a fit that draws random numbers, or that starts from the newest generation.
    The recursion calls it once a generation, after the data have been drawn, and fits with the
    callable that it returns: a fit to which the newest model (reality, for the first fit) and the
    generator are bound. The generator is drawn from and never spawned or kept, so that a continued
    run has the numbers of an uninterrupted one.

Models of language also write text with a decoder and after prompts, and score it word by word:
`collapse.models.ngram.protocol.LanguageModel` says what is asked, so that a neural one can take the
place of the n-grams.
"""
