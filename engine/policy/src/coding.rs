//! Content codings, and which of them a client would rather have (RFC 9110 §8.4.1 and §12.5.3).

use crate::accept::weight;

/// A content coding that the engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 8878, with windows of at most 8 MiB (RFC 9659).
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
    /// RFC 1950: with the frame of zlib.
    Deflate,
}

impl Coding {
    pub const ALL: [Coding; 4] = [Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Deflate];

    /// Its name in header fields and in Plans.
    pub const fn token(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }

    /// Recognises a name in any letter case; `x-gzip` is `gzip` (RFC 9110 §8.4.1.3).
    pub fn parse(token: &[u8]) -> Option<Coding> {
        if token.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Coding::Gzip);
        }
        Coding::ALL.into_iter().find(|coding| token.eq_ignore_ascii_case(coding.token().as_bytes()))
    }

    /// The codings of a Plan's list, in its order.
    ///
    /// # Errors
    /// A name that is none of `known`, or that stands there twice.
    pub fn read_list(names: &[String], known: &[Coding]) -> Result<Box<[Coding]>, String> {
        let mut codings = Vec::with_capacity(names.len());
        for name in names {
            let coding = known.iter().find(|coding| coding.token() == name);
            let coding = *coding.ok_or_else(|| format!("{name:?} is no coding that could be used here"))?;
            if codings.contains(&coding) {
                return Err(format!("{name:?} stands there twice"));
            }
            codings.push(coding);
        }
        Ok(codings.into())
    }
}

/// What `Accept-Encoding` says, in thousandths. A coding that is named twice counts as it is named first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    named: [Option<u32>; Coding::ALL.len()],
    identity: Option<u32>,
    /// `*`: all that are not named.
    others: Option<u32>,
}

impl Accepted {
    /// Reads all fields of that name. Without any, or with an empty one, nothing is accepted but the plain form: the
    /// first would allow every coding, but who does not ask for one seldom knows any.
    pub fn read<'a>(values: impl Iterator<Item = &'a [u8]>) -> Accepted {
        let mut accepted = Accepted::default();
        for element in values.flat_map(|value| value.split(|&byte| byte == b',')) {
            let mut parts = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
            let token = parts.next().unwrap_or_default();
            let quality = parts.find_map(weight).unwrap_or(1000);
            let place = match Coding::parse(token) {
                Some(coding) => &mut accepted.named[coding as usize],
                None if token == b"*" => &mut accepted.others,
                None if token.eq_ignore_ascii_case(b"identity") => &mut accepted.identity,
                None => continue,
            };
            place.get_or_insert(quality);
        }
        accepted
    }

    /// How much a coding is wanted; 0: not at all.
    pub fn quality(&self, coding: Coding) -> u32 {
        self.named[coding as usize].or(self.others).unwrap_or(0)
    }

    /// Whether a coding is accepted, and no less wanted than the plain form.
    pub fn takes(&self, coding: Coding) -> bool {
        let quality = self.quality(coding);
        quality > 0 && self.identity.is_none_or(|identity| identity <= quality)
    }

    /// The coding of `offered` that is wanted most; of several alike the one that is offered first.
    pub fn choose(&self, offered: &[Coding]) -> Option<Coding> {
        let mut best = None;
        for &coding in offered.iter().filter(|&&coding| self.takes(coding)) {
            if best.is_none_or(|best| self.quality(coding) > self.quality(best)) {
                best = Some(coding);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFERED: [Coding; 3] = [Coding::Zstd, Coding::Gzip, Coding::Brotli];

    fn chosen(values: &[&str]) -> Option<&'static str> {
        Accepted::read(values.iter().map(|value| value.as_bytes())).choose(&OFFERED).map(Coding::token)
    }

    #[test]
    fn the_coding_wanted_most_is_chosen_and_else_the_first_that_is_offered() {
        for (values, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["gzip"], Some("gzip")),
            (&["GZIP"], Some("gzip")),
            (&["x-gzip"], Some("gzip")),
            (&["gzip, deflate, br, zstd"], Some("zstd")),
            (&["gzip, deflate, br"], Some("gzip")),
            (&["br"], Some("br")),
            (&["deflate"], None),
            (&["gzip;q=0.5, br;q=0.9"], Some("br")),
            (&["gzip;q=0.5", "br ; Q = 0.9"], Some("br")),
            (&["gzip;q=0"], None),
            (&["gzip;q=0, br"], Some("br")),
            (&["gzip;q=0.001"], Some("gzip")),
            (&["gzip;q=nonsense"], None),
            (&["gzip;q=5"], Some("gzip")),
            (&["gzip;level=3;q=0.2, br;q=0.3"], Some("br")),
            (&["*"], Some("zstd")),
            (&["*;q=0"], None),
            (&["gzip, *;q=0"], Some("gzip")),
            (&["zstd;q=0, *"], Some("gzip")),
            (&["zstd;q=0, *;q=0.5, br"], Some("br")),
            // The plain form, where the client would rather have that.
            (&["identity, gzip;q=0.5"], None),
            (&["identity;q=0.5, gzip;q=0.5"], Some("gzip")),
            (&["identity;q=0, gzip;q=0.1"], Some("gzip")),
            // Nothing that is offered would do: the plain form all the same.
            (&["identity;q=0"], None),
            (&["identity;q=0, compress"], None),
            (&["gzip;q=0, gzip"], None),
            (&[",, ;, gzip ,"], Some("gzip")),
            (&["gzip\tbr"], None),
            (&["gzipped, xgzip"], None),
        ] {
            assert_eq!(chosen(values), expected, "{values:?}");
        }
    }

    #[test]
    fn lists_of_plans_have_each_known_name_once() {
        let read = |names: &[&str]| {
            Coding::read_list(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), &OFFERED)
        };
        assert_eq!(read(&["br", "zstd"]).as_deref(), Ok(&[Coding::Brotli, Coding::Zstd][..]));
        for wrong in [&["deflate"][..], &["GZIP"], &["gzip", "gzip"], &[""]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_and_only_what_is_accepted_is_chosen(
            values in proptest::collection::vec("[a-z*;=.,0-9 \\x00-\\xff]{0,40}", 0..4),
        ) {
            let accepted = Accepted::read(values.iter().map(String::as_bytes));
            if let Some(coding) = accepted.choose(&OFFERED) {
                prop_assert!(accepted.quality(coding) > 0);
                prop_assert!(OFFERED.iter().all(|&other| accepted.quality(other) <= accepted.quality(coding)));
            }
        }

        #[test]
        fn order_in_the_field_does_not_matter(one in 0u32..=1000, two in 0u32..=1000) {
            let (one, two) = (format!("gzip;q={:.3}", one as f32 / 1000.0), format!("br;q={:.3}", two as f32 / 1000.0));
            prop_assert_eq!(chosen(&[&format!("{one},{two}")]), chosen(&[&two, &one]));
        }
    }
}
