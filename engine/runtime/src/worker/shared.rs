//! What all workers share. Only this, atomics in state, and messages cross threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::challenges::Challenges;
use crate::handlers::Roster;
use crate::log::LogSink;
use crate::metrics::Registry;
use crate::snapshot::Snapshot;

pub struct Shared {
    pub snapshot: ArcSwap<Snapshot>,
    /// Grows with every snapshot that is published.
    pub generation: AtomicU64,
    pub draining: AtomicBool,
    pub registry: Arc<Registry>,
    pub log: LogSink,
    pub handlers: Arc<Roster>,
    pub challenges: Challenges,
    loads: Box<[Load]>,
}

/// What one worker has under way, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Load {
    pub requests: AtomicU32,
    pub connections: AtomicU32,
}

impl Shared {
    pub fn new(snapshot: Snapshot, registry: Arc<Registry>, log: LogSink, workers: usize) -> Shared {
        Shared {
            snapshot: ArcSwap::from_pointee(snapshot),
            generation: AtomicU64::new(1),
            draining: AtomicBool::new(false),
            registry,
            log,
            handlers: Arc::new(Roster::new(workers)),
            challenges: Challenges::default(),
            loads: (0..workers).map(|_| Load::default()).collect(),
        }
    }

    /// Publishes a snapshot: the one swap.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.store(snapshot);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub fn load(&self, worker: usize) -> &Load {
        &self.loads[worker]
    }

    /// Requests, tunnels and layer-4 connections under way.
    pub fn requests(&self) -> u32 {
        self.loads.iter().map(|load| load.requests.load(Ordering::Relaxed)).sum()
    }

    pub fn connections(&self) -> u32 {
        self.loads.iter().map(|load| load.connections.load(Ordering::Relaxed)).sum()
    }
}
