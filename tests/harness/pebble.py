"""Pebble, Let's Encrypt's test issuer, with a DNS server of its own. `tools/pebble` installs both."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.certificates import Authority
from harness.process import CHECKOUT, die_with_parent
from harness.waiting import unused_port, wait_until

if TYPE_CHECKING:
    from datetime import datetime

SHORT = 30
"""Seconds that a certificate of the profile `short` lives."""
LONG = 90 * 86400
NONCES = "20"
"""Per cent of good nonces that are refused: a client has to send such requests again."""


def program(name: str) -> str | None:
    """Where it is; none: nowhere."""
    folder = Path(os.environ.get("CARGO_TARGET_DIR") or CHECKOUT / "target") / "tools"
    return str(folder / name) if (folder / name).exists() else shutil.which(name)


@dataclass
class Pebble:
    """A running one. Every name leads to 127.0.0.1, at these two ports."""

    folder: Path
    http_port: int = field(default_factory=unused_port)
    tls_port: int = field(default_factory=unused_port)
    port: int = field(default_factory=unused_port)
    management: int = field(default_factory=unused_port)
    dns: int = field(default_factory=unused_port)
    dns_management: int = field(default_factory=unused_port)
    accounts: dict[str, str] = field(default_factory=dict)
    """Keys of external accounts by id (base64url); some: nobody comes in without."""
    blocked: tuple[str, ...] = ("blocked.example",)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.authority = Authority("Pebble's own")
        self.authorities = self.authority.write(self.folder, "pebble-ca")
        self.files = self.authority.leaf("localhost", "127.0.0.1").write(self.folder, "pebble")
        self.trust = ssl.create_default_context(cafile=self.authorities)

    @property
    def directory(self) -> str:
        return f"https://localhost:{self.port}/dir"

    def start(self) -> Pebble:
        certificate, key = self.files
        configuration = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "externalAccountBindingRequired": bool(self.accounts),
            "externalAccountMACKeys": self.accounts,
            "domainBlocklist": list(self.blocked),
            "retryAfter": {"authz": 1, "order": 1},
            "profiles": {
                "long": {"description": "as usual", "validityPeriod": LONG},
                "short": {"description": "for renewal", "validityPeriod": SHORT},
            },
        }
        file = self.folder / "pebble.json"
        file.write_text(json.dumps({"pebble": configuration}))
        nothing = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv6", ""]
        dns = ["-dnsserver", f"127.0.0.1:{self.dns}", "-management", f"127.0.0.1:{self.dns_management}"]
        self.run("pebble-challtestsrv", *nothing, *dns)
        self.run("pebble", "-config", str(file), "-dnsserver", f"127.0.0.1:{self.dns}")
        wait_until(self.answers, 20.0, "pebble's readiness")
        return self

    def run(self, name: str, *arguments: str) -> None:
        where = program(name)
        assert where is not None
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": NONCES, "PEBBLE_AUTHZREUSE": "0"}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [where, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **quick},
                preexec_fn=die_with_parent,
            )
        self.processes.append(process)

    def answers(self) -> bool:
        for process in self.processes:
            assert process.poll() is None, (self.folder / "pebble.log").read_text()
        with contextlib.suppress(OSError):
            self.ask(self.directory)
            # The DNS server has to be there as well.
            self.post_dns("clear-txt", {"host": "nothing.example."})
            return True
        return False

    def ask(self, url: str, data: bytes | None = None) -> bytes:
        with urllib.request.urlopen(url, data, timeout=10, context=self.trust) as answer:
            body: bytes = answer.read()
        return body

    def post_dns(self, action: str, document: dict[str, Any]) -> None:
        url = f"http://127.0.0.1:{self.dns_management}/{action}"
        with urllib.request.urlopen(url, json.dumps(document).encode(), timeout=10) as answer:
            answer.read()

    def wish(self, certificate: Path, start: datetime, end: datetime) -> None:
        """Has the issuer say that a certificate is to be renewed between these moments."""
        window = {"start": start.isoformat(), "end": end.isoformat()}
        response = {"suggestedWindow": window, "explanationURL": "https://pebble.example/why"}
        pem = certificate.read_text()
        only = pem[pem.index("-----BEGIN CERTIFICATE") :].partition("-----END CERTIFICATE-----")
        document = {"certificate": "".join(only[:2]) + "\n", "ariResponse": json.dumps(response)}
        self.ask(f"https://localhost:{self.management}/set-renewal-info/", json.dumps(document).encode())

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)
        self.processes.clear()
