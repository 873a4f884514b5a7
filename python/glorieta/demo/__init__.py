"""What `glorieta demo` does: three real services, one glorieta in front, load, and a kill in the middle; then two
frontends with a backend of its own each.

It exists so that a newcomer sees the promise kept on their own machine before reading anything: no
idempotent request fails when an endpoint dies, and what cannot be saved is counted and named.
"""
