//! Keys that live as long as the process: a reload, another certificate or another worker must not make tokens and
//! resets worthless that were given before.

use std::hash::RandomState;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::{hkdf, hmac};
use quinn::crypto::{HandshakeTokenKey, HmacKey};

pub(super) struct Keys {
    /// Seals the tokens by which clients prove their address (RFC 9000 §8.1.2).
    pub token: Arc<dyn HandshakeTokenKey>,
    /// Makes the tokens of stateless resets (RFC 9000 §10.3).
    pub reset: Arc<dyn HmacKey>,
    /// Keys of SipHash, with which connection ids are sealed.
    pub ids: RandomState,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let token = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&random::<64>());
    let reset = hmac::Key::new(hmac::HMAC_SHA256, &random::<64>());
    Keys { token: Arc::new(token), reset: Arc::new(reset), ids: RandomState::new() }
});

pub(super) fn keys() -> &'static Keys {
    &KEYS
}

/// Bytes that nobody can guess.
pub(super) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    // It fails only where the system has no source of randomness: then there is no TLS either, and no key at all is
    // better than one that can be guessed.
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}
