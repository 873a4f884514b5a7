//! What certificates say: their names, how long they live, whose they are.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use glorieta_core::{ClientCertificate, Names};
use glorieta_plan::CertificateFiles;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::PROVIDER;
use super::files::Files;
use super::subject;

const DAY: i64 = 86_400;

/// When a certificate that is in use expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The certificate's first name.
    pub name: Arc<str>,
    /// In seconds since 1970.
    pub not_after: i64,
}

/// A certificate with its key, checked.
pub(super) struct Certificate {
    pub names: Arc<Names>,
    pub expiry: Expiry,
    pub key: Arc<CertifiedKey>,
}

/// The time of day, in seconds since 1970.
/// Why a client is not let in whose certificate was good when an earlier session began (RFC 8446 §4.6.1: a ticket lives
/// as long as its server says); `None`: it still is, or there is none.
pub(super) fn expired(certificate: Option<&ClientCertificate>) -> Option<String> {
    let shown = certificate.filter(|shown| shown.not_after < now())?;
    Some(format!("the certificate of {} has expired since its session began", shown.subject))
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}

impl Certificate {
    /// Reads a certificate and its key; `None`: they are not at hand, and need not be.
    ///
    /// # Errors
    /// A sentence that names the file, what is wrong with it and what helps.
    pub fn read(plan: &CertificateFiles, files: &mut Files) -> Result<Option<Certificate>, String> {
        let (path, key_path) = (plan.certificate.as_str(), plan.key.as_str());
        let (certificate, key) = (files.read(path)?, files.read(key_path)?);
        let Some(bytes) = certificate else { return Ok(None) };
        let chain = chain(path, &bytes)?;
        let (names, expiry) = examine(path, &chain[0])?;
        let Some(key) = key else { return Ok(None) };
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| {
            format!("the file {key_path} has no private key in PEM form that can be used ({error}); keys with a passphrase must be decrypted first")
        })?;
        let key = CertifiedKey::from_der(chain, key, &PROVIDER).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the key {key_path} does not belong to the certificate {path}; the certificate itself must stand first in its file, before those that signed it"
            ),
            error => format!("the key {key_path} cannot be used with {path}: {error}"),
        })?;
        Ok(Some(Certificate { names: Arc::new(names), expiry, key: Arc::new(key) }))
    }
}

/// The certificates of a PEM file, at least one.
pub(super) fn chain(path: &str, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(format!(
            "the file {path} has no certificate in PEM form; it must have lines that say BEGIN CERTIFICATE"
        )),
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("the file {path} is no PEM file that can be read: {error}")),
    }
}

/// A certificate's names and its life, which must have begun and not ended.
fn examine(path: &str, certificate: &CertificateDer<'_>) -> Result<(Names, Expiry), String> {
    let parsed = parse(certificate).ok_or_else(|| format!("the file {path} has no X.509 certificate"))?;
    let validity = parsed.validity();
    let (begin, end, now) = (validity.not_before.timestamp(), validity.not_after.timestamp(), now());
    if end < now {
        let ago = days(now - end);
        return Err(format!("the certificate {path} has expired {ago} ago, on {}; renew it", validity.not_after));
    }
    if begin > now {
        let left = days(begin - now);
        return Err(format!(
            "the certificate {path} is not valid for another {left}, before {}; is this machine's clock right?",
            validity.not_before
        ));
    }
    let names = names(&parsed);
    let name = names.to_string();
    let common = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    let name = name.split(", ").next().filter(|name| !name.is_empty()).or(common).unwrap_or("?");
    Ok((names, Expiry { name: name.into(), not_after: end }))
}

fn days(seconds: i64) -> String {
    match seconds / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed)
}

fn alternative_names<'a>(certificate: &'a X509Certificate<'a>) -> impl Iterator<Item = &'a GeneralName<'a>> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.map(|extension| extension.value.general_names.iter()).into_iter().flatten()
}

/// Only the alternative names count: clients have not looked at the common name for years (RFC 9525 §2).
fn names(certificate: &X509Certificate<'_>) -> Names {
    let mut names = Names::default();
    for name in alternative_names(certificate) {
        match name {
            GeneralName::DNSName(name) => names.add(name),
            GeneralName::IPAddress(bytes) => names_address(bytes).into_iter().for_each(|each| names.add_address(each)),
            _ => {}
        }
    }
    names
}

fn names_address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// What would be known of a client that proves to be whose certificate this is: the first of a text in PEM form.
///
/// # Errors
/// A sentence where there is none.
pub fn identity_of(pem: &[u8]) -> Result<ClientCertificate, String> {
    let certificate = CertificateDer::from_pem_slice(pem).ok().filter(|certificate| parse(certificate).is_some());
    certificate
        .map(|certificate| identity(&certificate))
        .ok_or_else(|| "there is no certificate in PEM form".to_owned())
}

