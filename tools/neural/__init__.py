"""Parts of tools/recurse_language_model.py: its text, and the network that learns from it."""
