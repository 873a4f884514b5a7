"""The command line: one file per command; `main` puts them together.

What they share: `options` (arguments that mean the same everywhere), `output`, `running` and `serving`. Exit codes
are in `control.exits`.
Commands import what they need inside, so that `--help` and completion answer at once.
"""
