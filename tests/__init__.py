"""Tests of the gate, and the populations that it measures."""
