"""Seeded mixtures of components whose truth is known: clean ones, and at most one that leaks."""
