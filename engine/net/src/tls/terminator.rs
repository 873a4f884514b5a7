//! A listener's side: which certificate answers which name, and who may come in.

use std::io;
use std::sync::{Arc, OnceLock};

use glorieta_core::{Names, Secured};
use glorieta_plan::{ClientCertificate, ClientCertificates, ServerTls, UnknownName};
use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{Connection, RootCertStore, ServerConfig};

use super::certificate::{Certificate, Expiry, chain, identity};
use super::challenges::{Challenges, NO_PROTOCOL, is_asked};
use super::files::{Absent, Files, Kept, Made, Refreshed};
use super::hello::{Hello, NoHello, UNRECOGNISED_NAME, last_words, read_hello};
use super::session::Session;
use super::{PROVIDER, versions};
use crate::Stream;

/// Answers the handshakes of one listener.
pub struct Terminator {
    plan: ServerTls,
    alpn: &'static [&'static [u8]],
    absent: Absent,
    kept: Kept<Credentials>,
}

/// What is made of the files; replaced whole when they change.
pub(super) struct Credentials {
    pub(super) identities: Vec<Identity>,
    pub(super) awaited: Vec<Awaited>,
    digest: [u8; 32],
    pub(super) trust: Trust,
    /// The same for QUIC, made when it is first asked for.
    pub(super) quic: OnceLock<Arc<QuicServerConfig>>,
}

pub(super) struct Identity {
    pub(super) names: Arc<Names>,
    expiry: Expiry,
    pub(super) config: Arc<ServerConfig>,
}

/// A certificate that has been ordered and cannot be shown yet.
pub(super) struct Awaited {
    pub(super) names: Arc<Names>,
    /// Why what is in its file cannot be.
    why: String,
}

