//! Who would get a request, and why: told to a person before anything is known of the endpoints' health.
//!
//! Where the choice is determined the very function that serves requests makes it; where chance, turns or load decide,
//! each endpoint's share is told instead.

use glorieta_core::Moment;

use crate::pick::{Avoided, pick};
use crate::settings::{Place, Source};
use crate::{Balance, Upstream};

/// How an upstream's requests spread over its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// The one that gets this request, as it was written; `None`: chance, turns or load decide.
    pub endpoint: Option<String>,
    pub why: String,
    pub all: Vec<Share>,
}

/// One endpoint's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// As it was written.
    pub address: String,
    pub weight: u32,
    pub why: String,
}

impl Upstream {
    /// Tells how a request with this key would be given to an endpoint while all of them are well and idle.
    pub fn shares(&self, key: Option<u64>, now: Moment) -> Shares {
        let sources = &self.settings.sources;
        let (endpoint, why) = self.choice(key, now);
        let total: u64 = sources.iter().map(|source| u64::from(source.weight)).sum();
        let equal = sources.windows(2).all(|pair| pair[0].weight == pair[1].weight);
        let share = |(index, source): (usize, &Source)| {
            let part = match equal {
                true => format!("1 of {}", sources.len()),
                false => format!("{} of {total}", source.weight),
            };
            let why = match (&self.settings.balance, &endpoint) {
                (_, Some(chosen)) if **chosen == *source.written => why.clone(),
                (Balance::FirstAvailable, _) => format!("number {} if those before it are down", index + 1),
                (Balance::Hash(_), _) => format!("{part} values"),
                (Balance::RoundRobin, _) => format!("{part} turns"),
                (Balance::Random, _) => format!("{part} by chance"),
                (Balance::PeakEwma, _) => format!("{part} while all are equally fast"),
            };
            let note = if is_name(source) { "; all addresses of the name" } else { "" };
            Share { address: source.written.to_string(), weight: source.weight, why: format!("{why}{note}") }
        };
        let all = sources.iter().enumerate().map(share).collect();
        Shares { endpoint, why, all }
    }

    /// The endpoint, if it is determined, and the reason either way.
    fn choice(&self, key: Option<u64>, now: Moment) -> (Option<String>, String) {
        let sources = &self.settings.sources;
        let first = |why: &str| (sources.first().map(|source| source.written.to_string()), why.to_owned());
        match (&self.settings.balance, key) {
            _ if sources.is_empty() => (None, "it has no endpoint".to_owned()),
            _ if sources.iter().all(|source| source.written == sources[0].written) => first("the only one"),
            (Balance::FirstAvailable, _) => first("the first that is up"),
            (Balance::Hash(word), Some(_)) if sources.iter().any(is_name) => {
                (None, format!("hash of {word}, over addresses that are looked up while serving"))
            }
            (Balance::Hash(word), Some(_)) => {
                let chosen = pick(self, key, &Avoided::new(), true, now);
                (chosen.map(|endpoint| endpoint.name.to_string()), format!("hash of {word}"))
            }
            (Balance::Hash(word), None) => (None, format!("by chance: the request has no {word}")),
            (Balance::RoundRobin, _) => (None, "in turns".to_owned()),
            (Balance::Random, _) => (None, "by chance".to_owned()),
            (Balance::PeakEwma, _) => (None, "the better of two drawn, by expected time and load".to_owned()),
        }
    }
}

fn is_name(source: &Source) -> bool {
    matches!(source.place, Place::Name { .. })
}

#[cfg(test)]
mod tests {
    use glorieta_plan::Balance;

    use super::*;
    use crate::testing::{build, plan};

    fn shares(balance: Balance, addresses: &[&str], key: Option<u64>) -> Shares {
        build(&glorieta_plan::Upstream { balance, ..plan(addresses) }).shares(key, Moment::from_millis(1))
    }

    fn hash() -> Balance {
        Balance::Hash("header.x-user".to_owned())
    }

    const TWO: [&str; 2] = ["10.0.0.1:80", "10.0.0.2:80"];

    #[test]
    fn what_is_determined_is_named() {
        assert_eq!(shares(Balance::PeakEwma, &TWO[..1], None).endpoint.as_deref(), Some(TWO[0]));
        let first = shares(Balance::FirstAvailable, &TWO, None);
        assert_eq!(
            (first.endpoint.as_deref(), first.all[1].why.as_str()),
            (Some(TWO[0]), "number 2 if those before it are down")
        );
        let seen: Vec<_> = (0..50).map(|key| shares(hash(), &TWO, Some(key)).endpoint.unwrap()).collect();
        assert!(TWO.iter().all(|address| seen.iter().any(|one| one == address)));
        let picked: Vec<_> = (0..50)
            .map(|key| {
                let upstream = build(&glorieta_plan::Upstream { balance: hash(), ..plan(&TWO) });
                pick(&upstream, Some(key), &Avoided::new(), true, Moment::from_millis(1)).unwrap().name.to_string()
            })
            .collect();
        assert_eq!(seen, picked);
    }

    #[test]
    fn what_chance_decides_is_a_share() {
        for (balance, key, why) in [
            (Balance::RoundRobin, None, "1 of 2 turns"),
            (Balance::Random, None, "1 of 2 by chance"),
            (Balance::PeakEwma, None, "1 of 2 while all are equally fast"),
            (hash(), None, "1 of 2 values"),
        ] {
            let shares = shares(balance, &TWO, key);
            assert_eq!((shares.endpoint, shares.all[0].why.as_str()), (None, why));
        }
        let heavy = Upstream::build(
            &{
                let mut plan = plan(&TWO);
                plan.balance = Balance::RoundRobin;
                plan.endpoints[0].weight = 3;
                plan
            },
            None,
            std::sync::Arc::<crate::testing::Recorder>::default(),
            glorieta_net::tls::Absent::Wrong,
        );
        let heavy = heavy.ok().unwrap().shares(None, Moment::from_millis(1));
        assert_eq!((heavy.all[0].weight, heavy.all[0].why.as_str()), (3, "3 of 4 turns"));
    }

    #[test]
    fn addresses_of_names_are_not_known_beforehand() {
        let shares = shares(hash(), &["orders.example:80", "10.0.0.1:80"], Some(1));
        assert_eq!(shares.endpoint, None);
        assert!(shares.all[0].why.ends_with("all addresses of the name"), "{shares:?}");
        assert_eq!(
            super::tests::shares(hash(), &["orders.example:80"], Some(1)).endpoint.as_deref(),
            Some("orders.example:80")
        );
        assert_eq!(super::tests::shares(hash(), &[], Some(1)).endpoint, None);
    }
}
