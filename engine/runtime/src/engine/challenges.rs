//! Answers to issuers of certificates, as whoever orders them gives them to the engine.

use super::Engine;

impl Engine {
    /// Has a token of HTTP-01 answered from now on, at listeners of a Plan that says so.
    pub fn put_http_challenge(&self, token: &str, answer: &str) {
        self.shared.challenges.put_page(token, answer);
    }

    pub fn remove_http_challenge(&self, token: &str) {
        self.shared.challenges.remove_page(token);
    }

    /// Has a name of TLS-ALPN-01 answered from now on, by a certificate and its key (PKCS #8), both DER.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn put_tls_challenge(&self, name: &str, certificate: &[u8], key: &[u8]) -> Result<(), String> {
        self.shared.challenges.names.put(name, certificate, key)
    }

    pub fn remove_tls_challenge(&self, name: &str) {
        self.shared.challenges.names.remove(name);
    }
}
