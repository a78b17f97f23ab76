"""heapgate: a quality gate that makes "it is done" checkable."""

__version__ = "0.1.0"
