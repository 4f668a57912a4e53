"""Families of models: immutable records of parameters, and the fits that make them from data.

A model has ``sample(size, rng)`` and ``logpdf(x)`` or ``logpmf(x)``. Where the family has
sufficient statistics it also has ``statistics(size, rng)``: the statistics of a sample of that
size, drawn with the same law as by sampling, at a cost that does not depend on the size.
``broadcast(chains)`` lays one model over a batch of chains. A fit is a callable from data (raw
samples with one batch axis per chain, or sufficient statistics) to a model; its hyper-parameters
are bound beforehand.
"""
