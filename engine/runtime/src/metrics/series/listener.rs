//! Connections of one listener, and what went through its tunnels.

use std::sync::OnceLock;

use glorieta_core::Kind;

use super::outcome::{Outcome, OutcomeCells, outcomes};
use crate::metrics::cells::{Cell, PerWorker};

/// The two ways of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the upstream.
    In,
    /// From the upstream to the client.
    Out,
}

/// How a TLS handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    Full,
    /// An earlier session was taken up again.
    Resumed,
    Failed,
}

impl Handshake {
    const ALL: [(Handshake, &'static str); 3] =
        [(Handshake::Full, "full"), (Handshake::Resumed, "resumed"), (Handshake::Failed, "failed")];
}

#[derive(Debug, Default)]
struct ListenerCells {
    accepted: Cell,
    closed: Cell,
    became_idle: Cell,
    ceased_idle: Cell,
    tunnel_in: Cell,
    tunnel_out: Cell,
    /// In, out and lost; only where datagrams come.
    datagrams: OnceLock<Box<[Cell; 3]>>,
    rejected: OnceLock<Box<OutcomeCells>>,
    /// By [`Handshake`]; only where TLS is spoken.
    handshakes: OnceLock<Box<[Cell; 3]>>,
}

/// The connections of one listener as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub accepted: u64,
    pub closed: u64,
    /// Open, and waiting for a request.
    pub idle: u64,
    /// Open, and not idle.
    pub active: u64,
}

/// The counts of one listener. A connection stays on the worker that accepted it.
#[derive(Debug)]
pub struct ListenerSeries {
    listener: Box<str>,
    cells: PerWorker<ListenerCells>,
}

impl ListenerSeries {
    pub(in crate::metrics) fn new(listener: &str, workers: usize) -> ListenerSeries {
        ListenerSeries { listener: listener.into(), cells: PerWorker::new(workers) }
    }

    /// A connection was accepted; it is active at first.
    pub fn accepted(&self, worker: usize) {
        self.add(worker, |cells| &cells.accepted, 1);
    }

    /// An active connection waits for its next request.
    #[inline]
    pub fn became_idle(&self, worker: usize) {
        self.add(worker, |cells| &cells.became_idle, 1);
    }

    /// An idle connection has a request again, or is about to be closed.
    #[inline]
    pub fn ceased_idle(&self, worker: usize) {
        self.add(worker, |cells| &cells.ceased_idle, 1);
    }

    /// An active connection was closed.
    pub fn closed(&self, worker: usize) {
        self.add(worker, |cells| &cells.closed, 1);
    }

    /// A connection or request was refused before any route was chosen.
    pub fn rejected(&self, worker: usize, kind: Kind) {
        if let Some(cells) = self.cells.of(worker) {
            cells.rejected.get_or_init(Box::default).count(Outcome::Error(kind));
        }
    }

    /// A TLS handshake has ended.
    pub fn shook_hands(&self, worker: usize, handshake: Handshake) {
        if let Some(cells) = self.cells.of(worker) {
            cells.handshakes.get_or_init(Box::default)[handshake as usize].add(1);
        }
    }

    /// Bytes went through a tunnel: layer 4, WebSocket or CONNECT.
    #[inline]
    pub fn tunnel_bytes(&self, worker: usize, direction: Direction, bytes: u64) {
        match direction {
            Direction::In => self.add(worker, |cells| &cells.tunnel_in, bytes),
            Direction::Out => self.add(worker, |cells| &cells.tunnel_out, bytes),
        }
    }

    /// A datagram was passed on.
    pub fn datagram(&self, worker: usize, direction: Direction, bytes: usize) {
        self.tunnel_bytes(worker, direction, bytes as u64);
        self.count_datagram(worker, direction as usize);
    }

    /// A datagram was not passed on: the system had no room for it, or it was more than a session may be answered.
    pub fn datagram_lost(&self, worker: usize) {
        self.count_datagram(worker, 2);
    }

