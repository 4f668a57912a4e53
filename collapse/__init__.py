"""The mathematics of model collapse, computed.

Import from the modules: ``collapse.recursion`` holds the loop, ``collapse.models`` what is fitted,
``collapse.policies`` what the next generation learns from, ``collapse.measure`` what is measured
and ``collapse.theory`` what is known in closed form. What is the same everywhere:

chains : independent runs of the recursion, which advance together along the first axis of all data
    and parameters
generations : N, the number of fits; generation 0 is reality, so that there are N + 1
sample_size : M_n, the number of data that generation n + 1 learns from: a number, a sequence, or a
    callable of n
ddof : a fitted variance divides by M - ddof, 1 without bias, 0 for maximum likelihood
rng : a seed or a numpy Generator; the same seed gives the same numbers on the same versions
shapes : batch axes, one entry for each chain, then the sample axis, then the axes of one datum
units : entropies and divergences are in nats, distances squared and in squared units of the data

Bad input raises ValueError with the argument, its value and what is allowed, before any work is
done.
"""

__version__ = "0.1.0"
