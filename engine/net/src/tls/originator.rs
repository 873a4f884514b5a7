//! An upstream's side: whom it believes, and as whom it shows itself.

use std::io;
use std::sync::Arc;

use glorieta_plan::ClientTls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Connection, DigitallySignedStruct, Error,
    RootCertStore, SignatureScheme,
};

use super::certificate::{Certificate, Expiry};
use super::credentials::roots;
use super::files::{Absent, Files, Kept, Made, Refreshed};
use super::session::Session;
use super::{PROVIDER, versions};
use crate::Stream;

/// The protocols that are offered (ALPN, RFC 7301), the one liked best first; none: the extension is not sent.
pub type Protocols = &'static [&'static [u8]];

/// The word for an endpoint that speaks none of the protocols that are offered to it.
pub const NO_COMMON_PROTOCOL: &str = "no_common_protocol";

/// Encrypts connections to the endpoints of one upstream.
pub struct Originator {
    plan: ClientTls,
    protocols: Protocols,
    absent: Absent,
    kept: Kept<Credentials>,
}

/// One endpoint's side of it: whom it must be.
#[derive(Clone)]
pub struct Target {
    originator: Arc<Originator>,
    name: ServerName<'static>,
}

struct Credentials {
    config: Arc<ClientConfig>,
    /// Of the certificate that is shown.
    expiry: Option<Expiry>,
    digest: [u8; 32],
}

impl Made for Credentials {
    fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl Originator {
    /// Reads the files of an upstream. `before` is what the upstream of that name has now: it is taken over where
    /// nothing is different.
    ///
    /// # Errors
    /// A sentence that names a file, what is wrong with it and what helps.
    pub fn build(
        plan: &ClientTls,
        protocols: Protocols,
        before: Option<&Arc<Originator>>,
        absent: Absent,
    ) -> Result<Arc<Originator>, String> {
        if let Some(same) = before.filter(|before| before.plan == *plan && before.protocols == protocols) {
            return Ok(same.clone());
        }
        if let Some(name) = &plan.name {
            server_name(name)?;
        }
        let kept = Kept::new(paths(plan), || Credentials::read(plan, protocols, absent))?;
        Ok(Arc::new(Originator { plan: plan.clone(), protocols, absent, kept }))
    }

    /// Reads the files again if they have changed; `None`: nothing to say.
    pub fn refresh(&self) -> Option<Refreshed> {
        self.kept.refresh(|_| Credentials::read(&self.plan, self.protocols, self.absent))
    }

    /// How often changed files could not be used.
    pub fn failures(&self) -> u64 {
        self.kept.failures()
    }

    /// Whether whoever answers is believed.
    pub fn is_credulous(&self) -> bool {
        !self.plan.verify
    }

    /// When the certificate that is shown to endpoints expires.
    pub fn expiry(&self) -> Option<Expiry> {
        self.kept.current().expiry.clone()
    }

    /// What an endpoint at this host is asked for and verified as; `None`: it has no host.
    ///
    /// # Errors
    /// A sentence for what no certificate can name.
    pub fn target(self: &Arc<Originator>, host: Option<&str>) -> Result<Target, String> {
        let name = self.plan.name.as_deref().or(host);
        let name = name.ok_or("a Unix socket has no name that a certificate could have; write tls.name")?;
        Ok(Target { originator: self.clone(), name: server_name(name)? })
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Target) -> bool {
        Arc::ptr_eq(&self.originator, &other.originator) && self.name == other.name
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", self.name)
    }
}

impl Target {
    /// Makes a handshake with the endpoint. Time limits are the caller's.
    ///
    /// # Errors
    /// A word where the endpoint's certificate did not convince (`expired`, `unknown_issuer`, `wrong_name` …), else
    /// one for what went wrong; the sentence of `rustls` follows.
    pub async fn connect(&self, stream: Stream) -> Result<Stream, String> {
        self.connect_by(stream, self.originator.protocols).await
    }

    /// The same, offering other protocols than the upstream's connections do otherwise.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub async fn connect_by(&self, stream: Stream, protocols: Protocols) -> Result<Stream, String> {
        let config = self.originator.kept.current().config.clone();
        let protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let connection = ClientConnection::new_with_alpn(config, self.name.clone(), protocols);
        let connection = connection.map_err(|error| error.to_string())?;
        let mut session = Session::new(stream, Connection::Client(connection), bytes::Bytes::new());
        match session.handshake().await {
            Ok(()) => Ok(Stream::Tls(Box::new(session))),
            Err(error) => Err(reason(&error)),
        }
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    let bare = name.trim_matches(['[', ']']).to_owned();
    ServerName::try_from(bare).map_err(|_| format!("{name:?} is no name that a certificate can have"))
}

fn paths(plan: &ClientTls) -> Vec<String> {
    let certificate = plan.certificate.iter().flat_map(|files| [&files.certificate, &files.key]);
    plan.authorities.iter().chain(certificate).cloned().collect()
}

impl Credentials {
    fn read(plan: &ClientTls, protocols: Protocols, absent: Absent) -> Result<Credentials, String> {
        let mut files = Files::new(absent);
        let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
            .with_protocol_versions(versions(plan.minimum))
            .map_err(|error| error.to_string())?;
        let builder = if plan.verify {
            let roots = match &plan.authorities {
                Some(path) => match files.read(path)? {
                    Some(bytes) => roots(path, &bytes)?,
                    None => RootCertStore::empty(),
                },
                None => of_system(),
            };
            builder.with_root_certificates(roots)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Credulous(PROVIDER.clone())))
        };
        let certificate = match &plan.certificate {
            Some(certificate) => Certificate::read(certificate, &mut files)?,
            None => None,
        };
        let expiry = certificate.as_ref().map(|certificate| certificate.expiry.clone());
        let mut config = match certificate {
            Some(certificate) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certificate.key))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Credentials { config: Arc::new(config), expiry, digest: files.digest() })
    }
}

/// Whom this machine believes; where it has no opinion, whom Mozilla believes.
fn of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// The word for what went wrong in a handshake.
fn reason(error: &io::Error) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => "the endpoint ended the handshake".to_owned(),
            _ => error.to_string(),
        };
    };
    let word = match error {
        Error::InvalidCertificate(problem) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not_valid_yet",
            CertificateError::UnknownIssuer => "unknown_issuer",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "wrong_name",
            CertificateError::Revoked => "revoked",
            CertificateError::BadSignature => "bad_signature",
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "wrong_purpose",
            _ => "bad_certificate",
        },
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => NO_COMMON_PROTOCOL,
        Error::AlertReceived(_) => "alert",
        Error::PeerIncompatible(_) => "incompatible",
        Error::InvalidMessage(_) => "not_tls",
        _ => "handshake",
    };
    format!("{word}: {error}")
}

/// Believes whoever answers. That the endpoint has the key of the certificate that it shows is still checked.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
