"""Reading: every figure of every report, as plain rows. Pages, CSV and API call these and nothing else."""
