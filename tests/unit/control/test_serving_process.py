"""What the serving process imports: its memory is what an idle glorieta costs."""

from __future__ import annotations

import subprocess
import sys

FORBIDDEN = (
    "cryptography",
    "pydantic",
    "pydantic_core",
    "yaml",
    "typer",
    "click",
    "rich",
    "watchfiles",
    "asyncio",
    "hashlib",
    "ssl",
)


def imported_by(statement: str) -> set[str]:
    """The modules that are there after a statement in a fresh Python."""
    program = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_it_imports_nothing_that_only_loading_or_a_person_needs() -> None:
    modules = imported_by("import glorieta.control.serve, glorieta.control.watch, glorieta.control.inotify")
    assert {"glorieta.engine", "glorieta.control.loop"} <= modules
    assert not modules & set(FORBIDDEN)
    assert not {name for name in modules if name.startswith(("glorieta.config", "glorieta.plan", "glorieta.cli"))}


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert not imported_by("import glorieta") & set(FORBIDDEN)


def test_whoever_has_no_tls_does_not_pay_for_the_library_of_certificates() -> None:
    edge = "Edge.model_validate({'listeners': {'web': {'bind': ':80', 'respond': 'ok'}}})"
    imports = (
        "import glorieta.cli.main\nfrom glorieta.config import Edge\nfrom glorieta.plan import build_edge, explain\n"
    )
    assert "cryptography" not in imported_by(f"{imports}explain(build_edge({edge})).text(80)")
