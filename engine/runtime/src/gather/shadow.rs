//! Parts for which nobody waits: sent once the request knows all that they need, their answers thrown away.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use glorieta_core::Moment;
use glorieta_policy::gather::partial::Reason;
use glorieta_upstream::Progress;

use super::{Asked, Part, fetch};
use crate::snapshot::{Route, Target};
use crate::worker::current_worker;

/// How long one may take that says nothing itself.
const PATIENCE: Duration = Duration::from_secs(10);
/// Those of one worker that may be under way; further ones are not sent, and counted as overloaded.
const MOST: u32 = 1000;
/// Bytes of an answer that are read so that its connection can be used again.
const READ: u64 = 64 << 10;

thread_local! {
    static UNDER_WAY: Cell<u32> = const { Cell::new(0) };
}

/// Counts one that is under way, also when it is cut.
struct Counted;

impl Counted {
    fn begin() -> Option<Counted> {
        let under_way = UNDER_WAY.get();
        (under_way < MOST).then(|| {
            UNDER_WAY.set(under_way + 1);
            Counted
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get() - 1);
    }
}

/// Sends a part of a route, and forgets it. The route outlives a reload.
pub fn send(route: Arc<Route>, place: usize, asked: Asked, key: Option<u64>) {
    let Target::Gather(gather) = &route.target else { return };
    let Some(counted) = Counted::begin() else {
        return gather.parts[place].series.count(current_worker(), Some(Reason::Overloaded));
    };
    tokio::task::spawn_local(async move {
        let _counted = counted;
        if let Target::Gather(gather) = &route.target {
            run(&gather.parts[place], asked, key).await;
        }
    });
}

async fn run(part: &Part, asked: Asked, key: Option<u64>) {
    let deadline = Moment::now().plus(part.timeout.unwrap_or(PATIENCE));
    let fetched = fetch::fetch(part, asked, key, Some(deadline), &Cell::new(READ), &Progress::default()).await;
    let outcome = match fetched {
        Ok(arrived) if (200..300).contains(&arrived.head.status) => None,
        Ok(_) => Some(Reason::Status),
        // Nobody wanted to read it.
        Err(failure) if failure.reason == Reason::TooLarge => None,
        Err(failure) => Some(failure.reason),
    };
    part.series.count(current_worker(), outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_may_be_under_way_and_no_more() {
        let all: Vec<Counted> = (0..MOST).map(|_| Counted::begin().expect("room")).collect();
        assert!(Counted::begin().is_none());
        drop(all);
        assert!(Counted::begin().is_some());
        assert_eq!(UNDER_WAY.get(), 0);
    }
}
