//! What convinces an issuer that a name leads here, by TLS-ALPN-01 (RFC 8737): a certificate that is shown to nobody
//! else, chosen by the name asked for, of a protocol that is spoken no further than its handshake.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Accepted, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::PROVIDER;

/// The protocol by ALPN; who asks for it asks for nothing else.
const ACME_TLS: &[u8] = b"acme-tls/1";

/// The alert `no_application_protocol` (RFC 7301 §3.2), fatal, as long as nothing is encrypted.
pub(super) const NO_PROTOCOL: &[u8] = &[21, 3, 3, 0, 2, 2, 120];

/// The certificates at hand, by name. State: it has nothing to do with any Plan.
#[derive(Default)]
pub struct Challenges {
    configs: ArcSwap<HashMap<Box<str>, Arc<ServerConfig>>>,
}

impl Challenges {
    /// Has a name answered from now on; `certificate` and `key` (PKCS #8) are DER.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn put(&self, name: &str, certificate: &[u8], key: &[u8]) -> Result<(), String> {
        let config = config(certificate, key)?;
        let name: Box<str> = name.to_ascii_lowercase().into();
        self.configs.rcu(|configs| {
            let mut configs = HashMap::clone(configs);
            configs.insert(name.clone(), config.clone());
            configs
        });
        Ok(())
    }

    pub fn remove(&self, name: &str) {
        let name = name.to_ascii_lowercase();
        self.configs.rcu(|configs| {
            let mut configs = HashMap::clone(configs);
            configs.remove(name.as_str());
            configs
        });
    }

    /// What answers for a name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.configs.load().get(name).cloned()
    }
}

/// Whether an issuer asks, and nobody else: by that protocol alone (RFC 8737 §3).
pub(super) fn is_asked(accepted: &Accepted) -> bool {
    let hello = accepted.client_hello();
    let Some(mut protocols) = hello.alpn() else { return false };
    protocols.next() == Some(ACME_TLS) && protocols.next().is_none()
}

fn config(certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, String> {
    let key = PrivateKeyDer::try_from(key.to_vec()).map_err(str::to_owned)?;
    let key = PROVIDER.key_provider.load_private_key(key).map_err(|error| error.to_string())?;
    // That both belong together cannot be checked: the library refuses to read a certificate with an extension that is
    // critical and unknown to it, which is the very point of this one.
    let key = CertifiedKey::new(vec![CertificateDer::from(certificate.to_vec())], key);
    let builder = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let resolver = Arc::new(SingleCertAndKey::from(key));
    // Whatever clients have to show elsewhere: issuers have no certificate to show.
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
