//! A certificate's subject as one text that can be read in one way only.
//!
//! Whoever asks for a certificate often chooses what its common name says. Without escapes `CN=a, O=Admins` could be
//! one attribute or two, and somebody would be taken for another (RFC 4514 §2.4).

use std::fmt::Write;

use x509_parser::asn1_rs::{Any, BmpString, Tag, ToDer};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// What a subject says, in the order in which it stands there, such as `CN=billing, O=Shop\, Inc.`; several attributes
/// of one part are joined by ` + `.
pub(super) fn text(subject: &X509Name<'_>) -> String {
    let parts = subject.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join(" + "));
    parts.collect::<Vec<_>>().join(", ")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let name = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    let mut out = name + "=";
    match value(attribute.attr_value()) {
        Some(value) => escape(&value, &mut out),
        None => hexadecimal(attribute.attr_value(), &mut out),
    }
    out
}

/// The text of a value, where it is one.
fn value(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::VisibleString
        | Tag::NumericString
        | Tag::GeneralString
        | Tag::T61String => std::str::from_utf8(value.data).ok().map(str::to_owned),
        Tag::BmpString => BmpString::try_from(value.clone()).ok().map(|text| text.string()),
        _ => None,
    }
}

/// The encoded value in hexadecimal digits (RFC 4514 §2.4), where it is no text.
fn hexadecimal(value: &Any<'_>, out: &mut String) {
    out.push('#');
    for byte in value.to_der_vec().unwrap_or_default() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// Escapes what would end the value or begin another. Control characters become `\0a`: they are dropped from headers,
/// and two names must not become one by that.
fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().wrapping_sub(1);
    for (at, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', character]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            character if character.is_control() => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\{byte:02x}");
                }
            }
            character => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer, X509Certificate};

    fn subject_of(attributes: &[(rcgen::DnType, &str)]) -> String {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        text(parsed.subject())
    }

    #[test]
    fn attributes_stand_in_order() {
        use rcgen::DnType::{CommonName, CountryName, OrganizationName};
        assert_eq!(subject_of(&[]), "");
        let told = subject_of(&[(CountryName, "ES"), (OrganizationName, "Shop"), (CommonName, "billing")]);
        assert_eq!(told, "C=ES, O=Shop, CN=billing");
    }

    #[test]
    fn no_value_is_taken_for_an_attribute() {
        use rcgen::DnType::{CommonName, OrganizationName};
        let honest = subject_of(&[(CommonName, "alice"), (OrganizationName, "Admins")]);
        let sly = subject_of(&[(CommonName, "alice, O=Admins")]);
        assert_eq!((honest.as_str(), sly.as_str()), ("CN=alice, O=Admins", "CN=alice\\, O=Admins"));
    }

    #[test]
    fn what_means_something_is_escaped() {
        for (value, told) in [
            ("a+b", "a\\+b"),
            ("a\\", "a\\\\"),
            ("<a;b>", "\\<a\\;b\\>"),
            ("\"a\"", "\\\"a\\\""),
            ("#a#", "\\#a#"),
            (" a b ", "\\ a b\\ "),
            (" ", "\\ "),
            ("", ""),
            ("ali\nce", "ali\\0ace"),
            ("a\u{85}", "a\\c2\\85"),
            ("Søren", "Søren"),
        ] {
            assert_eq!(subject_of(&[(rcgen::DnType::CommonName, value)]), format!("CN={told}"), "{value:?}");
        }
    }
}
