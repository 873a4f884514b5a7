//! Which of several versions of a service a request meets.
//!
//! Every variant draws a number from the request's key and its own name, and the best one wins: weighted rendezvous
//! hashing, as endpoints are chosen by [`crate::balance::hash`]. So a variant whose weight grows keeps all that it
//! has, one whose weight shrinks only gives away, and nobody else moves: raising a canary from 5 to 10 moves five
//! of a hundred clients, all of them to the canary. Where the same two upstreams share out several routes, a client
//! meets the same of them on each.

use std::io::Write;

use crate::balance::hash;

/// Variants and their shares.
#[derive(Clone, Debug)]
pub struct Split {
    variants: Vec<Variant>,
}

#[derive(Clone, Copy, Debug)]
struct Variant {
    id: u64,
    weight: u32,
}

impl Split {
    /// Variants by name and weight; one of weight 0 is never met.
    ///
    /// # Errors
    /// A sentence where no variant would be met, or a name stands there twice.
    pub fn new<'a>(variants: impl IntoIterator<Item = (&'a str, u32)>) -> Result<Split, String> {
        let mut names: Vec<&str> = Vec::new();
        let mut made = Vec::new();
        for (name, weight) in variants {
            if names.contains(&name) {
                return Err(format!("{name:?} stands there twice"));
            }
            names.push(name);
            made.push(Variant { id: hash::of(name.as_bytes()), weight });
        }
        match made.iter().any(|variant| variant.weight > 0) {
            true => Ok(Split { variants: made }),
            false => Err("no variant has a weight above 0".to_owned()),
        }
    }

    /// The place of the variant that this key meets.
    pub fn pick(&self, key: u64) -> usize {
        let variants = &self.variants;
        let id = |index: usize| variants[index].id;
        let weight = |index: usize| variants[index].weight;
        // One weight is above 0, so there is always one.
        hash::pick(key, variants.len(), id, weight, |index| weight(index) > 0).unwrap_or_default()
    }

    /// The place of the variant that most requests meet; of equal ones the first.
    pub fn largest(&self) -> usize {
        let weights = self.variants.iter().map(|variant| variant.weight).enumerate();
        weights.rev().max_by_key(|(_, weight)| *weight).map_or(0, |(index, _)| index)
    }
}

/// What the cookie of a split holds: one of 65,536 numbers, so that it names no person, and whoever makes one up
/// chooses a variant and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u16);

impl Ticket {
    /// A new one from random bits.
    pub const fn draw(bits: u16) -> Ticket {
        Ticket(bits)
    }

    /// Four hexadecimal digits in lower case, and nothing else.
    pub fn read(value: &[u8]) -> Option<Ticket> {
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let text = std::str::from_utf8(value).ok().filter(|_| value.len() == 4 && value.iter().all(digit))?;
        u16::from_str_radix(text, 16).ok().map(Ticket)
    }

    pub fn key(self) -> u64 {
        hash::of(&self.0.to_be_bytes())
    }

    /// The value of `Set-Cookie` (RFC 6265 §4.1) that gives it out: for the whole site, for as long as the browser
    /// runs, unseen by scripts, and only by TLS where it came by TLS.
    pub fn set_cookie(self, name: &str, secure: bool) -> Vec<u8> {
        let mut value = Vec::with_capacity(name.len() + 56);
        // Writing to memory does not fail.
        let _ = write!(value, "{name}={:04x}; Path=/; HttpOnly; SameSite=Lax", self.0);
        if secure {
            value.extend_from_slice(b"; Secure");
        }
        value
    }
}

/// A `Cookie` line without the pairs of one name (RFC 6265 §4.2); `None`: it has none of them.
pub fn without_cookie(line: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let is_own = |pair: &&[u8]| pair.trim_ascii().strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'='));
    let pairs = || line.split(|&byte| byte == b';');
    if !pairs().any(|pair| is_own(&pair)) {
        return None;
    }
    let kept: Vec<&[u8]> = pairs().filter(|pair| !is_own(pair)).map(<[u8]>::trim_ascii).collect();
    Some(kept.join(&b"; "[..]))
}

