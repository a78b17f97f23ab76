"""Tasks: in which store they are, which checks decide about one, what was written, and whether it is still so."""

from gate.tasking.acceptance import asked
from gate.tasking.stores import STORES, of_revision, open_store
from gate.tasking.written import change, lost, notes, now, undo

__all__ = ["STORES", "asked", "change", "lost", "notes", "now", "of_revision", "open_store", "undo"]
