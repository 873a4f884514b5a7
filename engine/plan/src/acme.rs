use serde::{Deserialize, Serialize};

/// Where certificates come from that are ordered by themselves (ACME, RFC 8555). The engine orders none: it shows what
/// is in `storage` and answers the issuer's questions with what it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// The address of the issuer's directory.
    pub directory: String,
    pub email: Option<String>,
    /// A PEM file of who may have signed the issuer's own certificate; `None`: the public ones.
    pub authorities: Option<String>,
    /// The folder of accounts, keys and certificates, by its absolute path.
    pub storage: String,
    pub challenge: AcmeChallenge,
    /// The issuer's word for a kind of certificate, such as `shortlived`; `None`: its usual one.
    pub profile: Option<String>,
    /// How long before its end a certificate is renewed where the issuer does not say when; `None`: once two thirds of
    /// its life are over.
    pub renew_before_ms: Option<u64>,
    /// An account elsewhere to which the new one is bound (RFC 8555 §7.3.4).
    pub external_account: Option<ExternalAccount>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalAccount {
    pub id: String,
    /// The file of its key, as the issuer gives it (base64url).
    pub key: String,
}

/// How it is proved that a name leads here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AcmeChallenge {
    /// By a page at every `http` listener in clear (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// By a certificate of its own at every listener that speaks TLS (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// By a record that a program puts into DNS (RFC 8555 §8.4).
    #[serde(rename = "dns-01")]
    Dns01(DnsCommand),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsCommand {
    /// The program and its arguments.
    pub command: Vec<String>,
    pub timeout_ms: u64,
    /// From the program's end until the issuer may look.
    pub wait_ms: u64,
}
