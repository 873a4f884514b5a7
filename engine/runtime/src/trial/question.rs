//! What is asked.

use std::net::{IpAddr, Ipv4Addr};

use glorieta_core::ClientCertificate;
use glorieta_net::tls::identity_of;
use glorieta_plan::Listener;
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
    /// The listener's id, where the URL does not say it.
    #[serde(default)]
    pub listener: Option<String>,
}

impl Question {
    pub(super) fn client(&self) -> Result<IpAddr, String> {
        let Some(from) = &self.from else { return Ok(Ipv4Addr::LOCALHOST.into()) };
        from.parse().map_err(|_| format!("{from:?} is no address; write one such as 203.0.113.7 or 2001:db8::7"))
    }

    /// Whose certificate its client has shown to a listener.
    pub(super) fn shown(&self, listener: &Listener) -> Result<Option<ClientCertificate>, String> {
        let Some(pem) = &self.certificate else { return Ok(None) };
        if listener.tls.as_ref().is_none_or(|tls| tls.clients.is_none()) {
            return Err(format!("listener {} asks no client for a certificate", listener.id));
        }
        identity_of(pem.as_bytes()).map(Some)
    }
}
