"""The command line: one file per command; `main` puts them together.

What they share: `exits` (exit codes), `options` (arguments that mean the same everywhere) and `output`.
Commands import what they need inside, so that `--help` and completion answer at once.
"""
