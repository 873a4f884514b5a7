//! Certificates for this crate's tests, made when they are needed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A folder that is gone with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("glorieta-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// An authority and what it signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these names and its key; the first name is the common name, too.
    pub(crate) fn sign(&self, names: &[&str]) -> (String, String) {
        self.sign_with(names, |_| {})
    }

    pub(crate) fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, names[0]);
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// What a listener with one certificate for `shop.example` and an upstream that believes it need.
pub(crate) struct Both {
    pub folder: Folder,
    pub authority: Authority,
    pub server: glorieta_plan::ServerTls,
    pub client: glorieta_plan::ClientTls,
}

impl Both {
    pub(crate) fn new() -> Both {
        let (folder, authority) = (Folder::new(), Authority::new("root"));
        let authorities = folder.write("root.pem", &authority.pem());
        let server = glorieta_plan::ServerTls {
            certificates: vec![files(&folder, "shop", authority.sign(&["shop.example"]))],
            unknown_name: glorieta_plan::UnknownName::Default,
            minimum: glorieta_plan::TlsVersion::Tls12,
            clients: None,
        };
        let client = glorieta_plan::ClientTls {
            authorities: Some(authorities),
            name: None,
            certificate: None,
            minimum: glorieta_plan::TlsVersion::Tls12,
            verify: true,
        };
        Both { folder, authority, server, client }
    }

    /// Adds a certificate for these names.
    pub(crate) fn add(&mut self, names: &[&str]) {
        let stem = names[0].replace('*', "any");
        let certificate = files(&self.folder, &stem, self.authority.sign(names));
        self.server.certificates.push(certificate);
    }
}

/// Writes a certificate and its key.
pub(crate) fn files(
    folder: &Folder,
    stem: &str,
    (certificate, key): (String, String),
) -> glorieta_plan::CertificateFiles {
    glorieta_plan::CertificateFiles {
        certificate: folder.write(&format!("{stem}.crt"), &certificate),
        key: folder.write(&format!("{stem}.key"), &key),
        acme: Vec::new(),
    }
}
