"""The page in a real browser: nox -s page."""
