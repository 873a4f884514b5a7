"""glorieta and its peers in one run: CPU time per request, latency and memory, as ratios.

Absolute figures depend on the machine and the hour; ratios of figures taken in turn on the same machine
are what can be compared. `python -m bench` is what `make bench` calls.
"""
