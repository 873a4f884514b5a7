"""Where accounts, keys and certificates lie: one folder per issuer, for nobody else to look into; every file is written
whole or not at all.

```text
STORAGE/ISSUER/account.key      the account's private key           0600
STORAGE/ISSUER/account.json     its address                         0600
STORAGE/ISSUER/issuer.json      when the issuer may be asked again  0600
STORAGE/ISSUER/lock             held by whoever orders              0600
STORAGE/ISSUER/certificates/    one `NAME.pem` each, the key before the certificate and those above it, and `NAME.json`
```
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..certificates.writing import written_beside
from .records import Account, IssuerRecord, Record, Remembered

FOLDER_MODE, FILE_MODE = 0o700, 0o600
BY_OTHERS = 0o077
LOCK_STEP = 0.2


class StorageUnsafe(Exception):
    """Somebody else could read or change what is there. The text says how to mend it."""


class StorageBusy(Exception):
    """Another process is ordering."""


class Storage:
    """What there is of one issuer. `OSError`, `StorageUnsafe`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = folder / "certificates"

    def prepare(self) -> None:
        """Makes what is missing, and looks at what is there."""
        for folder in (self.folder.parent, self.folder, self.certificates):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            check_own(folder, "chmod 700")
        for file in self.folder.rglob("*"):
            if file.suffix in (".key", ".pem"):
                check_own(file, "chmod 600")

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """One process at a time. `patience`: seconds to wait for the other. `StorageBusy`."""
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            wait_for_lock(descriptor, time.monotonic() + patience)
            yield
        finally:
            os.close(descriptor)

    def account(self) -> Account:
        return read_document(Account, self.folder / "account.json")

    def save_account(self, account: Account) -> None:
        write(self.folder / "account.json", account.written().encode())

    def account_key(self) -> bytes | None:
        """PEM; none: there is none yet."""
        return read_bytes(self.folder / "account.key")

    def save_account_key(self, pem: bytes) -> None:
        write(self.folder / "account.key", pem)

    def issuer(self) -> IssuerRecord:
        return read_document(IssuerRecord, self.folder / "issuer.json")

    def save_issuer(self, issuer: IssuerRecord) -> None:
        write(self.folder / "issuer.json", issuer.written().encode())


def record_of(file: Path) -> Record:
    """What is remembered of the certificate in this file."""
    return read_document(Record, file.with_suffix(".json"))


def save_record(file: Path, record: Record) -> None:
    write(file.with_suffix(".json"), record.written().encode())


def save_certificate(file: Path, key_pem: bytes, chain_pem: bytes) -> None:
    """Both in one file, so that no moment has one without the other."""
    write(file, key_pem.rstrip() + b"\n" + chain_pem.lstrip())


R = TypeVar("R", bound=Remembered)


def read_document(kind: type[R], path: Path) -> R:
    """What is broken is forgotten: all of it can be found out again."""
    data = read_bytes(path)
    with contextlib.suppress(ValueError, TypeError):
        return kind.read(data.decode()) if data else kind()
    return kind()


def read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write(path: Path, data: bytes) -> None:
    """Whole or not at all, and still there after the machine has lost its power."""
    with written_beside(path, data, FILE_MODE) as beside:
        os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_own(path: Path, fix: str) -> None:
    state = path.lstat()
    if stat.S_ISLNK(state.st_mode):
        state = path.stat()
    if state.st_uid != os.geteuid():
        raise StorageUnsafe(f"{path} belongs to another user; give it to the one who runs glorieta: chown")
    if state.st_mode & BY_OTHERS:
        raise StorageUnsafe(f"others may look into {path} (mode {stat.S_IMODE(state.st_mode):04o}); {fix} {path}")


def wait_for_lock(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise StorageBusy from None
            time.sleep(LOCK_STEP)
        else:
            return
