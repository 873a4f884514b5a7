"""How machines come to believe the authority: the commands for it, to be shown first and run only then."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

NICKNAME = "glorieta local"
PROFILES = (".mozilla/firefox", "snap/firefox/common/.mozilla/firefox", ".config/mozilla/firefox")
"""Where Firefox has the folders of its profiles."""


@dataclass(frozen=True)
class Store:
    """A system's store: where files of authorities are put, and what reads them."""

    folder: str
    suffix: str
    program: tuple[str, ...]


STORES = (
    Store("/usr/local/share/ca-certificates", ".crt", ("update-ca-certificates",)),
    Store("/etc/pki/ca-trust/source/anchors", ".pem", ("update-ca-trust", "extract")),
    Store("/usr/share/pki/trust/anchors", ".pem", ("update-ca-certificates",)),
    Store("/etc/ca-certificates/trust-source/anchors", ".crt", ("update-ca-trust",)),
)
"""Debian and its kin, Fedora and its kin, SUSE, Arch; the first whose folder and program are there."""


@dataclass(frozen=True)
class Step:
    """One command, and what it is for."""

    what: str
    command: tuple[str, ...]

    @property
    def text(self) -> str:
        return shlex.join(self.command)


@dataclass(frozen=True)
class Trusting:
    """What is to be done on this machine, and what cannot be."""

    steps: tuple[Step, ...]
    missing: tuple[str, ...]


def trusting(authority: Path, *, remove: bool = False) -> Trusting:
    """The steps by which this machine believes the authority; `remove`: by which it does so no more."""
    steps: list[Step] = []
    missing: list[str] = []
    store = next((each for each in STORES if Path(each.folder).is_dir() and shutil.which(each.program[0])), None)
    if store is None:
        missing.append("the system's store: none that is known is here (Debian: apt install ca-certificates)")
    else:
        steps += system_steps(store, authority, remove)
    databases = browser_databases(Path.home())
    if databases and not shutil.which("certutil"):
        missing.append("browsers' stores: certutil is not here (Debian: apt install libnss3-tools)")
    elif databases:
        steps += [browser_step(database, authority, remove) for database in databases]
    return Trusting(tuple(steps), tuple(missing))


def system_steps(store: Store, authority: Path, remove: bool) -> list[Step]:
    root = () if os.geteuid() == 0 else ("sudo",)
    target = f"{store.folder}/glorieta-local{store.suffix}"
    if remove:
        first = Step("take it out of the system's store", (*root, "rm", "-f", target))
    else:
        copy = (*root, "install", "-m", "644", str(authority), target)
        first = Step("put it into the system's store: curl, Python, Go and others believe it", copy)
    return [first, Step("have the system read its store again", (*root, *store.program))]


def browser_step(database: Path, authority: Path, remove: bool) -> Step:
    where = ("certutil", "-d", f"sql:{database}")
    if remove:
        return Step(f"take it out of {database}", (*where, "-D", "-n", NICKNAME))
    return Step(f"put it into {database}", (*where, "-A", "-t", "C,,", "-n", NICKNAME, "-i", str(authority)))


def browser_databases(home: Path) -> list[Path]:
    """Those of Chromium and its kin, and of each profile of Firefox."""
    found = [home / ".pki/nssdb"]
    for each in PROFILES:
        found += sorted((home / each).glob("*"))
    return [folder for folder in found if (folder / "cert9.db").is_file()]
