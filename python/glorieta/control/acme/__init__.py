"""ACME (RFC 8555): orders certificates, proves their names, renews them.

`keeper` belongs to the serving process and is thrifty. Everything else runs in a short-lived process of its own
(`child`), which knows the libraries for it: it looks at what is there, does what is due, says when to look again, and
ends. What it keeps lies in `storage`; when something is due is decided in `schedule`, without clock and dice.
"""
