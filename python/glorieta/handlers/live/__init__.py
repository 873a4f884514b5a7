"""What a handler does while it runs: calls to upstreams, several at once, and what their failing means."""
