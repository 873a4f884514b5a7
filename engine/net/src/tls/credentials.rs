//! What a listener's files are made into: certificates by name, and who may come in.

use std::sync::{Arc, OnceLock};

use glorieta_core::Names;
use glorieta_plan::{ClientCertificate, ClientCertificates, ServerTls, UnknownName};
use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig};

use super::certificate::{Certificate, Expiry, chain};
use super::files::{Absent, Files, Made};
use super::{PROVIDER, versions};

/// What is made of the files; replaced whole when they change.
pub(super) struct Credentials {
    pub(super) identities: Vec<Identity>,
    pub(super) awaited: Vec<Awaited>,
    pub(super) digest: [u8; 32],
    pub(super) trust: Trust,
    /// The same for QUIC, made when it is first asked for.
    pub(super) quic: OnceLock<Arc<QuicServerConfig>>,
}

pub(super) struct Identity {
    pub(super) names: Arc<Names>,
    pub(super) expiry: Expiry,
    pub(super) config: Arc<ServerConfig>,
}

/// A certificate that has been ordered and cannot be shown yet.
pub(super) struct Awaited {
    pub(super) names: Arc<Names>,
    /// Why what is in its file cannot be.
    pub(super) why: String,
}

/// Who answers for a name.
pub(super) enum Chosen<'a> {
    Identity(&'a Identity),
    Awaited(&'a Awaited),
}

/// Who may come in, and how they come back: a ticket was given after the client was verified, so it holds only as long
/// as clients are verified in the same way.
#[derive(Clone)]
pub(super) struct Trust {
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
    pub(super) tickets: Arc<dyn ProducesTickets>,
    pub(super) digest: [u8; 32],
}

impl Made for Credentials {
    fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// The files that a listener's certificates are made of.
pub(super) fn paths(plan: &ServerTls) -> Vec<String> {
    let certificates = plan.certificates.iter().flat_map(|files| [&files.certificate, &files.key]);
    let clients = plan.clients.iter().flat_map(|clients| [Some(&clients.authorities), clients.revoked.as_ref()]);
    certificates.chain(clients.flatten()).cloned().collect()
}

impl Credentials {
    pub(super) fn read(
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
    pub(super) fn whys(&self) -> String {
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
    pub(super) fn read(
        plan: Option<&ClientCertificates>,
        before: Option<&Trust>,
        absent: Absent,
    ) -> Result<Trust, String> {
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
