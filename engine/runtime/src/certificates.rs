//! The files of TLS of a running Plan: looked at again and again, and used as soon as they have changed.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glorieta_net::tls::{Expiry, Originator, Refreshed, Terminator};

use crate::metrics::ObservedFiles;
use crate::snapshot::Snapshot;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);
const DAY: i64 = 86_400;

/// Who has files of TLS.
pub enum Watched {
    Listener(Arc<str>, Arc<Terminator>),
    Upstream(Arc<str>, Arc<Originator>),
}

/// All who have files of TLS in a snapshot, in the order of their names.
pub fn watched(snapshot: &Snapshot) -> Vec<Watched> {
    let listeners = snapshot
        .listeners
        .iter()
        .filter_map(|listener| listener.tls.as_ref().map(|tls| Watched::Listener(listener.id.clone(), tls.clone())));
    let upstreams = snapshot.upstreams.values().filter_map(|upstream| {
        upstream.settings.tls.as_ref().map(|tls| Watched::Upstream(upstream.id.clone(), tls.clone()))
    });
    let mut all: Vec<Watched> = listeners.chain(upstreams).collect();
    all.sort_by(|one, other| one.label().cmp(&other.label()));
    all
}

impl Watched {
    fn label(&self) -> (&'static str, &Arc<str>) {
        match self {
            Watched::Listener(id, _) => ("listener", id),
            Watched::Upstream(id, _) => ("upstream", id),
        }
    }

    fn expiries(&self) -> Vec<Expiry> {
        match self {
            Watched::Listener(_, terminator) => terminator.expiries(),
            Watched::Upstream(_, originator) => originator.expiry().into_iter().collect(),
        }
    }

    /// As metrics show it.
    pub fn observe(&self) -> ObservedFiles {
        let (kind, owner) = self.label();
        let expiries = self.expiries().into_iter().map(|expiry| (expiry.name.to_string(), expiry.not_after));
        let failures = match self {
            Watched::Listener(_, terminator) => terminator.failures(),
            Watched::Upstream(_, originator) => originator.failures(),
        };
        ObservedFiles { kind, owner: owner.to_string(), expiries: expiries.collect(), failures }
    }

    /// Reads files that have changed; a sentence if there is something to say.
    fn refresh(&self) -> Option<String> {
        let refreshed = match self {
            Watched::Listener(_, terminator) => terminator.refresh(),
            Watched::Upstream(_, originator) => originator.refresh(),
        };
        let (kind, owner) = self.label();
        Some(match refreshed? {
            Refreshed::Replaced => format!("{kind} {owner}: its TLS files have changed and are in use{}", self.lives()),
            Refreshed::Kept(problem) => {
                format!("{kind} {owner}: its changed TLS files cannot be used, those before stay in use: {problem}")
            }
        })
    }

    /// How long the certificates live, such as `; shop.example for another 89 days`.
    fn lives(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64);
        let life = |expiry: Expiry| format!("; {} for another {} days", expiry.name, (expiry.not_after - now) / DAY);
        self.expiries().into_iter().map(life).collect()
    }
}

/// Looks after the files for as long as the future is polled.
pub async fn keep_reading(watched: Vec<Watched>, say: fn(&str)) {
    if watched.is_empty() {
        return;
    }
    let watched = Arc::new(watched);
    loop {
        let looking = watched.clone();
        // A disk that hangs is not to hold up names and checks.
        let said = tokio::task::spawn_blocking(move || looking.iter().filter_map(Watched::refresh).collect::<Vec<_>>());
        said.await.unwrap_or_default().iter().for_each(|text| say(text));
        tokio::time::sleep(LOOK).await;
    }
}
