"""The service behind every contender: an NGINX that answers at once with fixed bodies."""

from __future__ import annotations

import getpass
import grp
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bench.backend.services import SERVICES
from bench.template import render

if TYPE_CHECKING:
    from bench.processes import Child, Children

TEMPLATE = Path(__file__).with_name("nginx.conf")
LARGE_BYTES = 64 * 1024


def user_and_group() -> str:
    """As NGINX's `user` wants it: started by root it would else become somebody who cannot read these files."""
    return f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}"


def start(children: Children, binary: Path, core: int, folder: Path, port: int) -> Child:
    folder.mkdir(parents=True)
    (folder / "large").write_bytes(b"glorieta " * (LARGE_BYTES // 9) + b"." * (LARGE_BYTES % 9))
    for name, document in SERVICES.items():
        (folder / name).write_text(document)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        render(TEMPLATE.read_text(), {"PORT": port, "FOLDER": folder, "USER_AND_GROUP": user_and_group()})
    )
    command = [str(binary), "-p", str(folder), "-e", str(folder / "nginx.errors"), "-c", str(configuration)]
    return children.start("backend", command, core, folder)
