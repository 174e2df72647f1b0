"""Vectors become calibrated probabilities."""