    fn count_datagram(&self, worker: usize, index: usize) {
        if let Some(cells) = self.cells.of(worker) {
            cells.datagrams.get_or_init(Box::default)[index].add(1);
        }
    }

    #[inline]
    fn add(&self, worker: usize, pick: impl Fn(&ListenerCells) -> &Cell, amount: u64) {
        if let Some(cells) = self.cells.of(worker) {
            pick(cells).add(amount);
        }
    }

    pub fn listener(&self) -> &str {
        &self.listener
    }

    /// The connections as they stand; between two workers' changes by at most those under way.
    pub fn connections(&self) -> Connections {
        let accepted = self.cells.sum(|cells| cells.accepted.get());
        let closed = self.cells.sum(|cells| cells.closed.get());
        let ceased = self.cells.sum(|cells| cells.ceased_idle.get());
        let idle = self.cells.sum(|cells| cells.became_idle.get()).saturating_sub(ceased);
        Connections { accepted, closed, idle, active: accepted.saturating_sub(closed).saturating_sub(idle) }
    }

    pub(in crate::metrics) fn rejections(&self) -> Vec<(&'static str, u64)> {
        outcomes(self.cells.iter().filter_map(|cells| cells.rejected.get().map(|rejected| &**rejected)))
    }

    /// None where there were none.
    pub(in crate::metrics) fn handshakes(&self) -> Vec<(&'static str, u64)> {
        let cells = || self.cells.iter().filter_map(|cells| cells.handshakes.get());
        let sum = |handshake| cells().map(|cells| cells[handshake as usize].get()).sum();
        let all = Handshake::ALL.map(|(handshake, word)| (word, sum(handshake)));
        if cells().next().is_some() { all.to_vec() } else { Vec::new() }
    }

    /// Datagrams in, out and lost; none where there were none.
    pub(in crate::metrics) fn datagrams(&self) -> Option<[u64; 3]> {
        let cells = || self.cells.iter().filter_map(|cells| cells.datagrams.get());
        cells().next()?;
        Some([0, 1, 2].map(|index| cells().map(|cells| cells[index].get()).sum()))
    }

    pub(in crate::metrics) fn tunnels(&self) -> [(&'static str, u64); 2] {
        let bytes_in = self.cells.sum(|cells| cells.tunnel_in.get());
        let bytes_out = self.cells.sum(|cells| cells.tunnel_out.get());
        [("in", bytes_in), ("out", bytes_out)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_active_or_idle_until_closed() {
        let series = ListenerSeries::new("web", 2);
        series.accepted(0);
        series.accepted(1);
        series.accepted(1);
        series.became_idle(1);
        series.closed(0);
        assert_eq!(series.connections(), Connections { accepted: 3, closed: 1, idle: 1, active: 1 });
        series.ceased_idle(1);
        series.closed(1);
        assert_eq!(series.connections(), Connections { accepted: 3, closed: 2, idle: 0, active: 1 });
        series.rejected(1, Kind::HeadMalformed);
        series.tunnel_bytes(0, Direction::Out, 7);
        assert_eq!(series.rejections(), [("head_malformed", 1)]);
        assert!(series.handshakes().is_empty());
        series.shook_hands(0, Handshake::Full);
        series.shook_hands(1, Handshake::Full);
        series.shook_hands(1, Handshake::Failed);
        assert_eq!(series.handshakes(), [("full", 2), ("resumed", 0), ("failed", 1)]);
        assert_eq!(series.tunnels(), [("in", 0), ("out", 7)]);
        assert_eq!(series.datagrams(), None);
        series.datagram(0, Direction::In, 5);
        series.datagram(1, Direction::In, 0);
        series.datagram_lost(1);
        assert_eq!(series.datagrams(), Some([2, 0, 1]));
        assert_eq!(series.tunnels(), [("in", 5), ("out", 7)]);
    }
}
