"""Policies: what must hold, as YAML under `policies/`; read whole, or refused with every mistake in it."""

from gate.policy.load import FOLDER, load, parse, schema_text
from gate.policy.models import ALL, FILES, Policy

__all__ = ["ALL", "FILES", "FOLDER", "Policy", "load", "parse", "schema_text"]
