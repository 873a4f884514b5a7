"""Where a running glorieta and somebody who looks for it meet: sockets named by the configuration's path."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST_FOLDER = 107 - len("/0123456789abcdef.control")
"""The kernel's bound for a socket's path is 107 bytes."""


def identity(references: Sequence[str], is_object: Callable[[str], bool]) -> str:
    """The absolute text of what is run. Links are kept: which file they lead to changes with a deployment."""
    return " + ".join(identity_of_one(reference, is_object(reference)) for reference in references)


def identity_of_one(reference: str, is_object: bool) -> str:
    module = reference.partition(":")[0]
    is_module = is_object and not module.endswith(".py")
    return f"{os.getcwd()}:{reference}" if is_module else os.path.abspath(reference)


@dataclass(frozen=True)
class Sockets:
    """The two sockets of one running configuration."""

    folder: Path
    name: str

    @property
    def control(self) -> Path:
        return self.folder / f"{self.name}.control"

    @property
    def admin(self) -> Path:
        return self.folder / f"{self.name}.admin"


def name_of(identity: str) -> str:
    return hashlib.blake2s(os.fsencode(identity), digest_size=8).hexdigest()


def own_sockets(identity: str) -> Sockets | None:
    """Where this process puts its sockets, in the first folder that is safe; None: there is none."""
    for folder in own_folders():
        if len(os.fsencode(folder)) <= LONGEST_FOLDER and make_safe(folder):
            return Sockets(folder, name_of(identity))
    return None


def own_folders() -> Iterator[Path]:
    """systemd's RuntimeDirectory=, the user's runtime folder, root's, the temporary folder."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        yield Path(given.split(":")[0])
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "glorieta")
    if os.geteuid() == 0:
        yield Path("/run/glorieta")
    yield temporary_folder(os.geteuid())


def temporary_folder(user: int) -> Path:
    return Path(tempfile.gettempdir(), f"glorieta-{user}")


def make_safe(folder: Path) -> bool:
    """Makes the folder if it is missing; whether it is ours and nobody else may write to it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat() if folder.parent == Path(tempfile.gettempdir()) else folder.stat()
    except OSError:
        return False
    ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
    return ours and not facts.st_mode & 0o022 and os.access(folder, os.W_OK)


def find_control(identity: str) -> list[Path]:
    """The control sockets that may be of this configuration, best first."""
    return [path for folder in all_folders() if is_socket(path := folder / f"{name_of(identity)}.control")]


def every_control() -> list[Path]:
    """The control sockets of everything that seems to run here."""
    return [path for folder in all_folders() for path in sorted(folder.glob("*.control")) if is_socket(path)]


def all_folders() -> Iterator[Path]:
    """Where a glorieta may have put its socket that this user may talk to."""
    folders = dict.fromkeys([*own_folders(), Path("/run/glorieta")])
    if os.geteuid() == 0:
        folders.update(dict.fromkeys(sorted(Path("/run/user").glob("*/glorieta"))))
        folders.update(dict.fromkeys(sorted(Path(tempfile.gettempdir()).glob("glorieta-*"))))
    yield from (folder for folder in folders if is_trusted(folder))


def is_trusted(folder: Path) -> bool:
    """Whether nobody but us, its owner and root can have put a socket there."""
    try:
        facts = folder.stat()
    except OSError:
        return False
    return not facts.st_mode & 0o022 and (os.geteuid() == 0 or facts.st_uid in (0, os.geteuid()))


def is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
