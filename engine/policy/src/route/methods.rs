//! The methods that a route is for.

use glorieta_core::{Method, RequestHead};

/// The methods of a route; every method where none is named.
#[derive(Debug)]
pub(super) struct Methods {
    /// One bit per known method.
    known: u16,
    other: Vec<Box<[u8]>>,
}

const fn bit(method: Method) -> u16 {
    1 << method as u16
}

impl Methods {
    pub(super) fn read(names: &[String]) -> Result<Methods, String> {
        let mut methods = Methods { known: 0, other: Vec::new() };
        for name in names {
            if !glorieta_core::Fields::is_token(name.as_bytes()) {
                return Err(format!("{name:?} is no method"));
            }
            match Method::parse(name.as_bytes()) {
                Method::Other => methods.other.push(name.as_bytes().into()),
                method => methods.known |= bit(method),
            }
        }
        Ok(methods)
    }

    pub(super) fn is_any(&self) -> bool {
        self.known == 0 && self.other.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.known.count_ones() as usize + self.other.len()
    }

    /// Whether HEAD is named itself, not only meant by GET.
    pub(super) fn names_head(&self) -> bool {
        self.known & bit(Method::Head) != 0
    }

    /// Whether a request's method is one of them; GET means HEAD too (RFC 9110 §9.3.2).
    pub(super) fn allow(&self, head: &RequestHead) -> bool {
        if self.is_any() {
            return true;
        }
        match head.method {
            Method::Other => self.other.iter().any(|name| **name == *head.method_text()),
            Method::Head => self.known & (bit(Method::Head) | bit(Method::Get)) != 0,
            method => self.known & bit(method) != 0,
        }
    }

    pub(super) fn overlap(&self, other: &Methods) -> bool {
        self.is_any()
            || other.is_any()
            || self.known & other.known != 0
            || self.other.iter().any(|name| other.other.contains(name))
    }

    /// Adds the methods as `Allow` lists them.
    pub(super) fn list(&self, names: &mut Vec<String>) {
        for method in [
            Method::Get,
            Method::Head,
            Method::Post,
            Method::Put,
            Method::Delete,
            Method::Options,
            Method::Patch,
            Method::Connect,
            Method::Trace,
        ] {
            let meant = method == Method::Head && self.known & bit(Method::Get) != 0;
            if meant || self.known & bit(method) != 0 {
                names.push(method.label().to_owned());
            }
        }
        names.extend(self.other.iter().map(|name| String::from_utf8_lossy(name).into_owned()));
    }
}
