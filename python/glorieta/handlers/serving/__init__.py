"""From requests as they arrive to running handlers."""
