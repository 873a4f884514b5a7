//! What a handler is told of its client's TLS.

use bytes::Bytes;

use super::UNKNOWN;
use crate::link::Broken;
use crate::wire::{Reader, Writer};

/// A client's connection by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// As TLS itself writes it: `0x0303` is 1.2, `0x0304` is 1.3 (RFC 8446 §4.2.1).
    pub version: u16,
    /// The client's certificate, verified; `None`: it has shown none.
    pub certificate: Option<Box<Certificate>>,
}

/// A client's verified certificate; texts are UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    pub subject: Bytes,
    pub issuer: Bytes,
    /// The alternative names.
    pub names: Vec<Bytes>,
    /// Hexadecimal digits in upper case.
    pub serial: Bytes,
    /// SHA-256, hexadecimal digits in lower case.
    pub fingerprint: Bytes,
    /// In seconds since 1970.
    pub not_before: i64,
    /// In seconds since 1970.
    pub not_after: i64,
    /// X.509, DER.
    pub der: Bytes,
}

/// One byte where there is nothing to say.
pub(super) fn write(tls: Option<&Tls>, writer: &mut Writer) {
    let Some(tls) = tls else { return writer.u8(0) };
    writer.u8(if tls.certificate.is_some() { 2 } else { 1 });
    writer.u16(tls.version);
    if let Some(certificate) = &tls.certificate {
        certificate.write(writer);
    }
}

pub(super) fn read(reader: &mut Reader) -> Result<Option<Tls>, Broken> {
    Ok(match reader.u8()? {
        0 => None,
        1 => Some(Tls { version: reader.u16()?, certificate: None }),
        2 => Some(Tls { version: reader.u16()?, certificate: Some(Box::new(Certificate::read(reader)?)) }),
        _ => return Err(UNKNOWN),
    })
}

impl Certificate {
    fn write(&self, writer: &mut Writer) {
        for text in [&self.subject, &self.issuer, &self.serial, &self.fingerprint, &self.der] {
            writer.bytes(text);
        }
        writer.i64(self.not_before);
        writer.i64(self.not_after);
        writer.u16(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        self.names.iter().take(usize::from(u16::MAX)).for_each(|name| writer.bytes(name));
    }

    fn read(reader: &mut Reader) -> Result<Certificate, Broken> {
        let mut certificate = Certificate {
            subject: reader.bytes()?,
            issuer: reader.bytes()?,
            serial: reader.bytes()?,
            fingerprint: reader.bytes()?,
            der: reader.bytes()?,
            not_before: reader.i64()?,
            not_after: reader.i64()?,
            names: Vec::new(),
        };
        for _ in 0..reader.u16()? {
            certificate.names.push(reader.bytes()?);
        }
        Ok(certificate)
    }
}
