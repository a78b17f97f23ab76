"""What lasts: evidence by tree, files, the commit and the status of a task."""
