"""A labelled archive becomes a model."""
