//! The queue alone: who is woken, in which order, and that no word is lost.

use super::*;

use crate::testing::{build, endpoint, on_worker, plan};

fn released() -> Grant {
    Grant::Released(endpoint(&build(&plan(&["10.0.0.1:80"])), 0))
}

/// Whether a word lies there; taking it out is left to whoever waits.
fn is_woken(place: &mut Place<'_>) -> bool {
    let mut woken = std::pin::pin!(place.woken());
    woken.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
}

#[test]
fn who_came_first_is_woken_first() {
    let queue = Queue::default();
    let mut places: Vec<_> = (0..3).map(|_| queue.join(10, false).unwrap()).collect();
    assert_eq!(queue.waiting(), 3);
    for turn in 0..3 {
        queue.wake_first(Grant::Changed);
        assert_eq!(queue.waiting(), 2 - turn as u32);
        for (index, place) in places.iter_mut().enumerate().skip(turn) {
            assert_eq!(is_woken(place), index == turn);
        }
    }
    // With nobody left a word is for nobody.
    queue.wake_first(Grant::Changed);
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn a_waiter_that_gives_up_passes_its_word_on() {
    on_worker(async {
        let queue = Queue::default();
        let (first, mut second) = (queue.join(10, false).unwrap(), queue.join(10, false).unwrap());
        queue.wake_first(released());
        drop(first);
        assert!(matches!(second.woken().await, Grant::Released(_)));
        // One that has used its word has none to pass on.
        let mut third = queue.join(10, false).unwrap();
        drop(second);
        assert!(!is_woken(&mut third));
    });
}

#[test]
fn a_waiter_that_gave_up_before_gets_no_word() {
    on_worker(async {
        let queue = Queue::default();
        let (first, mut second) = (queue.join(10, false).unwrap(), queue.join(10, false).unwrap());
        drop(first);
        queue.wake_first(released());
        assert!(matches!(second.woken().await, Grant::Released(_)));
        assert_eq!(queue.waiting(), 0);
    });
}

#[test]
fn only_so_many_may_wait_and_who_gave_up_does_not_count() {
    let queue = Queue::default();
    assert!(queue.join(0, false).is_none());
    let (first, _second) = (queue.join(2, false).unwrap(), queue.join(2, false).unwrap());
    assert!(queue.join(2, false).is_none());
    assert_eq!(queue.waiting(), 2);
    drop(first);
    let third = queue.join(2, false);
    assert!(third.is_some());
    assert_eq!(queue.waiting(), 2);
    // Who was let in once and woken in vain is not turned away, and need not begin again behind all others.
    let mut again = queue.join(2, true).unwrap();
    queue.wake_first(Grant::Changed);
    assert!(is_woken(&mut again));
}

#[test]
fn a_change_wakes_all() {
    on_worker(async {
        let queue = Queue::default();
        let mut places: Vec<_> = (0..5).map(|_| queue.join(10, false).unwrap()).collect();
        queue.wake_all();
        assert_eq!(queue.waiting(), 0);
        for place in &mut places {
            assert!(matches!(place.woken().await, Grant::Changed));
        }
    });
}

#[test]
fn whether_the_first_is_of_this_thread_is_known() {
    let queue = Queue::default();
    assert!(!queue.first_is_here());
    let gone = queue.join(10, false);
    let here = queue.join(10, false);
    drop(gone);
    assert!(queue.first_is_here());
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            assert!(!queue.first_is_here());
            let place = queue.join(10, false);
            drop(here);
            assert!(queue.first_is_here());
            place
        });
        let _place = there.join().unwrap();
        assert!(!queue.first_is_here());
        assert_eq!(queue.waiting(), 1);
    });
}
