"""Broken meters and judges that the tests must notice."""
