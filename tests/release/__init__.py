"""What must hold of a wheel and an sdist before anybody gets them."""
