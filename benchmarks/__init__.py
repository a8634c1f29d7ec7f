"""`make bench`: what labelcrm reaches, as ratios to a limit measured in the same run. How to read it: docs/performance.md."""
