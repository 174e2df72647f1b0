"""Predictions beside truth: figures, in groups, of positive classes, by corrections and audits."""
