"""The real NGINX with a configuration of the corpus: one process of its own, ended by its id."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness import wait_until
from harness.process import die_with_parent

from .layout import lay_out, write

if TYPE_CHECKING:
    from .corpus import Case
    from .layout import Layout, Service

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
GLOBAL = re.compile(
    r"^[ \t]*(?:user|pid|error_log|daemon|master_process|load_module|worker_processes)\s[^;{}]*;", re.MULTILINE
)
LOGS = re.compile(r"\b(?:access_log|error_log)\s[^;{}]*;")
HTTP = re.compile(r"^([ \t]*http\s*\{)", re.MULTILINE)
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """One process of the real NGINX, in a folder of its own: no daemon, no workers, no rights of root."""

    def __init__(self, case: Case, folder: Path, services: dict[str, Service]) -> None:
        self.folder = folder
        self.errors = folder / "nginx-errors"
        self.layout = lay_out(case, folder, "n", services, self.adapted)
        make_certificates(self.layout)

    def adapted(self, text: str) -> str:
        """Without what a process of its own cannot have; lines stay where they are."""
        text = LOGS.sub("", GLOBAL.sub("", text))
        temporary = self.folder / "var" / "temp"
        kept = " ".join(
            f"{name}_temp_path {temporary / name};" for name in TEMPORARY if f"{name}_temp_path" not in text
        )
        return HTTP.sub(rf"\1 access_log off; {kept}", text)

    def start(self) -> Nginx:
        module = f"load_module {STREAM_MODULE}; " if STREAM_MODULE.exists() else ""
        settings = f"{module}daemon off; master_process off; pid {self.folder / 'nginx.pid'};"
        binary = shutil.which("nginx") or "nginx"
        main = self.layout.nginx / "nginx.conf"
        command = [binary, "-p", str(self.folder), "-c", str(main), "-e", str(self.errors), "-g", settings]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        wait_until(self.serves, 10.0, "NGINX's readiness")
        return self

    def serves(self) -> bool:
        if self.process.poll() is not None:
            assert self.process.stderr
            raise AssertionError(f"nginx ended: {self.process.stderr.read().decode()}{self.errors.read_text()}")
        return all(listens(port) for name, port in self.layout.ports.items() if name not in self.layout.datagrams)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()


def make_certificates(layout: Layout) -> None:
    """A certificate, and its key in the same file, wherever a configuration names one."""
    for path in [each for each in layout.nginx.rglob("*") if each.is_file()]:
        for name in re.findall(r"\bssl_certificate(?:_key)?\s+(\S+);", path.read_text(encoding="utf-8")):
            write(Path(name), certificate())


@cache
def certificate() -> str:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "-")
    command = ["openssl", "req", "-x509", *key, "-subj", "/CN=shop.example", "-days", "2", "-out", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout


def lacking(case: Case) -> str | None:
    """What a configuration needs that this machine does not have."""
    texts = [(case.folder / each).read_text(encoding="utf-8") for each in case.files()]
    if any(re.search(r"^stream \{", text, re.MULTILINE) for text in texts) and not STREAM_MODULE.exists():
        return "NGINX's stream module is not installed; on Debian: apt install libnginx-mod-stream"
    if any("listen [::]:" in re.sub(" +", " ", text) for text in texts) and not has_ipv6():
        return "this machine has no IPv6"
    return None


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
