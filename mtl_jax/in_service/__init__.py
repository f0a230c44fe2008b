"""Real lines in service: four sources of events whose labels come late, and the methods that are replayed on them."""
