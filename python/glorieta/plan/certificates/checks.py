"""The rules: what is wrong with a certificate and its key, with authorities, and with revocations.

Each finding names the file. Whether it is an error follows from what the engine or any client would do: what cannot
work is one, what works and should not stay so is a warning.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ...config.errors import Wrong
from ...config.reading import shown
from .facts import DAY, facts_of, is_pair, now
from .pem import Absent, certificates_in, key_in, read, revocations_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cryptography import x509

    from .facts import Facts
    from .pem import File

BY_OTHERS = 0o037
"""What nobody but owner and group may do with a key, and what the group may not."""

Which = Literal["certificate", "key", "authorities", "revoked"]


class Finding(NamedTuple):
    """One thing that is wrong."""

    severity: Literal["error", "warning"]
    which: Which
    """The key of the configuration under which the file stands."""
    message: str
    fix: str | None = None


@dataclass
class Files:
    """Files that were read, each once; `required`: whether all must be at hand."""

    required: bool = True
    now: datetime = field(default_factory=now)
    _known: dict[str, File | Wrong | Absent] = field(default_factory=dict)

    def read(self, path: str) -> File:
        if path not in self._known:
            try:
                self._known[path] = read(path)
            except (Wrong, Absent) as error:
                self._known[path] = error
        found = self._known[path]
        if isinstance(found, Wrong | Absent):
            raise found
        return found


@dataclass
class Check:
    """Findings about a few files that belong together."""

    files: Files
    findings: list[Finding] = field(default_factory=list)

    def error(self, which: Which, message: str, fix: str | None = None) -> None:
        self.findings.append(Finding("error", which, message, fix))

    def warn(self, which: Which, message: str, fix: str | None = None) -> None:
        self.findings.append(Finding("warning", which, message, fix))

    def taken(self, which: Which, path: str, take: Callable[[File], Any]) -> Any:
        """What `take` finds in a file; nothing where that is wrong, or where the file may be absent and is."""
        try:
            return take(self.files.read(path))
        except Wrong as wrong:
            self.error(which, wrong.message, wrong.fix)
        except Absent as absent:
            if self.files.required:
                self.error(which, absent.wrong.message, absent.wrong.fix)
        return None


def check_pair(files: Files, certificate: str, key: str, purpose: str) -> tuple[list[Finding], Facts | None]:
    """A certificate that is shown, and its key. `purpose`: `servers` or `clients`."""
    check = Check(files)
    chain: list[x509.Certificate] | None = check.taken("certificate", certificate, certificates_in)
    secret = check.taken("key", key, key_in)
    if secret is not None:
        check_mode(check, files.read(key))
    if not chain:
        return check.findings, None
    name = shown(certificate)
    if secret is not None and not is_pair(chain[0], secret):
        check_other_place(check, name, shown(key), chain, secret)
    facts = facts_of(chain[0])
    check_dates(check, "certificate", name, facts)
    check_strength(check, name, facts)
    check_use(check, name, facts, purpose)
    check_chain(check, name, chain)
    return check.findings, facts


def check_mode(check: Check, file: File) -> None:
    mode = file.mode
    if mode & BY_OTHERS:
        others = "by everybody" if mode & 0o007 else "by its group"
        what = "read" if mode & 0o004 else "changed" if mode & 0o022 else "used"
        message = f"the private key {file.name} can be {what} {others} (mode {mode:04o})"
        check.warn("key", message, f"chmod 600 {file.name}")


def check_other_place(check: Check, certificate: str, key: str, chain: list[x509.Certificate], secret: object) -> None:
    """The key is not the first certificate's: another one's in the file, or none's."""
    place = next((index for index, each in enumerate(chain) if is_pair(each, secret)), None)
    if place is not None:
        message = (
            f"{certificate} begins with a certificate of {facts_of(chain[0]).subject}, and {key} is that of number"
        )
        fix = "put the server's own certificate first, then those that lead to its root"
        check.error("certificate", f"{message} {place + 1}", fix)
        return
    message = f"{key} is not the private key of {certificate} ({facts_of(chain[0]).subject})"
    check.error("key", message, "name the key with which the certificate was asked for, or have a new one signed")