/// Whether an answer may be kept by caches that several clients share (RFC 9111 §5.2.2.9, §5.2.2.10): a cookie in it
/// would be everybody's.
pub fn is_for_shared_caches<'a>(cache_control: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let directives = cache_control.into_iter().flat_map(|line| line.split(|&byte| byte == b','));
    directives.map(<[u8]>::trim_ascii).any(|directive| {
        let name = directive.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii_end();
        name.eq_ignore_ascii_case(b"public") || name.eq_ignore_ascii_case(b"s-maxage")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["stable", "canary", "blue", "green"];

    fn split(weights: [u32; 4]) -> Split {
        Split::new(NAMES.into_iter().zip(weights)).unwrap()
    }

    #[test]
    fn shares_follow_weights() {
        let split = split([85, 5, 10, 0]);
        let mut met = [0.0_f64; 4];
        for key in 0..200_000_u64 {
            met[split.pick(hash::of(&key.to_le_bytes()))] += 100.0 / 200_000.0;
        }
        for (met, weight) in met.iter().zip([85.0, 5.0, 10.0, 0.0]) {
            assert!((met - weight).abs() < 0.5, "{met} of {weight}");
        }
        assert!(met[3] == 0.0);
    }

    #[test]
    fn all_tickets_together_are_shared_out_as_weights_say() {
        for canary in [1, 5, 10, 50] {
            let split = Split::new([("stable", 100 - canary), ("canary", canary)]).unwrap();
            let met = (0..=u16::MAX).filter(|&bits| split.pick(Ticket::draw(bits).key()) == 1).count();
            let percent = met as f64 * 100.0 / 65_536.0;
            assert!((percent - f64::from(canary)).abs() < 0.6, "{percent} of {canary}");
        }
    }

    #[test]
    fn weights_that_lead_nowhere_are_refused() {
        assert!(Split::new([("a", 0), ("b", 0)]).is_err());
        assert!(Split::new([]).is_err());
        assert!(Split::new([("a", 1), ("a", 1)]).is_err());
        assert_eq!(Split::new([("a", 0), ("b", 1)]).unwrap().pick(7), 1);
    }

    #[test]
    fn the_largest_is_the_first_of_equal_ones() {
        assert_eq!(split([1, 5, 5, 0]).largest(), 1);
    }

    #[test]
    fn a_ticket_is_four_digits() {
        assert_eq!(Ticket::read(b"00ff"), Some(Ticket(255)));
        for bad in ["", "0", "00f", "000ff", "00FF", "+0ff", "00fg", "0x0f", "00f\u{e9}"] {
            assert_eq!(Ticket::read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Ticket(10).set_cookie("s", false), b"s=000a; Path=/; HttpOnly; SameSite=Lax");
        assert!(Ticket(10).set_cookie("s", true).ends_with(b"; Secure"));
    }

    #[test]
    fn only_the_cookie_of_that_name_is_taken_out() {
        let without =
            |line: &str| without_cookie(line.as_bytes(), b"split").map(|line| String::from_utf8(line).unwrap());
        assert_eq!(without("a=1; split=00ff; b=2").as_deref(), Some("a=1; b=2"));
        assert_eq!(without("split=1;split=2").as_deref(), Some(""));
        assert_eq!(without("a=1; splits=2; Split=3; b=split=1"), None);
        assert_eq!(without(""), None);
    }

    #[test]
    fn answers_for_shared_caches_are_known() {
        let shared = |text: &'static str| is_for_shared_caches([text.as_bytes()]);
        assert!(shared("public, max-age=60") && shared("max-age=1, S-MaxAge=60") && shared("PUBLIC"));
        assert!(!shared("private") && !shared("no-store") && !shared("max-age=60") && !shared("x-public"));
        assert!(!is_for_shared_caches([]));
    }

    proptest! {
        #[test]
        fn who_moves_moves_to_what_has_grown(key: u64, before in proptest::array::uniform4(0_u32..100), more in 1_u32..100, which in 0_usize..4) {
            prop_assume!(before.iter().any(|&weight| weight > 0));
            let mut after = before;
            after[which] += more;
            let (was, is) = (split(before).pick(key), split(after).pick(key));
            prop_assert!(was == is || is == which);
        }

        #[test]
        fn a_canary_that_grows_at_the_cost_of_the_rest_keeps_its_own(key: u64, canary in 0_u32..=100, more in 0_u32..=100) {
            let share = |canary: u32| Split::new([("stable", 100 - canary), ("canary", canary)]).unwrap().pick(key);
            if share(canary) == 1 {
                prop_assert_eq!(share((canary + more).min(100)), 1);
            }
        }

        #[test]
        fn the_order_and_the_scale_of_variants_do_not_matter(key: u64, weights in proptest::array::uniform4(1_u32..50), scale in 1_u32..20) {
            let name = NAMES[split(weights).pick(key)];
            let scaled = weights.map(|weight| weight * scale);
            let turned: Vec<_> = NAMES.into_iter().zip(scaled).rev().collect();
            let other = turned[Split::new(turned.iter().copied()).unwrap().pick(key)].0;
            prop_assert_eq!(name, other);
        }

        #[test]
        fn whatever_a_client_sends_as_a_cookie_is_a_ticket_or_none(value: Vec<u8>, name in "[a-z]{1,8}") {
            if let Some(ticket) = Ticket::read(&value) {
                prop_assert!(ticket.set_cookie("s", false).starts_with(&[b"s=", &value[..]].concat()));
            }
            if let Some(kept) = without_cookie(&value, name.as_bytes()) {
                prop_assert!(without_cookie(&kept, name.as_bytes()).is_none());
                prop_assert!(kept.len() < value.len() * 2);
            }
        }
    }
}
