//! The wheel by a clock that the test moves, and its driver by the real one.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Wake;

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn advance_to(millis: u64) {
    WHEEL.with(|wheel| wheel.advance(millis * 1_000_000));
}

fn polled(timer: &Timer, count: &Arc<Count>) -> Poll<()> {
    timer.poll(&mut Context::from_waker(&count.clone().into()))
}

#[test]
fn fires_once_its_deadline_has_passed_and_not_before() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    timer.arm(Moment::from_millis(105));
    assert_eq!(polled(&timer, &count), Poll::Pending);
    advance_to(104);
    assert_eq!((polled(&timer, &count), count.0.load(Ordering::Relaxed)), (Poll::Pending, 0));
    advance_to(110);
    assert_eq!((polled(&timer, &count), count.0.load(Ordering::Relaxed)), (Poll::Ready(()), 1));
    timer.arm(Moment::from_millis(200));
    assert_eq!(polled(&timer, &count), Poll::Pending);
}

#[test]
fn a_deadline_may_move_both_ways() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    timer.arm(Moment::from_millis(1000));
    timer.arm(Moment::from_millis(5000));
    assert_eq!(polled(&timer, &count), Poll::Pending);
    advance_to(1500);
    assert_eq!(polled(&timer, &count), Poll::Pending);
    timer.arm(Moment::from_millis(2000));
    advance_to(2000);
    assert_eq!(polled(&timer, &count), Poll::Ready(()));
}

#[test]
fn a_dropped_timer_leaves_its_entry_to_the_next_and_wakes_nobody() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    timer.arm(Moment::from_millis(100));
    assert_eq!(polled(&timer, &count), Poll::Pending);
    drop(timer);
    assert_eq!(Arc::strong_count(&count), 1);
    let entries = |wheel: &Wheel| wheel.slots.borrow().values().map(Vec::len).sum::<usize>();
    for _ in 0..1000 {
        Timer::new().arm(Moment::from_millis(100));
    }
    assert_eq!(WHEEL.with(entries), 1);
    advance_to(1000);
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
}

#[test]
fn an_alarm_wakes_and_the_deadline_stands() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    let alarm = timer.alarm();
    assert_eq!(polled(&timer, &count), Poll::Pending);
    alarm.ring();
    assert_eq!((polled(&timer, &count), count.0.load(Ordering::Relaxed)), (Poll::Pending, 1));
}

#[test]
fn a_deadline_that_is_shared_only_moves_forward() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    timer.arm_by(Moment::from_millis(500));
    timer.arm_by(Moment::from_millis(900));
    assert_eq!(polled(&timer, &count), Poll::Pending);
    advance_to(500);
    assert_eq!(polled(&timer, &count), Poll::Ready(()));
    timer.arm(Moment::from_millis(2000));
    timer.arm_by(Moment::from_millis(1000));
    advance_to(1000);
    assert_eq!(polled(&timer, &count), Poll::Ready(()));
}

#[test]
fn a_disarmed_timer_does_not_fire_and_can_be_armed_again() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    timer.arm(Moment::from_millis(100));
    assert_eq!(polled(&timer, &count), Poll::Pending);
    timer.disarm();
    advance_to(1000);
    assert_eq!((polled(&timer, &count), count.0.load(Ordering::Relaxed)), (Poll::Pending, 0));
    timer.arm(Moment::from_millis(1100));
    advance_to(1100);
    assert_eq!((polled(&timer, &count), count.0.load(Ordering::Relaxed)), (Poll::Ready(()), 1));
    timer.disarm();
    assert_eq!(polled(&timer, &count), Poll::Pending);
}

#[test]
fn an_entry_that_an_alarm_still_knows_is_not_used_again() {
    let (timer, count) = (Timer::new(), Arc::new(Count::default()));
    timer.arm(Moment::from_millis(100));
    let alarm = timer.alarm();
    drop(timer);
    let next = Timer::default();
    assert_eq!(polled(&next, &count), Poll::Pending);
    alarm.ring();
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    advance_to(200);
    assert_eq!(polled(&next, &count), Poll::Pending);
}

#[test]
fn many_timers_fire_each_at_its_own_time() {
    let count = Arc::new(Count::default());
    let timers: Vec<_> = (0..500).map(|_| Timer::new()).collect();
    for (index, timer) in timers.iter().enumerate() {
        // Once far ahead and then back, so that every one of them moves between slots.
        timer.arm(Moment::from_millis(1_000_000));
        timer.arm(Moment::from_millis(index as u64 * 7 % 1000));
        assert_eq!(polled(timer, &count), Poll::Pending);
    }
    for now in (0..1000).step_by(10) {
        advance_to(now);
        for (index, timer) in timers.iter().enumerate() {
            let due = index as u64 * 7 % 1000 <= now;
            assert_eq!(polled(timer, &count).is_ready(), due, "{index} at {now}");
        }
    }
}

#[test]
fn the_driver_wakes_for_a_deadline_earlier_than_the_one_it_sleeps_for() {
    crate::testing::on_worker(async {
        let far = Timer::new();
        far.arm(Moment::now().plus_millis(3_600_000));
        // The driver goes to sleep for the far one.
        tokio::task::yield_now().await;
        let deadline = Moment::now().plus_millis(30);
        sleep_until(deadline).await;
        assert!(Moment::now() >= deadline);
    });
}

#[test]
fn what_is_not_done_within_its_time_is_given_up() {
    crate::testing::on_worker(async {
        let deadline = Moment::now().plus_millis(20);
        assert_eq!(within(deadline, pin!(std::future::pending::<()>())).await, None);
        assert!(Moment::now() >= deadline);
        assert_eq!(within(Moment::now().plus_millis(60_000), pin!(async { 7 })).await, Some(7));
        // What is ready at once is not lost to a deadline that has passed.
        assert_eq!(within(Moment::ZERO, pin!(async { 8 })).await, Some(8));
    });
}
