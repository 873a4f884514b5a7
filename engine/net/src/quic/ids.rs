//! Connection ids that name their worker. Who looks on from outside sees random bytes (RFC 9000 §5.1).

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};

use super::keys::{keys, random};

const NONCE: usize = 6;
const SEAL: usize = 6;
/// Bytes of a connection id: a nonce, and the worker with four bytes that must be zero, sealed by the nonce.
pub(super) const LENGTH: usize = NONCE + SEAL;
/// The first bit of a packet with a long header (RFC 9000 §17.2).
const LONG_HEADER: u8 = 0x80;
/// Where a long header says how long the destination's connection id is.
const LONG_LENGTH: usize = 5;

/// Makes the ids of one worker's connections.
#[derive(Debug)]
pub(super) struct Ids {
    pub worker: u16,
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let nonce = random::<NONCE>();
        let mut seal = seal(&nonce);
        seal.iter_mut().zip(self.worker.to_be_bytes()).for_each(|(byte, worker)| *byte ^= worker);
        let mut id = [0; LENGTH];
        id[..NONCE].copy_from_slice(&nonce);
        id[NONCE..].copy_from_slice(&seal);
        ConnectionId::new(&id)
    }

    /// Packets for ids that were never given are not even answered with a reset.
    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        owner(id).map(|_| ()).ok_or(InvalidCid)
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn seal(nonce: &[u8]) -> [u8; SEAL] {
    let mut hasher = keys().ids.build_hasher();
    hasher.write(nonce);
    let mut seal = [0; SEAL];
    seal.copy_from_slice(&hasher.finish().to_be_bytes()[..SEAL]);
    seal
}

/// The worker that has made an id; `None`: it was not made in this process.
pub(super) fn owner(id: &[u8]) -> Option<u16> {
    let (nonce, sealed) = id.split_at_checked(NONCE).filter(|(_, sealed)| sealed.len() == SEAL)?;
    let mut opened = seal(nonce);
    opened.iter_mut().zip(sealed).for_each(|(byte, sealed)| *byte ^= sealed);
    let [first, second, rest @ ..] = opened;
    (rest == [0; SEAL - 2]).then(|| u16::from_be_bytes([first, second]))
}

/// The worker whose connection a datagram is for; `None`: a new one, or nobody's.
pub(super) fn owner_of_datagram(datagram: &[u8]) -> Option<u16> {
    let id = if datagram.first()? & LONG_HEADER == 0 {
        datagram.get(1..=LENGTH)?
    } else {
        let length = usize::from(*datagram.get(LONG_LENGTH)?);
        datagram.get(LONG_LENGTH + 1..LONG_LENGTH + 1 + length)?
    };
    owner(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_worker_and_nobody_else_can_make_one() {
        for worker in [0, 1, 7, 1023, u16::MAX] {
            let mut ids = Ids { worker };
            let (one, other) = (ids.generate_cid(), ids.generate_cid());
            assert_ne!(one, other);
            assert_eq!((owner(&one), owner(&other)), (Some(worker), Some(worker)));
            assert!(ids.validate(&one).is_ok());
            let mut forged = one.to_vec();
            forged[LENGTH - 1] ^= 1;
            assert_eq!(owner(&forged), None);
            assert!(ids.validate(&ConnectionId::new(&forged)).is_err());
        }
        for length in 0..=20 {
            assert_eq!(owner(&vec![0x5a; length]), None, "{length} bytes");
        }
    }

    #[test]
    fn both_forms_of_headers_are_read_and_nothing_beyond_their_end() {
        let id = Ids { worker: 3 }.generate_cid();
        let short = [&[0x40][..], &id, b"payload"].concat();
        let long = [&[0xc0, 0, 0, 0, 1, LENGTH as u8][..], &id, &[0]].concat();
        for datagram in [&short, &long] {
            assert_eq!(owner_of_datagram(datagram), Some(3));
            let ends = datagram.len() - if datagram == &short { 7 } else { 1 };
            for cut in 0..ends {
                assert_eq!(owner_of_datagram(&datagram[..cut]), None, "{cut} bytes");
            }
        }
        assert_eq!(owner_of_datagram(&[0xc0, 0, 0, 0, 1, 255]), None);
    }
}