/// Who answers for a name.
pub(super) enum Chosen<'a> {
    Identity(&'a Identity),
    Awaited(&'a Awaited),
}

/// The alert `internal_error` (RFC 8446 §6.2), fatal, as long as nothing is encrypted.
const INTERNAL_ERROR: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// Who may come in, and how they come back: a ticket was given after the client was verified, so it holds only as long
/// as clients are verified in the same way.
#[derive(Clone)]
pub(super) struct Trust {
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
    pub(super) tickets: Arc<dyn ProducesTickets>,
    digest: [u8; 32],
}

/// Why a client was not let in, and what is left of its connection.
#[derive(Debug)]
pub enum Refusal {
    /// The client went.
    Gone,
    /// It speaks HTTP without TLS: it may be told.
    PlainHttp(Stream),
    /// It asks for a name that none of the certificates covers.
    NameUnknown(String),
    /// It asks for a name whose certificate is not there yet.
    Awaited(String),
    /// It was an issuer, and has seen that the name leads here: all there was to do.
    Convinced,
    Failed(String),
}

impl Made for Credentials {
    fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl Terminator {
    /// Reads the files of a listener. `before` is what the listener of that name has now: it is taken over where
    /// nothing is different, and its tickets stay good where clients are verified as before.
    ///
    /// # Errors
    /// Sentences that name files, what is wrong with them and what helps.
    pub fn build(
        plan: &ServerTls,
        alpn: &'static [&'static [u8]],
        before: Option<&Arc<Terminator>>,
        absent: Absent,
    ) -> Result<Arc<Terminator>, Vec<String>> {
        if let Some(same) = before.filter(|before| before.plan == *plan && before.alpn == alpn) {
            // Files that have changed are the watch's affair: what cannot be used must not stand in the way of a Plan
            // that is about something else.
            return Ok(same.clone());
        }
        if plan.certificates.is_empty() {
            return Err(vec!["TLS needs a certificate".to_owned()]);
        }
        let trust = before.filter(|before| before.plan.clients == plan.clients);
        let trust = trust.map(|before| before.kept.current().trust.clone());
        let kept = Kept::new(paths(plan), || Credentials::read(plan, alpn, trust.as_ref(), absent))?;
        Ok(Arc::new(Terminator { plan: plan.clone(), alpn, absent, kept }))
    }

    /// Reads the files again if they have changed; `None`: nothing to say.
    pub fn refresh(&self) -> Option<Refreshed> {
        self.kept.refresh(|before| {
            let read = Credentials::read(&self.plan, self.alpn, Some(&before.trust), self.absent);
            let read = read.map_err(|problems| problems.join("; "))?;
            // What works is not given up for what does not.
            let is_less = read.identities.len() < before.identities.len();
            if is_less { Err(read.whys()) } else { Ok(read) }
        })
    }

    pub(super) fn current(&self) -> arc_swap::Guard<Arc<Credentials>> {
        self.kept.current()
    }

    pub(super) fn unknown_name(&self) -> UnknownName {
        self.plan.unknown_name
    }

    /// How often changed files could not be used.
    pub fn failures(&self) -> u64 {
        self.kept.failures()
    }

    /// When its certificates expire.
    pub fn expiries(&self) -> Vec<Expiry> {
        self.kept.current().identities.iter().map(|identity| identity.expiry.clone()).collect()
    }

    /// The names that the connection of a client that asks for `name` stands for; `None`: it is refused.
    ///
    /// # Errors
    /// No certificate covers the name.
    pub fn names_for(&self, name: Option<&str>) -> Result<Option<Arc<Names>>, String> {
        let credentials = self.kept.current();
        match credentials.choose(name, self.plan.unknown_name) {
            Some(chosen) => Ok(credentials.held_to(name, chosen.names())),
            // Without files there is nothing to be said of names.
            None if credentials.identities.is_empty() && credentials.awaited.is_empty() => Ok(None),
            None => Err(name.unwrap_or_default().to_owned()),
        }
    }

    /// Answers a client's handshake; also says whether an earlier session was taken up again. Time limits are the
    /// caller's. `challenges`: what issuers are answered with; none: they are not answered.
    ///
    /// # Errors
    /// Why the client is not let in. What can be said to it has been said.
    pub async fn accept(
        &self,
        mut stream: Stream,
        challenges: Option<&Challenges>,
    ) -> Result<(Stream, Secured, bool), Refusal> {
        let hello = match read_hello(&mut stream).await {
            Ok(hello) => hello,
            Err(NoHello::Gone) => return Err(Refusal::Gone),
            Err(NoHello::PlainHttp) => return Err(Refusal::PlainHttp(stream)),
            Err(NoHello::Bad { reason, alert }) => {
                last_words(stream, &alert).await;
                return Err(Refusal::Failed(reason));
            }
        };
        if let Some(challenges) = challenges.filter(|_| is_asked(&hello.accepted)) {
            return Err(convince(stream, hello, challenges).await);
        }
        let chosen = {
            let credentials = self.kept.current();
            match credentials.choose(hello.name.as_deref(), self.plan.unknown_name) {
                Some(Chosen::Identity(identity)) => {
                    Ok((identity.config.clone(), credentials.held_to(hello.name.as_deref(), &identity.names)))
                }
                Some(Chosen::Awaited(awaited)) => Err(Refusal::Awaited(awaited.names.to_string())),
                None => Err(Refusal::NameUnknown(hello.name.as_deref().unwrap_or_default().to_owned())),
            }
        };
        let (config, names) = match chosen {
            Ok(chosen) => chosen,
            Err(refusal) => {
                let is_awaited = matches!(refusal, Refusal::Awaited(_));
                last_words(stream, if is_awaited { INTERNAL_ERROR } else { UNRECOGNISED_NAME }).await;
                return Err(refusal);
            }
        };
        let name = hello.name.clone();
        let session = shake(stream, hello, config).await?;
        let certificate = session.connection().peer_certificates().and_then(<[_]>::first).map(identity);
        let agreed = session.connection().alpn_protocol().and_then(super::agreed);
        let secured = Secured { server_name: name, version: session.version(), agreed, certificate, names };
        let resumed = session.is_resumed();
        Ok((Stream::Tls(Box::new(session)), secured, resumed))
    }
}

/// Finishes the handshake that a first message has begun.
async fn shake(stream: Stream, hello: Hello, config: Arc<ServerConfig>) -> Result<Session, Refusal> {
    let Hello { bytes, accepted, used, .. } = hello;
    let connection = match accepted.into_connection(config) {
        Ok(connection) => Connection::Server(connection),
        Err((error, mut alert)) => {
            let mut words = Vec::new();
            // Writing to memory cannot fail.
            let _ = alert.write_all(&mut words);
            last_words(stream, &words).await;
            return Err(Refusal::Failed(error.to_string()));
        }
    };
    let mut session = Session::new(stream, connection, bytes::Bytes::copy_from_slice(&bytes[used..]));
    match session.handshake().await {
        Ok(()) => Ok(session),
        Err(error) => Err(refusal(session, error).await),
    }
}

/// Answers an issuer, and ends the connection (RFC 8737 §3).
async fn convince(stream: Stream, hello: Hello, challenges: &Challenges) -> Refusal {
    let Some(config) = hello.name.as_deref().and_then(|name| challenges.find(name)) else {
        let name = hello.name.as_deref().unwrap_or_default();
        let reason = format!("no challenge of ACME is at hand for \"{name}\"");
        last_words(stream, NO_PROTOCOL).await;
        return Refusal::Failed(reason);
    };
    match shake(stream, hello, config).await {
        Ok(session) => {
            last_words(Stream::Tls(Box::new(session)), b"").await;
            Refusal::Convinced
        }
        Err(refusal) => refusal,
    }
}

async fn refusal(session: Session, error: io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            // The alert has been sent; closing at once could destroy it.
            last_words(session.into_stream(), b"").await;
            Refusal::Failed(error.to_string())
        }
        _ => Refusal::Gone,
    }
}