def check_dates(check: Check, which: Which, path: str, facts: Facts) -> None:
    """Not yet valid, expired, or soon."""
    at = check.files.now
    begins, ends = facts.begins.date(), facts.ends.date()
    if at < facts.begins:
        message = f"{path} is not valid before {begins}, {days(-((at - facts.begins) // DAY))} from now"
        check.error(which, message, "wait, or set this machine's clock")
    elif at >= facts.ends:
        check.error(which, f"{path} expired {days((at - facts.ends) // DAY)} ago, on {ends}", "renew it")
    elif facts.ends_soon(at):
        check.warn(which, f"{path} expires soon: {days(facts.days_left(at))} left, until {ends}", "renew it")


def days(count: int) -> str:
    return {0: "less than a day", 1: "1 day"}.get(count, f"{count} days")


def check_strength(check: Check, path: str, facts: Facts) -> None:
    if facts.is_unknown_key:
        message = f"{path} is for a key that cannot be used ({facts.key})"
        check.error(
            "certificate", message, "make one for ECDSA P-256, P-384, P-521, Ed25519 or RSA of 2048 bits or more"
        )
    if facts.is_weak_key:
        message = f"{path} is for a key that is too short ({facts.key})"
        check.error("certificate", message, "make one of at least 2048 bits, or for ECDSA P-256")
    if facts.weak_hash:
        message = f"{path} is signed with {facts.weak_hash}, which nobody believes any more"
        check.error("certificate", message, "have it signed with SHA-256")


def check_use(check: Check, path: str, facts: Facts, purpose: str) -> None:
    is_fit = facts.is_for_servers if purpose == "servers" else facts.is_for_clients
    if not is_fit:
        message = f"{path} is not made for {purpose} (extended key usage): it is refused wherever that is looked at"
        check.warn("certificate", message, f"have one signed for {purpose}")
    if purpose == "servers" and not facts.names:
        message = f"{path} covers no name: it has no subject alternative names, and common names do not count"
        check.warn("certificate", message, "have one signed with the names of its hosts")


def check_chain(check: Check, path: str, chain: list[x509.Certificate]) -> None:
    """Whether each is signed by the next; a root at the end does no harm."""
    for number, (lower, upper) in enumerate(itertools.pairwise(chain), 2):
        if lower.issuer != upper.subject:
            signer, other = facts_of(lower).issuer, facts_of(upper).subject
            message = f"in {path} certificate {number - 1} is signed by {signer}, and {number} is {other}"
            check.warn("certificate", message, "put them in order: each is followed by the one that signed it")
            return


def check_authorities(files: Files, path: str) -> tuple[list[Finding], list[x509.Certificate]]:
    """Who is believed. A root that has expired is believed all the same, so it is only told."""
    check = Check(files)
    found: list[x509.Certificate] = check.taken("authorities", path, certificates_in) or []
    for certificate in found:
        facts = facts_of(certificate)
        if not facts.is_authority:
            message = f"{shown(path)} holds {facts.subject}, which is no authority's certificate"
            check.warn("authorities", message, "name the file of those who signed it")
        if facts.ends <= files.now:
            message = f"{shown(path)} holds the authority {facts.subject}, which expired on {facts.ends.date()}"
            check.warn("authorities", message, "take it out")
    return check.findings, found


def check_revoked(files: Files, path: str, authorities: list[x509.Certificate]) -> list[Finding]:
    """Revocation lists: of one of the authorities, of each of them, and not outdated."""
    check = Check(files)
    found: list[x509.CertificateRevocationList] = check.taken("revoked", path, revocations_in) or []
    subjects = {each.subject for each in authorities}
    for each in found:
        issuer = each.issuer.rfc4514_string()
        if subjects and each.issuer not in subjects:
            message = f"{shown(path)} holds a revocation list of {issuer}, which is none of the authorities"
            check.warn("revoked", message, "take it out, or name the authority")
        ends = each.next_update_utc
        if ends is not None and ends <= files.now:
            message = f"{shown(path)} holds a revocation list of {issuer} that is outdated since {ends.date()}"
            check.warn("revoked", message, "get the new one")
    told = {each.issuer for each in found}
    for subject in dict.fromkeys(each.subject for each in authorities):
        # Where there is none of any, all of them are somebody else's, which has been said.
        if told & subjects and subject not in told:
            message = (
                f"{shown(path)} has no revocation list of {subject.rfc4514_string()}: whom it has signed is refused"
            )
            check.warn("revoked", message, "add the list, or take the authority out")
    return check.findings
