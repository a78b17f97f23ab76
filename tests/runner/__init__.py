"""A runner of GitHub Actions that is played on this machine, as far as our workflows need one."""
