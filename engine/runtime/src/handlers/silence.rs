//! Processes that give no sign: code in C that does not let go of the interpreter stops every thread of theirs, also
//! the one that would say where the event loop is blocked.
//!
//! A process that has something to do says how it is every few hundredths of a second. Whether it still does is seen
//! from here, because nothing in such a process can see it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use glorieta_core::Moment;

use super::{Process, Roster};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(50);
/// So long without a sign is silence: said within 200 ms.
const SILENT: Duration = Duration::from_millis(150);

/// What is to be said of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There was no sign for so long.
    Began(Duration),
    /// There is one again, after so long.
    Ended(Duration),
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Watch {
    /// Processes that are silent, by their numbers, and when they were heard last.
    silent: BTreeMap<u64, Moment>,
    looked: Option<Moment>,
}

impl Watch {
    /// Looks at all processes; tells each silence once, and its end.
    pub fn look(&mut self, processes: &[Arc<Process>], now: Moment) -> Vec<(u64, Silence)> {
        let late = self.looked.replace(now).is_some_and(|before| now.since(before) > LOOK * 2);
        self.silent.retain(|id, _| processes.iter().any(|process| process.id == *id));
        let mut told = Vec::new();
        for process in processes {
            let heard = process.heard();
            match (self.silent.get(&process.id), heard) {
                (Some(&since), heard) if heard.is_none_or(|heard| heard > since) => {
                    self.silent.remove(&process.id);
                    told.push((process.id, Silence::Ended(heard.unwrap_or(now).since(since))));
                }
                // Whoever looks late has no time from the machine, and neither has who is looked at.
                (None, Some(heard)) if !late && now.since(heard) >= SILENT => {
                    self.silent.insert(process.id, heard);
                    told.push((process.id, Silence::Began(now.since(heard))));
                }
                _ => {}
            }
        }
        told
    }
}

/// Looks for as long as there are processes to look at.
pub async fn watch(roster: Arc<Roster>) {
    let mut watch = Watch::default();
    loop {
        roster.some().await;
        tokio::time::sleep(LOOK).await;
        let told = watch.look(&roster.ready_processes(), Moment::now());
        roster.tell_silences(told);
    }
}
