"""Structures that agents use to weigh less; they know nothing of the gate."""