fn paths(plan: &ServerTls) -> Vec<String> {
    let certificates = plan.certificates.iter().flat_map(|files| [&files.certificate, &files.key]);
    let clients = plan.clients.iter().flat_map(|clients| [Some(&clients.authorities), clients.revoked.as_ref()]);
    certificates.chain(clients.flatten()).cloned().collect()
}

impl Credentials {
    fn read(
        plan: &ServerTls,
        alpn: &[&[u8]],
        before: Option<&Trust>,
        absent: Absent,
    ) -> Result<Credentials, Vec<String>> {
        let mut problems = Vec::new();
        let trust = Trust::read(plan.clients.as_ref(), before, absent).map_err(|problem| problems.push(problem));
        let (mut identities, mut awaited, mut files) = (Vec::new(), Vec::new(), Files::new(absent));
        for certificate in &plan.certificates {
            match Certificate::read(certificate, &mut files) {
                Ok(Some(read)) => {
                    // One that was ordered for fewer names is shown for these as long as the other is not there.
                    let missing = certificate.acme.iter().filter(|name| !covers(&read.names, name));
                    let missing: Vec<String> = missing.cloned().collect();
                    if !missing.is_empty() {
                        awaited.push(Awaited::new(&missing, String::new()));
                    }
                    identities.push(read);
                }
                Ok(None) if certificate.acme.is_empty() => {}
                Ok(None) => awaited.push(Awaited::new(&certificate.acme, String::new())),
                Err(problem) if certificate.acme.is_empty() => problems.push(problem),
                Err(problem) => awaited.push(Awaited::new(&certificate.acme, problem)),
            }
        }
        let Ok(trust) = trust else { return Err(problems) };
        let made = identities.into_iter().map(|certificate| Identity::new(certificate, plan, alpn, &trust));
        let identities: Vec<Identity> =
            made.filter_map(|made| made.map_err(|problem| problems.push(problem)).ok()).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut digest = files.digest();
        digest.iter_mut().zip(trust.digest).for_each(|(one, other)| *one ^= other);
        Ok(Credentials { identities, awaited, digest, trust, quic: OnceLock::new() })
    }

