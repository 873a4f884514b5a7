"""`glorieta dev`: a page with the last requests of handlers, beside a `glorieta run` that knows nothing of it.

Handler processes tell each request that has ended to a socket (`telling`); a process of its own keeps the last ones
and serves the page (`page`), and ends with the one that runs. Nobody waits for it.
"""
