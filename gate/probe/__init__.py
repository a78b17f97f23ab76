"""What runs inside the measured child process: light, alone, and adding nothing to what it measures."""
