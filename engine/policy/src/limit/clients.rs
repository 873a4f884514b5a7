//! What is kept of each client: its open connections, and how fast it opens them. The table is bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use glorieta_core::Moment;

use super::Rate;

/// Parts of the table, each with a lock of its own.
const SHARDS: usize = 16;
/// Clients that a part remembers; 65,536 altogether, which takes some 4 MiB.
const MOST: usize = 4096;
/// How long a part that is full is not searched again for clients that may be forgotten, in nanoseconds.
const SEARCH_PAUSE: u64 = 100_000_000;

/// Whom connections are counted for: an IPv4 address, or the /64 of an IPv6 address, which is what one client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    V4(u32),
    V6(u64),
}

impl Client {
    pub fn of(address: IpAddr) -> Client {
        match address.to_canonical() {
            IpAddr::V4(address) => Client::V4(address.into()),
            IpAddr::V6(address) => Client::V6((u128::from(address) >> 64) as u64),
        }
    }
}

/// What each client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerClient {
    /// Open connections; 0: any number.
    pub connections: u32,
    /// New ones; `None`: as fast as it likes.
    pub rate: Option<Rate>,
}

/// Why a client may not open another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Connections,
    Rate,
}

/// Whether a connection that was let in is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// Its end has to be told: [`Clients::leave`].
    Counted,
    /// The table is full of clients that must not be forgotten.
    Uncounted,
}

/// The clients of a listener, shared by all workers.
#[derive(Debug)]
pub struct Clients {
    shards: [Mutex<Shard>; SHARDS],
    /// With a seed that nobody outside knows, so that nobody can choose addresses that collide.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    known: HashMap<Client, Known>,
    /// When it may be searched again for clients to forget.
    search: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    open: u32,
    /// Of [`Rate`].
    kept: u64,
}

impl Known {
    /// It has nothing open, and a new client would be let in no faster.
    fn is_idle(&self, now: Moment) -> bool {
        self.open == 0 && self.kept <= now.0
    }
}

impl Default for Clients {
    fn default() -> Clients {
        Clients { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Clients {
    /// Lets a connection of a client in that comes now.
    ///
    /// # Errors
    /// It has too many open, or opens them too fast; nothing has changed then.
    pub fn enter(&self, client: Client, may: PerClient, now: Moment) -> Result<Entered, Refusal> {
        let mut shard = self.shard(client);
        let before = shard.known.get(&client).copied();
        let mut known = before.unwrap_or_default();
        if may.connections > 0 && known.open >= may.connections {
            return Err(Refusal::Connections);
        }
        if let Some(rate) = may.rate {
            known.kept = rate.admit(known.kept, now).ok_or(Refusal::Rate)?;
        }
        if before.is_none() && !shard.has_room(now) {
            return Ok(Entered::Uncounted);
        }
        known.open += 1;
        shard.known.insert(client, known);
        Ok(Entered::Counted)
    }

    /// A connection that was counted has ended.
    pub fn leave(&self, client: Client, now: Moment) {
        let mut shard = self.shard(client);
        let Some(known) = shard.known.get_mut(&client) else { return };
        known.open = known.open.saturating_sub(1);
        if known.is_idle(now) {
            shard.known.remove(&client);
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).known.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, client: Client) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.hasher.hash_one(client) as usize % SHARDS])
    }
}

/// A panic elsewhere leaves counts that are still good.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn has_room(&mut self, now: Moment) -> bool {
        if self.known.len() < MOST {
            return true;
        }
        if now.0 >= self.search {
            self.search = now.0.saturating_add(SEARCH_PAUSE);
            self.known.retain(|_, known| !known.is_idle(now));
        }
        self.known.len() < MOST
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: PerClient = PerClient { connections: 0, rate: None };

    fn v4(number: u32) -> Client {
        Client::V4(number)
    }

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn a_client_is_an_address_or_a_64() {
        let client = |text: &str| Client::of(text.parse().unwrap());
        assert_eq!(client("192.0.2.1"), client("::ffff:192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("::1"), client("0.0.0.0"));
    }

    #[test]
    fn open_connections_are_bounded_for_each() {
        let (clients, may) = (Clients::default(), PerClient { connections: 2, ..ANY });
        for client in [v4(1), v4(2)] {
            assert_eq!(clients.enter(client, may, at(1)), Ok(Entered::Counted));
            assert_eq!(clients.enter(client, may, at(1)), Ok(Entered::Counted));
            assert_eq!(clients.enter(client, may, at(1)), Err(Refusal::Connections));
        }
        clients.leave(v4(1), at(2));
        assert_eq!(clients.enter(v4(1), may, at(2)), Ok(Entered::Counted));
        assert_eq!(clients.enter(v4(2), may, at(2)), Err(Refusal::Connections));
        // A bound that was lowered holds for those who come.
        assert_eq!(clients.enter(v4(1), PerClient { connections: 1, ..ANY }, at(2)), Err(Refusal::Connections));
    }

    #[test]
    fn what_ended_is_remembered_only_as_long_as_its_pace_counts() {
        let may = PerClient { connections: 0, rate: Rate::per_second(2) };
        let clients = Clients::default();
        assert!(clients.enter(v4(1), may, at(0)).is_ok() && clients.enter(v4(1), may, at(0)).is_ok());
        assert_eq!(clients.enter(v4(1), may, at(0)), Err(Refusal::Rate));
        clients.leave(v4(1), at(1));
        clients.leave(v4(1), at(1));
        assert_eq!(clients.len(), 1);
        assert_eq!(clients.enter(v4(1), may, at(1)), Err(Refusal::Rate));
        assert_eq!(clients.enter(v4(1), may, at(500)), Ok(Entered::Counted));
        clients.leave(v4(1), at(5000));
        assert!(clients.is_empty());
        // One that is told of twice, or never came, changes nothing.
        clients.leave(v4(1), at(5000));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_only_who_may_be_forgotten() {
        let (clients, may) = (Clients::default(), PerClient { connections: 1, rate: Rate::per_second(1) });
        assert_eq!(clients.enter(v4(u32::MAX), may, at(0)), Ok(Entered::Counted));
        for number in 0..200_000 {
            if clients.enter(v4(number), may, at(0)) == Ok(Entered::Counted) {
                clients.leave(v4(number), at(0));
            }
        }
        assert!(clients.len() <= SHARDS * MOST);
        assert_eq!(clients.enter(v4(u32::MAX), may, at(0)), Err(Refusal::Connections));
        // Once their pace counts no more there is room again.
        for number in 300_000..300_200 {
            assert_eq!(clients.enter(v4(number), may, at(10_000)), Ok(Entered::Counted));
        }
        assert_eq!(clients.len(), 201);
    }

    proptest! {
        /// Whatever order connections come and go in, never more are open than allowed, and the end leaves nothing.
        #[test]
        fn counts_are_exact(most in 1_u32..4, events in proptest::collection::vec((0_u32..3, any::<bool>()), 0..100)) {
            let (clients, may) = (Clients::default(), PerClient { connections: most, ..ANY });
            let mut open = [0_u32; 3];
            for (number, comes) in events {
                let count = &mut open[number as usize];
                if comes {
                    let entered = clients.enter(v4(number), may, at(1));
                    prop_assert_eq!(entered.is_ok(), *count < most);
                    *count += u32::from(entered.is_ok());
                } else if *count > 0 {
                    clients.leave(v4(number), at(1));
                    *count -= 1;
                }
            }
            for (number, count) in open.into_iter().enumerate() {
                (0..count).for_each(|_| clients.leave(v4(number as u32), at(1)));
            }
            prop_assert!(clients.is_empty());
        }
    }
}
