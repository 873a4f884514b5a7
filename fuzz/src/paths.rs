//! Paths: one form, which nobody behind us can read in another way.

use glorieta_core::Kind;
use glorieta_policy::path::normalise;

/// Normalises `input`. Accepted: doing it again changes nothing, no dot segment is left, and no
/// escape hides a byte that needs none.
pub fn path_normalisation(input: &[u8]) -> bool {
    let mut out = b"left over".to_vec();
    let path = match normalise(input, &mut out) {
        Err(error) => {
            assert_eq!(error.kind, Kind::PathRefused);
            return false;
        }
        Ok(false) => input,
        Ok(true) => out.as_slice(),
    };
    let mut again = Vec::new();
    assert!(!normalise(path, &mut again).expect("a normal path is accepted"), "{path:?} becomes {again:?}");
    assert!(path == b"*" || path.starts_with(b"/"));
    assert!(path.iter().all(|byte| byte.is_ascii_graphic() && !b"\\?#".contains(byte)));
    assert!(!path.split(|&byte| byte == b'/').any(|segment| segment == b"." || segment == b".."));
    assert_escapes(path);
    assert!(path.len() <= input.len().max(1));
    // The slashes that are left were there before.
    let slashes = |path: &[u8]| path.iter().filter(|&&byte| byte == b'/').count();
    assert!(slashes(path) <= slashes(input).max(1));
    true
}

fn assert_escapes(path: &[u8]) {
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = path.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.expect("an escape has two digits");
        let byte = u8::from_str_radix(digits, 16).expect("an escape has hexadecimal digits");
        assert_eq!(digits, digits.to_ascii_uppercase());
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        assert!(!unreserved && byte != 0 && byte != b'\\', "%{digits} is left in {path:?}");
    }
}
