"""The mathematics of model collapse, computed.

Import from the modules: ``collapse.recursion`` holds the loop, ``collapse.models`` what is fitted,
``collapse.policies`` what the next generation learns from, ``collapse.measure`` what is measured
and ``collapse.theory`` what is known in closed form.
"""

__version__ = "0.1.0"
