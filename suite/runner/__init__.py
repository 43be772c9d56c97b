"""The stages of a trial and where trials run: workers of this machine, Ray, schedule; merging and importing runs."""
