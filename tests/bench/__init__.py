"""What the gate costs, always against a peer in the same run."""
