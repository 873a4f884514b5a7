"""Other proxies of Debian's, as peers: each a process of its own in a folder of its own, ended by its id."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from harness.process import die_with_parent
from harness.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
HAPROXY_DEFAULTS = """
global
    maxconn 200
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""


class Proxy:
    """A program that is ready once its TCP ports accept."""

    def __init__(self, command: Sequence[str], ports: Sequence[int], folder: Path):
        self.errors = folder / "errors"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, preexec_fn=die_with_parent
            )
        wait_until(lambda: self.accepts(ports), 10.0, f"readiness of {command[0]}")

    def accepts(self, ports: Sequence[int]) -> bool:
        assert self.process.poll() is None, self.errors.read_text()
        return all(is_open(port) for port in ports)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def haproxy(folder: Path, text: str, ports: Sequence[int]) -> Proxy:
    """HAProxy with these sections below a few defaults."""
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY_DEFAULTS + text)
    return Proxy([shutil.which("haproxy") or "haproxy", "-db", "-f", str(file)], ports, folder)


def nginx(folder: Path, *, http: str = "", stream: str = "", ports: Sequence[int]) -> Proxy:
    """NGINX with these servers, one process without rights of root."""
    temporary = " ".join(
        f"{name}_temp_path {folder / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    load = f"load_module {STREAM_MODULE};" if stream and STREAM_MODULE.exists() else ""
    parts = [
        f"{load} daemon off; master_process off; pid {folder / 'nginx.pid'}; events {{}}",
        f"http {{ access_log off; {temporary} {http} }}",
        f"stream {{ {stream} }}" if stream else "",
    ]
    file = folder / "nginx.conf"
    file.write_text("\n".join(parts))
    return Proxy([shutil.which("nginx") or "nginx", "-c", str(file), "-e", str(folder / "log")], ports, folder)
