"""What sends requests: wrk as fast as it can, an open loop at a fixed rate, and idle connections."""
