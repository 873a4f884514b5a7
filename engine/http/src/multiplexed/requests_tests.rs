//! Requests by script, in a task that counts how often it is woken.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::Requests;

#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Task>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn new() -> (Arc<Task>, Waker) {
        let task = Arc::new(Task::default());
        (task.clone(), Waker::from(task))
    }

    fn woken(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// A door that opens once, and whoever waits at it.
#[derive(Default)]
struct Door {
    open: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
    polled: Cell<u32>,
}

impl Door {
    async fn pass(self: Rc<Door>, name: u32) -> u32 {
        poll_fn(|cx| {
            self.polled.set(self.polled.get() + 1);
            *self.waiting.borrow_mut() = Some(cx.waker().clone());
            if self.open.get() { Poll::Ready(name) } else { Poll::Pending }
        })
        .await
    }

    fn open(&self) {
        self.open.set(true);
        self.knock();
    }

    fn knock(&self) {
        self.waiting.borrow().as_ref().unwrap().wake_by_ref();
    }
}

fn turn(requests: &mut Requests<u32>) -> Vec<u32> {
    requests.begin_turn();
    std::iter::from_fn(|| requests.run()).collect()
}

#[test]
fn those_who_are_woken_run_in_their_order_and_nobody_else() {
    let (task, waker) = Task::new();
    let doors: Vec<_> = (0..4).map(|_| Rc::new(Door::default())).collect();
    let mut requests = Requests::new();
    for (name, door) in (0..).zip(&doors) {
        requests.add(door.clone().pass(name));
    }
    assert_eq!(turn(&mut requests), [0; 0]);
    assert!(requests.sleep(&Context::from_waker(&waker)));
    doors[3].open();
    doors[1].open();
    // The first wakes the task, the second finds it woken.
    assert_eq!(task.woken(), 1);
    assert_eq!(turn(&mut requests), [3, 1]);
    assert_eq!(doors.iter().map(|door| door.polled.get()).collect::<Vec<_>>(), [1, 2, 1, 2]);
    assert!(!requests.is_empty());
}

#[test]
fn who_is_woken_during_a_turn_runs_in_the_next_and_the_task_does_not_sleep() {
    let (task, waker) = Task::new();
    let door = Rc::new(Door::default());
    let mut requests = Requests::new();
    requests.add(door.clone().pass(0));
    let other = door.clone();
    requests.add(async move {
        other.open();
        other.knock();
        1
    });
    assert_eq!(turn(&mut requests), [1]);
    assert!(!requests.sleep(&Context::from_waker(&waker)));
    assert_eq!(turn(&mut requests), [0]);
    assert_eq!((task.woken(), door.polled.get()), (0, 2));
    assert!(requests.is_empty() && requests.sleep(&Context::from_waker(&waker)));
}

#[test]
fn the_connection_is_woken_apart_from_its_requests() {
    let (task, waker) = Task::new();
    let requests = Requests::<u32>::new();
    assert!(!requests.take_connection());
    assert!(requests.sleep(&Context::from_waker(&waker)));
    requests.connection_waker().wake();
    requests.connection_waker().wake_by_ref();
    assert_eq!(task.woken(), 1);
    assert!(!requests.sleep(&Context::from_waker(&waker)));
    assert!(requests.take_connection() && !requests.take_connection());
}

#[test]
fn wakers_outlive_their_requests_and_reach_nobody_else_by_more_than_a_look() {
    let (_, waker) = Task::new();
    let (gone, next) = (Rc::new(Door::default()), Rc::new(Door::default()));
    let mut requests = Requests::new();
    requests.add(gone.clone().pass(0));
    turn(&mut requests);
    gone.open();
    assert_eq!(turn(&mut requests), [0]);
    gone.knock();
    assert_eq!(turn(&mut requests), [0; 0]);
    // In the place of the one that is gone.
    requests.add(next.clone().pass(1));
    turn(&mut requests);
    gone.knock();
    assert_eq!(turn(&mut requests), [0; 0]);
    next.open();
    assert_eq!(turn(&mut requests), [1]);
    drop(requests);
    gone.knock();
    drop(waker);
}

#[test]
fn a_task_that_moves_is_woken_where_it_is() {
    let ((first, one), (second, other)) = (Task::new(), Task::new());
    let requests = Requests::<u32>::new();
    assert!(requests.sleep(&Context::from_waker(&one)));
    assert!(requests.sleep(&Context::from_waker(&other)));
    requests.connection_waker().wake();
    assert_eq!((first.woken(), second.woken()), (0, 1));
}
