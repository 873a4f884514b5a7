"""What the certificates of a listener say, read where it is explained; the Plan only names their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# typing's own is read by pydantic from Python 3.12 on.
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from ..model import ServerTls

Shown = tuple[tuple[str, ...], str | None]
"""Names, and when it ends; neither where the file is not at hand."""


class ExplainedCertificate(TypedDict):
    """A certificate of a listener."""

    certificate: str
    key: str
    names: list[str]
    """The names that it covers; none where the file is not at hand."""
    ends: str | None
    """When it ends (ISO 8601)."""
    ordered: list[str]
    """The names for which it is ordered by ACME; none: it is not."""


class ExplainedTls(TypedDict):
    """TLS of a listener."""

    certificates: list[ExplainedCertificate]
    minimum: str
    unknown_name: str
    clients: dict[str, Any] | None
    """As in the Plan."""


def shown_by(tls: ServerTls) -> list[Shown]:
    """Of each certificate, in order."""
    # Whoever has no TLS does not pay for the library.
    from ...config.errors import Wrong
    from ..certificates.facts import facts_of
    from ..certificates.pem import Absent, certificates_in, read

    found: list[Shown] = []
    for files in tls["certificates"]:
        try:
            facts = facts_of(certificates_in(read(files["certificate"]))[0])
        except (Wrong, Absent):
            found.append(((), None))
        else:
            found.append((facts.names, facts.ends.isoformat()))
    return found


def tls_document(tls: ServerTls) -> ExplainedTls:
    return {
        "certificates": [
            {
                "certificate": files["certificate"],
                "key": files["key"],
                "names": list(names),
                "ends": ends,
                "ordered": files.get("acme", []),
            }
            for files, (names, ends) in zip(tls["certificates"], shown_by(tls), strict=True)
        ],
        "minimum": tls["minimum"],
        "unknown_name": tls["unknown_name"],
        "clients": None if tls["clients"] is None else dict(tls["clients"]),
    }
