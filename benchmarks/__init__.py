"""`make bench`: what labelcrm reaches, as ratios to a limit of the same run. How to read it: docs/performance.md."""
