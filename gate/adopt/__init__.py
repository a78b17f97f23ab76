"""From a repository that never heard of the gate to one that passes it: look, measure, propose, and write what is new."""
