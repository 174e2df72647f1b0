"""Models as distributions: those that are installed, found by name, and how one is made."""
