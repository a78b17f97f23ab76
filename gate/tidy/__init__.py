"""The only room that changes the tree before it is measured: style and sweep."""
