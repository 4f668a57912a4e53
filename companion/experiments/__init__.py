"""The experiments of the paper, as chapters, claims and the long runs of `tools` share them."""
