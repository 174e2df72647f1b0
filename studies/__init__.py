"""Experiments of a researcher."""
