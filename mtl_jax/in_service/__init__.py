"""Lines in service, real ones (a rig, sales) and simulated ones (engines, a plant): sources of events whose labels come
late, and the methods that are replayed on them.
"""
