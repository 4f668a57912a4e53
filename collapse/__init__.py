"""The mathematics of model collapse, computed.

Import from the modules: ``collapse.recursion`` holds the loop, ``collapse.models`` what is fitted,
``collapse.policies`` what the next generation learns from, ``collapse.metrics`` what is measured,
``collapse.theory`` what is known in closed form and ``collapse.claims`` the ledger of claims.
"""

__version__ = "0.1.0"
