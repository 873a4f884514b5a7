//! Coarse timers, one set per worker: arming one is a store, not a system call nor a heap operation.
//!
//! A proxy arms a timer several times per request and almost none of them ever fires. So a timer only
//! stores its deadline; the worker's wheel holds it in the slot of an earlier look and puts it back when
//! that look shows that the deadline has moved. Deadlines are rounded up to 10 ms.
//!
//! The entry of a dropped timer is used again together with its slot, so that short connections do not
//! leave a trail of entries that wait for their look.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use glorieta_core::Moment;

/// The wheel's grain.
const TICK_NANOS: u64 = 10_000_000;
const NEVER: u64 = u64::MAX;

struct Entry {
    /// Nanoseconds; `NEVER` while it is not armed.
    deadline: Cell<u64>,
    /// The tick of the next look; `NEVER` while none is planned.
    look: Cell<u64>,
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Default)]
struct Wheel {
    slots: RefCell<BTreeMap<u64, Vec<Rc<Entry>>>>,
    free: RefCell<Vec<Rc<Entry>>>,
    /// The tick until which the driver sleeps.
    sleeping_until: Cell<u64>,
    driver: RefCell<Option<Waker>>,
}

thread_local! {
    static WHEEL: Wheel = Wheel::default();
}

/// One deadline that can be moved at will. Belongs to the worker that made it.
pub struct Timer {
    entry: Rc<Entry>,
}

/// Wakes whoever waits for a timer, without the timer being up: so that it looks around.
#[derive(Clone)]
pub struct Alarm {
    entry: Rc<Entry>,
}

impl Default for Timer {
    fn default() -> Timer {
        Timer::new()
    }
}

impl Timer {
    pub fn new() -> Timer {
        let recycled = WHEEL.with(|wheel| wheel.free.borrow_mut().pop());
        let entry = recycled.unwrap_or_else(|| {
            Rc::new(Entry {
                deadline: Cell::new(NEVER),
                look: Cell::new(NEVER),
                fired: Cell::new(false),
                waker: RefCell::new(None),
            })
        });
        Timer { entry }
    }

    /// Sets or moves the deadline.
    #[inline]
    pub fn arm(&self, deadline: Moment) {
        self.entry.fired.set(false);
        self.entry.deadline.set(deadline.0);
        let tick = tick_of(deadline.0);
        if tick < self.entry.look.get() {
            WHEEL.with(|wheel| wheel.plan_look(&self.entry, tick));
        }
    }

    /// Moves the deadline forward to this one, if it is later or none is set.
    #[inline]
    pub fn arm_by(&self, deadline: Moment) {
        if deadline.0 < self.entry.deadline.get() {
            self.arm(deadline);
        }
    }

    /// Takes the deadline back.
    #[inline]
    pub fn disarm(&self) {
        self.entry.fired.set(false);
        self.entry.deadline.set(NEVER);
    }

    /// Ready once the deadline has passed, and until the timer is armed anew.
    #[inline]
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.entry.fired.get() {
            return Poll::Ready(());
        }
        let mut waker = self.entry.waker.borrow_mut();
        match &*waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Ready once `deadline` has passed, whatever it was armed for before.
    pub fn poll_until(&self, cx: &mut Context<'_>, deadline: Moment) -> Poll<()> {
        if Moment::now() >= deadline {
            return Poll::Ready(());
        }
        self.arm(deadline);
        self.poll(cx)
    }

    /// A handle with which others can wake who waits.
    pub fn alarm(&self) -> Alarm {
        Alarm { entry: self.entry.clone() }
    }
}

impl Alarm {
    /// Wakes the task that polled the timer last, if it still waits.
    pub fn ring(&self) {
        if let Some(waker) = &*self.entry.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.entry.deadline.set(NEVER);
        self.entry.fired.set(false);
        // The waker holds the task's memory.
        self.entry.waker.borrow_mut().take();
        // With an alarm still about, a recycled entry could be rung by a stranger.
        let planned = usize::from(self.entry.look.get() != NEVER);
        if Rc::strong_count(&self.entry) == 1 + planned {
            // While the thread ends the wheel may be gone already.
            let _ = WHEEL.try_with(|wheel| wheel.free.borrow_mut().push(self.entry.clone()));
        }
    }
}

impl Entry {
    fn fire(&self) {
        self.fired.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The first tick at which a deadline has passed.
const fn tick_of(deadline: u64) -> u64 {
    deadline.div_ceil(TICK_NANOS)
}

impl Wheel {
    #[cold]
    fn plan_look(&self, entry: &Rc<Entry>, tick: u64) {
        // An entry stands in one slot only; the later look is taken back.
        let planned = entry.look.replace(tick);
        let mut slots = self.slots.borrow_mut();
        if planned != NEVER
            && let Some(slot) = slots.get_mut(&planned)
        {
            slot.retain(|other| !Rc::ptr_eq(other, entry));
        }
        slots.entry(tick).or_default().push(entry.clone());
        drop(slots);
        if tick < self.sleeping_until.get()
            && let Some(driver) = self.driver.borrow_mut().take()
        {
            driver.wake();
        }
    }

    /// Looks at every entry whose look is due and fires those whose deadline has passed.
    fn advance(&self, now: u64) {
        let due = now / TICK_NANOS;
        loop {
            let slot = {
                let mut slots = self.slots.borrow_mut();
                match slots.first_entry() {
                    Some(first) if *first.key() <= due => first.remove(),
                    _ => return,
                }
            };
            for entry in slot {
                entry.look.set(NEVER);
                let deadline = entry.deadline.get();
                if deadline <= now {
                    entry.fire();
                } else if deadline != NEVER {
                    self.plan_look(&entry, tick_of(deadline));
                }
            }
        }
    }

    fn first_look(&self) -> u64 {
        self.slots.borrow().keys().next().copied().unwrap_or(NEVER)
    }
}

/// Drives this thread's timers, for ever. Each worker's runtime runs it once.
pub async fn drive() {
    loop {
        WHEEL.with(|wheel| wheel.advance(Moment::now().0));
        let until = WHEEL.with(Wheel::first_look);
        WHEEL.with(|wheel| wheel.sleeping_until.set(until));
        let wait = match until {
            NEVER => Duration::from_secs(3600),
            tick => Moment(tick * TICK_NANOS).since(Moment::now()),
        };
        let mut sleep = pin!(tokio::time::sleep(wait));
        poll_fn(|cx| {
            let earlier = WHEEL.with(|wheel| {
                *wheel.driver.borrow_mut() = Some(cx.waker().clone());
                wheel.first_look() < until
            });
            if earlier { Poll::Ready(()) } else { sleep.as_mut().poll(cx) }
        })
        .await;
    }
}

/// Waits until `deadline`, by this thread's coarse timers.
pub async fn sleep_until(deadline: Moment) {
    let timer = Timer::new();
    timer.arm(deadline);
    poll_fn(|cx| timer.poll(cx)).await;
}

/// What a future comes to, or `None` once `deadline` has passed.
///
/// It comes pinned: one that comes by value would be kept twice.
pub async fn within<F: Future>(deadline: Moment, mut future: Pin<&mut F>) -> Option<F::Output> {
    let timer = Timer::new();
    timer.arm(deadline);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.poll(cx).map(|()| None),
    })
    .await
}

#[cfg(test)]
#[path = "timer_tests.rs"]
mod tests;
