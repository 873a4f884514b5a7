use serde::{Deserialize, Serialize};

use crate::HostMatch;

/// How a listener speaks TLS. Files are named, not held: the engine reads them, and again when they change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// At least one. Which of them answers is decided by the names that they cover; the first of them answers who
    /// asks for none, or for one that none covers.
    pub certificates: Vec<CertificateFiles>,
    pub unknown_name: UnknownName,
    pub minimum: TlsVersion,
    /// Mutual TLS; `None`: clients are not asked for certificates.
    pub clients: Option<ClientCertificates>,
}

/// A certificate and its private key, both PEM, by absolute path; both may stand in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate itself, then those between it and its root.
    pub certificate: String,
    pub key: String,
    /// The names for which a listener's certificate is ordered by ACME: until it is there, handshakes for them are
    /// refused. Empty, and left out: it must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acme: Vec<String>,
}

/// What happens to a client that asks for a name that no certificate covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownName {
    /// The first certificate answers.
    Default,
    /// The handshake ends with the alert `unrecognized_name`. Who asks for no name still gets the first.
    Refuse,
}

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

/// How clients prove who they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// Who may have signed them: a PEM file of at least one certificate.
    pub authorities: String,
    pub certificate: ClientCertificate,
    /// A PEM file of revocation lists; `None`: nothing is revoked.
    pub revoked: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// No handshake succeeds without one.
    Required,
    /// Who has none is let in unverified; one that is shown must be good.
    Optional,
}

/// How an upstream is spoken to by TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// A PEM file of who may have signed the endpoints' certificates; `None`: the system's.
    pub authorities: Option<String>,
    /// Asked for (SNI) and verified; `None`: each endpoint's own host, an IP address being verified as one.
    pub name: Option<String>,
    /// Shown to endpoints that ask.
    pub certificate: Option<CertificateFiles>,
    pub minimum: TlsVersion,
    /// `false`: whoever answers is believed.
    pub verify: bool,
}

/// The target of a `tls` listener: layer 4 by the name asked for (SNI). Nothing is decrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTarget {
    /// In no order: exact before the longest wildcard before `any`, which also takes who asks for no name. Without
    /// `any` those are refused with the alert `unrecognized_name`.
    pub names: Vec<NameTarget>,
    pub idle_ms: u64,
    pub connect_ms: u64,
    /// Networks that may connect; empty: all.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameTarget {
    pub name: HostMatch,
    /// The name in metrics and logs.
    pub route: String,
    pub upstream: String,
}
