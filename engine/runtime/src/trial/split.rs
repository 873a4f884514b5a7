//! Which variant of a split a request meets, and who gets a copy of it.

use super::report::{Chosen, Mirrored, Share};
use crate::mirror::Mirror;
use crate::serve::{By, Key, Request, Split, Variant};

/// The variant that a request meets, or the likeliest where that is left to chance.
pub fn choose<'a>(request: &Request, split: &'a Split) -> (&'a Variant, Chosen) {
    let (place, by_chance, why) = match (split.key(request), &split.by) {
        (Key::Known(key), by) => (split.shares.pick(key), false, known(by)),
        (Key::Address(key), by) => (split.shares.pick(key), false, format!("by client.ip, for want of {}", name(by))),
        (Key::Chance, By::Random) => (split.shares.largest(), true, "by chance".to_owned()),
        (Key::Chance, by @ By::Cookie(_)) => {
            (split.shares.largest(), true, format!("by chance, and from then on by {}", name(by)))
        }
        (Key::Chance, by) => (split.shares.largest(), true, format!("by chance, for want of {}", name(by))),
    };
    let variant = &split.variants[place];
    let share = |variant: &Variant| Share { upstream: variant.proxy.upstream.id.to_string(), weight: variant.weight };
    let variants = split.variants.iter().map(share).collect();
    (variant, Chosen { upstream: variant.proxy.upstream.id.to_string(), why, by_chance, variants })
}

fn known(by: &By) -> String {
    format!("by {}", name(by))
}

fn name(by: &By) -> String {
    match by {
        By::Random => "chance".to_owned(),
        By::Cookie(name) => format!("cookie.{name}"),
        By::Word(word) => word.to_string(),
    }
}

/// The request's head is as the copy would have it.
pub fn mirrored(request: &Request, mirror: &Mirror) -> Mirrored {
    let head = &request.head;
    let why = mirror.refuses(request).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let query = head.query().map(|query| format!("?{}", text(query))).unwrap_or_default();
    Mirrored {
        upstream: mirror.upstream.id.to_string(),
        share_percent: if why.is_empty() { mirror.share } else { 0 },
        why: why.to_owned(),
        method: text(head.method_text()),
        target: text(head.path()) + &query,
    }
}