/// Whose a client's certificate is.
pub(super) fn identity(certificate: &CertificateDer<'_>) -> ClientCertificate {
    let digest = digest::digest(&digest::SHA256, certificate);
    let fingerprint: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let known =
        ClientCertificate { fingerprint: fingerprint.into(), der: certificate.as_ref().into(), ..Default::default() };
    let Some(parsed) = parse(certificate) else { return known };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some((*text).into()),
        GeneralName::IPAddress(bytes) => names_address(bytes).map(|address| address.to_string().into()),
        _ => None,
    };
    let names = alternative_names(&parsed).filter_map(text).collect();
    let validity = parsed.validity();
    ClientCertificate {
        subject: subject::text(parsed.subject()).into(),
        issuer: subject::text(parsed.issuer()).into(),
        names,
        serial: serial(parsed.raw_serial()).into(),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        ..known
    }
}

/// Bytes of a number as `openssl x509 -serial` and NGINX print them: a zero that stands only for the sign is not shown.
fn serial(bytes: &[u8]) -> String {
    let digits = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    };
    digits.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::files::Absent;
    use crate::tls::testing::{Authority, Folder};

    fn read(folder: &Folder, certificate: &str, key: &str) -> Result<Option<Certificate>, String> {
        let certificate = folder.write("a.crt", certificate);
        let key = folder.write("a.key", key);
        Certificate::read(&CertificateFiles { certificate, key, acme: Vec::new() }, &mut Files::new(Absent::Wrong))
    }

    fn problem(folder: &Folder, certificate: &str, key: &str) -> String {
        read(folder, certificate, key).err().unwrap()
    }

    #[test]
    fn names_and_life_are_read() {
        let (folder, authority) = (Folder::new(), Authority::new("root"));
        let (certificate, key) = authority.sign(&["Shop.example", "*.shop.example", "192.0.2.1"]);
        let read = read(&folder, &certificate, &key).unwrap().unwrap();
        assert_eq!(read.names.to_string(), "shop.example, *.shop.example, 192.0.2.1");
        assert_eq!(&*read.expiry.name, "shop.example");
        assert!(read.expiry.not_after > now());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let (folder, authority) = (Folder::new(), Authority::new("root"));
        let (certificate, key) = authority.sign(&["shop.example"]);
        let (_, other) = authority.sign(&["shop.example"]);
        let life = |from: i64, to: i64| {
            let at = |days: i64| {
                rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs((now() + days * DAY) as u64)
            };
            authority.sign_with(&["shop.example"], |params| (params.not_before, params.not_after) = (at(from), at(to)))
        };
        let (expired, expired_key) = life(-30, -3);
        let (early, early_key) = life(5, 30);
        for (certificate, key, words) in [
            (certificate.as_str(), other.as_str(), "a.key does not belong to the certificate"),
            ("nothing", &key, "a.crt has no certificate in PEM form"),
            (&certificate, "nothing", "a.key has no private key in PEM form"),
            (&key, &key, "a.crt has no certificate in PEM form"),
            ("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n", &key, "a.crt is no PEM file"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "a.crt has no X.509"),
            (&expired, &expired_key, "a.crt has expired 3 days ago"),
            (&early, &early_key, "a.crt is not valid for another"),
        ] {
            let problem = problem(&folder, certificate, key);
            assert!(problem.contains(words), "{problem}");
        }
        // The chain in the wrong order.
        let problem = problem(&folder, &(authority.pem() + &certificate), &key);
        assert!(problem.contains("must stand first"), "{problem}");
    }

    #[test]
    fn a_client_whose_certificate_has_expired_is_named() {
        assert_eq!(expired(None), None);
        let client = |not_after| ClientCertificate { subject: "CN=billing".into(), not_after, ..Default::default() };
        assert_eq!(expired(Some(&client(now() + DAY))), None);
        let reason = expired(Some(&client(now() - 1))).unwrap();
        assert!(reason.contains("CN=billing has expired"), "{reason}");
    }

    #[test]
    fn numbers_are_written_as_openssl_writes_them() {
        for (bytes, text) in
            [(&[0x0a][..], "0A"), (&[0, 0xff, 1], "FF01"), (&[0], "00"), (&[], ""), (&[0x7f, 0, 0x10], "7F0010")]
        {
            assert_eq!(serial(bytes), text);
        }
    }

    #[test]
    fn a_client_is_known_by_subject_names_and_fingerprint() {
        let authority = Authority::new("root");
        let (pem, _) = authority.sign(&["billing.internal", "10.0.0.7"]);
        let der = &chain("x", pem.as_bytes()).unwrap()[0];
        let identity = identity(der);
        assert!(identity.subject.contains("CN=billing.internal"), "{}", identity.subject);
        assert_eq!(identity.names.join(", "), "billing.internal, 10.0.0.7");
        assert_eq!(identity.fingerprint.len(), 64);
        assert!(identity.issuer.contains("CN=root"), "{}", identity.issuer);
        assert!(identity.not_before < now() && now() < identity.not_after);
        assert_eq!(*identity.der, **der);
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
        assert!(digits(&identity.serial), "{}", identity.serial);
        assert_eq!(identity_of(pem.as_bytes()), Ok(identity));
        for other in ["", "billing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(identity_of(other.as_bytes()).is_err(), "{other}");
        }
    }
}
