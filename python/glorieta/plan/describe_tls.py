"""TLS of a Plan in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import ClientTls, ServerTls


def tls_text(tls: ClientTls) -> str:
    """How endpoints are spoken to: `by TLS (ca.pem, as users.internal)`, or loudly that nobody looks who they are."""
    if not tls["verify"]:
        about = ["NOT VERIFIED: whoever is on the way can read and change everything"]
    else:
        about = [f"believes {tls['authorities']}"] if tls["authorities"] is not None else []
    about += [f"as {tls['name']}"] if tls["name"] is not None else []
    about += ["1.3 only"] if tls["minimum"] == "1.3" else []
    about += [f"shows {tls['certificate']['certificate']}"] if tls["certificate"] is not None else []
    return f"by TLS ({', '.join(about)})" if about else "by TLS"


def server_tls_texts(tls: ServerTls) -> list[str]:
    """What clients meet: versions, names that nobody has, and whom they have to prove to be."""
    texts = ["TLS 1.3 only" if tls["minimum"] == "1.3" else "TLS 1.2 and 1.3"]
    if tls["unknown_name"] == "refuse":
        texts.append("unknown names are refused")
    if (clients := tls["clients"]) is not None:
        must = "must" if clients["certificate"] == "required" else "may"
        texts.append(f"clients {must} show a certificate that {clients['authorities']} has signed")
        texts += [f"revoked by {clients['revoked']}"] if clients["revoked"] is not None else []
    return texts


def tls_value_text(tls: Any) -> str:
    """TLS of a listener or of an upstream."""
    return ", ".join(server_tls_texts(tls)) if "certificates" in tls else tls_text(tls)
