"""What git knows of a repository: its work tree, its revisions, its index; one door to the git program, in worktree."""
