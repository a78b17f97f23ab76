"""What the remedies save, shown on agents that are measured before and after."""
