"""Pictures of the reports, all made from one run over one small repository."""
