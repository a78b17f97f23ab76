"""Long proofs: error rates of the gate over thousands of generated programs."""
