"""What keeps an engine on its configuration: watching, reloading, draining, and the socket to ask for it.

The modules that the serving process imports (`serve` and what it needs) use the standard library and the
engine only; what loads configurations is `child`, a program of its own that ends when it has answered.
"""