    /// Exact names before wildcards, what is there before what is awaited; then the first certificate, unless unknown
    /// names are refused.
    pub(super) fn choose(&self, name: Option<&str>, unknown: UnknownName) -> Option<Chosen<'_>> {
        let first = || {
            let identity = self.identities.first().map(Chosen::Identity);
            identity.or_else(|| self.awaited.first().map(Chosen::Awaited))
        };
        let Some(name) = name else { return first() };
        let exact = self.identities.iter().find(|identity| identity.names.has(name));
        let wide = || self.identities.iter().find(|identity| identity.names.has_wildcard_for(name));
        let awaited = || self.awaited.iter().find(|awaited| covers(&awaited.names, name)).map(Chosen::Awaited);
        exact.or_else(wide).map(Chosen::Identity).or_else(awaited).or_else(|| match unknown {
            UnknownName::Default => first(),
            UnknownName::Refuse => None,
        })
    }

    /// Why certificates are awaited that were ordered.
    fn whys(&self) -> String {
        let whys = self.awaited.iter().map(|awaited| awaited.why.as_str());
        let whys: Vec<&str> = whys.filter(|why| !why.is_empty()).collect();
        whys.join("; ")
    }

    /// The names that requests of a connection are held to, which was opened for `asked` and answered with a certificate
    /// for `names`. With one name alone there is nothing to mistake, so whoever has not asked for it (a check by
    /// address, a client that verifies nothing) may ask for any host.
    pub(super) fn held_to(&self, asked: Option<&str>, names: &Arc<Names>) -> Option<Arc<Names>> {
        let is_meant = asked.is_some_and(|asked| covers(names, asked));
        (is_meant || self.has_several_names()).then(|| names.clone())
    }

    fn has_several_names(&self) -> bool {
        self.identities.len() + self.awaited.len() > 1
            || self.identities.iter().any(|identity| identity.names.len() > 1)
            || self.awaited.iter().any(|awaited| awaited.names.len() > 1)
    }
}

pub(super) fn covers(names: &Names, name: &str) -> bool {
    names.has(name) || names.has_wildcard_for(name)
}

impl Awaited {
    fn new(names: &[String], why: String) -> Awaited {
        let mut known = Names::default();
        names.iter().for_each(|name| known.add(name));
        Awaited { names: Arc::new(known), why }
    }
}

impl Chosen<'_> {
    pub(super) fn names(&self) -> &Arc<Names> {
        match self {
            Chosen::Identity(identity) => &identity.names,
            Chosen::Awaited(awaited) => &awaited.names,
        }
    }
}

impl Identity {
    fn new(certificate: Certificate, plan: &ServerTls, alpn: &[&[u8]], trust: &Trust) -> Result<Identity, String> {
        let Certificate { names, expiry, key } = certificate;
        let builder = ServerConfig::builder_with_provider(PROVIDER.clone())
            .with_protocol_versions(versions(plan.minimum))
            .map_err(|error| error.to_string())?;
        let builder = match &trust.verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        // Sessions live in tickets that clients keep: nothing here grows with their number.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = trust.tickets.clone();
        Ok(Identity { names, expiry, config: Arc::new(config) })
    }
}

impl Trust {
    fn read(plan: Option<&ClientCertificates>, before: Option<&Trust>, absent: Absent) -> Result<Trust, String> {
        let mut files = Files::new(absent);
        let verifier = match plan {
            Some(plan) => verifier(plan, &mut files)?,
            None => None,
        };
        let digest = files.digest();
        let tickets = match before.filter(|before| before.digest == digest) {
            Some(same) => same.tickets.clone(),
            None => rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| error.to_string())?,
        };
        Ok(Trust { verifier, tickets, digest })
    }
}

fn verifier(plan: &ClientCertificates, files: &mut Files) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let authorities = files.read(&plan.authorities)?;
    let revoked = plan.revoked.as_deref().map(|path| files.read(path)).transpose()?;
    let Some(authorities) = authorities else { return Ok(None) };
    let roots = roots(&plan.authorities, &authorities)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), PROVIDER.clone());
    if let (Some(path), Some(Some(bytes))) = (&plan.revoked, revoked) {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        let lists = lists.map_err(|error| format!("the file {path} is no PEM file that can be read: {error}"))?;
        if lists.is_empty() {
            return Err(format!("the file {path} has no revocation list; it must have lines that say BEGIN X509 CRL"));
        }
        // A list that is out of date says nothing about today: it fails closed.
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    if plan.certificate == ClientCertificate::Optional {
        builder = builder.allow_unauthenticated();
    }
    let built =
        builder.build().map_err(|error| format!("{}: {error}", plan.revoked.as_ref().unwrap_or(&plan.authorities)));
    built.map(Some)
}

/// Authorities of a PEM file.
pub(super) fn roots(path: &str, bytes: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(path, bytes)? {
        roots
            .add(certificate)
            .map_err(|error| format!("the file {path} has a certificate that cannot be used: {error}"))?;
    }
    Ok(roots)
}

#[cfg(test)]
#[path = "terminator_tests.rs"]
mod tests;
