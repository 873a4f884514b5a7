//! What is asked.

use std::net::{IpAddr, Ipv4Addr};

use glorieta_core::{ClientCertificate, Version};
use glorieta_net::tls::identity_of;
use glorieta_plan::{HttpVersion, Listener, Protocol};
use serde::Deserialize;

/// A request that nobody sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub method: String,
    /// `http://host[:port]/path?query`, `https://…` or `tcp://host:port`.
    pub url: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The address of the socket from which it would come; none: this machine's own.
    #[serde(default)]
    pub from: Option<String>,
    /// The length of its body; none: it has none.
    #[serde(default)]
    pub body_bytes: Option<u64>,
    /// The client's certificate in PEM form, taken as good; none: it shows none.
    #[serde(default)]
    pub certificate: Option<String>,
    /// What is to be known of the client's certificate, instead of the certificate itself.
    #[serde(default)]
    pub client_certificate: Option<Identity>,
    /// The name that it asks for by TLS; none: the URL's host.
    #[serde(default)]
    pub sni: Option<String>,
    /// `HTTP/1.1`, `HTTP/2` and their kin; none: HTTP/1.1.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The listener's id, where the URL does not say it.
    #[serde(default)]
    pub listener: Option<String>,
}

/// What words say of a client's certificate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    pub serial: String,
    pub fingerprint: String,
}

impl From<&Identity> for ClientCertificate {
    fn from(identity: &Identity) -> ClientCertificate {
        ClientCertificate {
            subject: identity.subject.as_str().into(),
            issuer: identity.issuer.as_str().into(),
            names: identity.names.iter().map(|name| name.as_str().into()).collect(),
            serial: identity.serial.as_str().into(),
            fingerprint: identity.fingerprint.as_str().into(),
            ..ClientCertificate::default()
        }
    }
}

impl Question {
    pub(super) fn client(&self) -> Result<IpAddr, String> {
        let Some(from) = &self.from else { return Ok(Ipv4Addr::LOCALHOST.into()) };
        from.parse().map_err(|_| format!("{from:?} is no address; write one such as 203.0.113.7 or 2001:db8::7"))
    }

    /// Whose certificate its client has shown to a listener.
    pub(super) fn shown(&self, listener: &Listener) -> Result<Option<ClientCertificate>, String> {
        if self.certificate.is_none() && self.client_certificate.is_none() {
            return Ok(None);
        }
        if listener.tls.as_ref().is_none_or(|tls| tls.clients.is_none()) {
            return Err(format!("listener {} asks no client for a certificate", listener.id));
        }
        let read = self.certificate.as_ref().map(|pem| identity_of(pem.as_bytes())).transpose()?;
        Ok(read.or_else(|| self.client_certificate.as_ref().map(ClientCertificate::from)))
    }

    /// The name that is asked for by TLS, in lower case; `host`: the URL's.
    pub(super) fn server_name(&self, listener: &Listener, host: Option<String>) -> Result<Option<String>, String> {
        let Some(name) = &self.sni else { return Ok(host) };
        if listener.tls.is_none() && listener.protocol != Protocol::Tls {
            return Err(format!("listener {} speaks no TLS, so nobody asks it for a name by SNI", listener.id));
        }
        Ok(Some(name.to_ascii_lowercase()))
    }

    /// The version of HTTP in which it would come.
    pub(super) fn version(&self, listener: &Listener) -> Result<Version, String> {
        let Some(text) = &self.protocol else { return Ok(Version::Http11) };
        let (version, word) = match text.as_str() {
            "HTTP/1.0" => (Version::Http10, HttpVersion::H1),
            "HTTP/1.1" => (Version::Http11, HttpVersion::H1),
            "HTTP/2" => (Version::Http2, HttpVersion::H2),
            "HTTP/3" => (Version::Http3, HttpVersion::H3),
            _ => return Err(format!("{text:?} is no version; write HTTP/1.0, HTTP/1.1, HTTP/2 or HTTP/3")),
        };
        if listener.versions.contains(&word) {
            return Ok(version);
        }
        Err(format!("listener {} does not speak {text}; its versions do not name it", listener.id))
    }
}
