"""Comparison of methods by cross-validation that keeps lesions together."""
