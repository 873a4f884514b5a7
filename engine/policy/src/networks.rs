//! Sets of networks: whom to trust, whom to let in.
//!
//! Most lists are empty or hold a handful of networks, so a list is searched from front to back;
//! from 16 networks on, ranges are sorted, merged and searched by halves.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// Up to this many ranges are searched from front to back.
const LINEAR: usize = 16;

/// Networks (CIDR) and single addresses. The empty set contains nothing.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// First and last address of each range, sorted, without overlap.
    version4: Vec<(u32, u32)>,
    version6: Vec<(u128, u128)>,
}

/// Who may come in, by address.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Empty: all.
    pub allow: Networks,
    /// Wins over `allow`.
    pub deny: Networks,
}

impl Access {
    /// A client without an address (a Unix socket's) is let in only where nothing is restricted to networks.
    pub fn permits(&self, client: Option<IpAddr>) -> bool {
        match client {
            Some(address) => !self.deny.contains(address) && (self.allow.is_empty() || self.allow.contains(address)),
            None => self.allow.is_empty(),
        }
    }
}

/// Why a network could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub network: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}: {}", self.network, self.message)
    }
}

impl std::error::Error for Problem {}

impl Networks {
    /// Reads networks such as `10.0.0.0/8`, `fd00::/8` or single addresses.
    ///
    /// # Errors
    /// The first text that is neither, or that has bits set right of its prefix: `10.0.0.1/8`
    /// leaves open whether one address or sixteen million are meant.
    pub fn parse(texts: &[String]) -> Result<Networks, Problem> {
        let mut networks = Networks::default();
        for text in texts {
            match parse_one(text).map_err(|message| Problem { network: text.clone(), message })? {
                IpNet::V4(network) => networks.version4.push((network.network().into(), network.broadcast().into())),
                IpNet::V6(network) => networks.version6.push((network.network().into(), network.broadcast().into())),
            }
        }
        merge(&mut networks.version4);
        merge(&mut networks.version6);
        Ok(networks)
    }

    pub fn is_empty(&self) -> bool {
        self.version4.is_empty() && self.version6.is_empty()
    }

    /// Whether an address lies in one of the networks. `::ffff:10.0.0.1` is `10.0.0.1`.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.contains_version4(address),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => self.contains_version4(address),
                None => self.contains_version6(address),
            },
        }
    }

    fn contains_version4(&self, address: Ipv4Addr) -> bool {
        search(&self.version4, address.into())
    }

    fn contains_version6(&self, address: Ipv6Addr) -> bool {
        search(&self.version6, address.into())
    }
}

fn parse_one(text: &str) -> Result<IpNet, String> {
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().map_err(|_| "neither an address nor a network such as 10.0.0.0/8".to_owned())?,
    };
    if network.trunc() != network {
        return Err(format!("has bits right of its prefix; write {} or {}", network.trunc(), network.addr()));
    }
    Ok(unmap(network))
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn unmap(network: IpNet) -> IpNet {
    let IpNet::V6(version6) = network else { return network };
    let mapped = version6.addr().to_ipv4_mapped().zip(version6.prefix_len().checked_sub(96));
    match mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok()) {
        Some(version4) => IpNet::V4(version4),
        None => network,
    }
}

fn merge<T: Ord + Copy>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
}

fn search<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    if ranges.len() <= LINEAR {
        return ranges.iter().any(|&(first, last)| first <= address && address <= last);
    }
    let after = ranges.partition_point(|&(first, _)| first <= address);
    after > 0 && address <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        Networks::parse(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn addresses_are_found_in_their_networks() {
        let set = networks(&["10.0.0.0/8", "192.168.1.7", "fd00::/8", "::ffff:172.16.0.0/108"]);
        for inside in ["10.0.0.0", "10.255.255.255", "192.168.1.7", "fd12::1", "::ffff:10.1.1.1", "172.16.5.5"] {
            assert!(set.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "192.168.1.8", "fe80::1", "::1", "::ffff:11.0.0.1", "::10.0.0.1"] {
            assert!(!set.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(networks(&[]).is_empty());
        assert!(!networks(&[]).contains("10.0.0.1".parse().unwrap()));
        assert!(networks(&["0.0.0.0/0"]).contains("255.255.255.255".parse().unwrap()));
        assert!(networks(&["::/0"]).contains("::1".parse().unwrap()));
    }

    #[test]
    fn a_bad_network_is_named() {
        for bad in ["", "10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0", "10.0.0.0/8 "] {
            let problem = Networks::parse(&["::1".to_owned(), bad.to_owned()]).unwrap_err();
            assert_eq!(problem.network, bad);
        }
    }

    proptest! {
        #[test]
        fn searching_by_halves_finds_the_same(texts in proptest::collection::vec((any::<u16>(), 8u8..=32), 0..60), address in any::<u16>()) {
            let list: Vec<Ipv4Net> = texts
                .into_iter()
                .map(|(high, length)| Ipv4Net::new((u32::from(high) << 16).into(), length).unwrap().trunc())
                .collect();
            let set = Networks::parse(&list.iter().map(Ipv4Net::to_string).collect::<Vec<_>>()).unwrap();
            let address = Ipv4Addr::from(u32::from(address) << 16);
            prop_assert_eq!(set.contains(address.into()), list.iter().any(|network| network.contains(&address)));
        }
    }
}
