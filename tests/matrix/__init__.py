"""Every feature through every pair of protocols: what a client speaks, and what the upstream speaks."""
