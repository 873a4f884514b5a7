//! A listener's side of TLS inside QUIC (RFC 9001): the same certificates, clients' certificates and tickets, by the
//! same names. There is no version but 1.3, and no early data.

use std::sync::Arc;

use glorieta_core::{ClientCertificate, Names};
use glorieta_plan::UnknownName;
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::PROVIDER;
use super::certificate::{expired, identity};
use super::credentials::{Credentials, covers};
use super::terminator::Terminator;

/// HTTP/3, by ALPN.
const H3: &[u8] = b"h3";

/// What answers the handshakes of one moment. A connection keeps it, so that its names are those of the certificate
/// that answered.
#[derive(Clone)]
pub struct QuicCredentials {
    credentials: Arc<Credentials>,
    crypto: Arc<QuicServerConfig>,
    unknown: UnknownName,
}

/// What a handshake has shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// The name that the client asked for (SNI), in lower case.
    pub server_name: Option<Box<str>>,
    pub certificate: Option<Box<ClientCertificate>>,
    /// The names of the certificate that answered, where requests for others are misdirected.
    pub names: Option<Arc<Names>>,
}

impl Terminator {
    /// The credentials of this moment, for QUIC.
    ///
    /// # Errors
    /// What TLS refuses of them.
    pub fn quic(&self) -> Result<QuicCredentials, String> {
        let credentials = arc_swap::Guard::into_inner(self.current());
        let crypto = match credentials.quic.get() {
            Some(crypto) => crypto.clone(),
            None => {
                let made = Arc::new(build(&credentials, self.unknown_name())?);
                credentials.quic.get_or_init(|| made).clone()
            }
        };
        Ok(QuicCredentials { credentials, crypto, unknown: self.unknown_name() })
    }
}

impl QuicCredentials {
    pub(crate) fn crypto(&self) -> Arc<QuicServerConfig> {
        self.crypto.clone()
    }

    /// What is known of a client once its handshake is done.
    ///
    /// # Errors
    /// Why it is not let in: it has not agreed to speak HTTP/3, or its certificate has expired since its session began.
    pub fn shown(&self, connection: &quinn::Connection) -> Result<Shown, String> {
        let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
        let Some(data) = data.filter(|data| data.protocol.as_deref() == Some(H3)) else {
            return Err("it does not ask for HTTP/3".to_owned());
        };
        let server_name: Option<Box<str>> = data.server_name.map(|name| name.to_ascii_lowercase().into());
        let chain = connection.peer_identity().and_then(|shown| shown.downcast::<Vec<CertificateDer<'static>>>().ok());
        let certificate = chain.as_ref().and_then(|chain| chain.first()).map(|shown| Box::new(identity(shown)));
        if let Some(reason) = expired(certificate.as_deref()) {
            return Err(reason);
        }
        let chosen = self.credentials.choose(server_name.as_deref(), self.unknown);
        let names = chosen.and_then(|chosen| self.credentials.held_to(server_name.as_deref(), chosen.names()));
        Ok(Shown { server_name, certificate, names })
    }
}

fn build(credentials: &Credentials, unknown: UnknownName) -> Result<QuicServerConfig, String> {
    let builder = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?;
    let builder = match &credentials.trust.verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
        None => builder.with_no_client_auth(),
    };
    let identities = credentials.identities.iter();
    let by_name = ByName {
        identities: identities.map(|each| (each.names.clone(), each.config.cert_resolver.clone())).collect(),
        awaited: credentials.awaited.iter().map(|awaited| awaited.names.clone()).collect(),
        unknown,
    };
    let mut config = builder.with_cert_resolver(Arc::new(by_name));
    config.alpn_protocols = vec![H3.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = credentials.trust.tickets.clone();
    QuicServerConfig::try_from(config).map_err(|error| error.to_string())
}

/// Chooses a certificate by the name asked for, as [`Credentials::choose`] does; the handshake fails for a name whose
/// certificate is still awaited.
#[derive(Debug)]
struct ByName {
    identities: Vec<(Arc<Names>, Arc<dyn ResolvesServerCert>)>,
    awaited: Vec<Arc<Names>>,
    unknown: UnknownName,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let first = || self.identities.first();
        let chosen = match hello.server_name() {
            None => first(),
            Some(name) => {
                let exact = self.identities.iter().find(|(names, _)| names.has(name));
                let wide = || self.identities.iter().find(|(names, _)| names.has_wildcard_for(name));
                let may_default =
                    self.unknown == UnknownName::Default && !self.awaited.iter().any(|names| covers(names, name));
                exact.or_else(wide).or_else(|| first().filter(|_| may_default))
            }
        };
        chosen?.1.resolve(hello)
    }
}
