//! Keeping the addresses of names current. Runs on the housekeeper, never on a worker.

use std::sync::Arc;
use std::time::Duration;

use glorieta_net::dns::{DnsError, Resolver};

use crate::Upstream;

/// How long after a failed look-up the next follows.
const AGAIN: Duration = Duration::from_secs(2);

/// Looks up every name of an upstream once, all at the same time, and publishes its endpoints.
/// A name that cannot be resolved keeps the addresses that it had; what went wrong is returned.
pub async fn resolve_once(upstream: &Upstream, resolver: &Resolver) -> Vec<DnsError> {
    let mut problems = Vec::new();
    for name in upstream.names() {
        if let Err(problem) = look_up(upstream, &name, resolver).await {
            problems.push(problem);
        }
    }
    upstream.refresh();
    problems
}

/// Looks up one name again and again, as long as its answers stand, for ever. A change is published at once;
/// `say` is told when look-ups begin to fail and when they work again.
pub async fn keep_resolving(upstream: Arc<Upstream>, resolver: &Resolver, say: impl Fn(&str)) {
    let names = upstream.names();
    let name = |index: usize| &names[index];
    if names.is_empty() {
        return;
    }
    let mut due = vec![tokio::time::Instant::now() + Duration::from_secs(1); names.len()];
    let mut failing = vec![false; names.len()];
    loop {
        let Some(next) = (0..names.len()).min_by_key(|&index| due[index]) else { return };
        tokio::time::sleep_until(due[next]).await;
        let wait = match look_up(&upstream, name(next), resolver).await {
            Ok((valid_for, changed)) => {
                if changed {
                    upstream.refresh();
                    say(&format!("upstream {}: {} has other addresses now", upstream.id, name(next)));
                } else if failing[next] {
                    say(&format!("upstream {}: {} resolves again", upstream.id, name(next)));
                }
                failing[next] = false;
                valid_for
            }
            Err(problem) => {
                if !std::mem::replace(&mut failing[next], true) {
                    say(&format!("upstream {}: {problem}; the last addresses stay in use", upstream.id));
                }
                AGAIN
            }
        };
        due[next] = tokio::time::Instant::now() + wait;
    }
}

async fn look_up(upstream: &Upstream, name: &Arc<str>, resolver: &Resolver) -> Result<(Duration, bool), DnsError> {
    let resolved = resolver.resolve(name).await?;
    let changed = upstream.note_addresses(name, resolved.addresses);
    Ok((resolved.valid_for, changed))
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
