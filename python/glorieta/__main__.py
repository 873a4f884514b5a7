"""`python -m glorieta` is the command `glorieta`."""

from __future__ import annotations

from glorieta.cli.main import main

if __name__ == "__main__":
    main()
