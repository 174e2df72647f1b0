"""Labelled archives and honest splits."""
