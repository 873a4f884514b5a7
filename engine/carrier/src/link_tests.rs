//! Both ends of a link, in one process and over threads; and a side that writes nonsense.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::thread;

use crate::{Event, LARGEST, Link, Memory, Side};

fn pair() -> (Link, Link, Arc<Event>, Arc<Event>) {
    let memory = Arc::new(Memory::new(2).unwrap());
    let (to_worker, to_handler) = (Arc::new(Event::new().unwrap()), Arc::new(Event::new().unwrap()));
    let worker = Link::new(&memory, 1, Side::Worker, to_handler.clone()).unwrap();
    let handler = Link::new(&memory, 1, Side::Handler, to_worker.clone()).unwrap();
    (worker, handler, to_worker, to_handler)
}

/// Whether the event was signalled; takes it.
fn signalled(event: &Event) -> bool {
    let mut poll = libc::pollfd { fd: event.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which lives during the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) } == 1;
    event.clear();
    ready
}

fn wait(event: &Event) {
    let mut poll = libc::pollfd { fd: event.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, which lives during the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 10_000) };
    assert_eq!(ready, 1, "nobody signalled for ten seconds");
    event.clear();
}

#[test]
fn messages_arrive_in_order_and_whole() {
    let (mut worker, mut handler, ..) = pair();
    for size in [0, 1, 7, 8, 9, 1000, LARGEST] {
        worker.send(vec![size as u8; size]).unwrap();
        assert_eq!(handler.receive().unwrap(), Some(vec![size as u8; size]));
    }
    assert_eq!(handler.receive().unwrap(), None);
}

#[test]
fn a_sleeper_is_signalled_once_per_batch_and_nobody_else_is() {
    let (mut worker, mut handler, _, to_handler) = pair();
    worker.send(b"early".to_vec()).unwrap();
    worker.wake();
    assert!(!signalled(&to_handler), "the handler has not said that it sleeps");
    assert!(!handler.sleep().unwrap(), "a message is there");
    handler.receive().unwrap();
    assert!(handler.sleep().unwrap());
    worker.send(b"one".to_vec()).unwrap();
    worker.send(b"two".to_vec()).unwrap();
    worker.wake();
    assert!(signalled(&to_handler));
    worker.send(b"three".to_vec()).unwrap();
    worker.wake();
    assert!(!signalled(&to_handler), "it was woken already");
}

#[test]
fn it_is_known_which_messages_the_other_side_has_read() {
    let (mut worker, mut handler, ..) = pair();
    for number in 1..=100 {
        worker.send(vec![0; 10_000]).unwrap();
        assert_eq!((worker.sent(), worker.taken()), (number, 0), "those that wait for room have numbers, too");
    }
    for number in 1..=10 {
        handler.receive().unwrap();
        assert_eq!(worker.taken(), number);
    }
}

#[test]
fn what_does_not_fit_waits_and_goes_when_there_is_room() {
    let (mut worker, mut handler, to_worker, _) = pair();
    for index in 0..100u32 {
        let mut message = vec![0; 10_000];
        message[..4].copy_from_slice(&index.to_le_bytes());
        worker.send(message).unwrap();
    }
    assert!(worker.waiting() > 0);
    let mut expected = 0u32;
    while expected < 100 {
        while let Some(message) = handler.receive().unwrap() {
            assert_eq!(message[..4], expected.to_le_bytes());
            expected += 1;
        }
        handler.sleep().unwrap();
        if expected < 100 {
            assert!(signalled(&to_worker), "the worker waits for room");
            worker.send_waiting().unwrap();
        }
    }
    assert_eq!(worker.waiting(), 0);
}

#[test]
fn two_threads_exchange_a_hundred_thousand_messages_and_miss_no_wake() {
    let (mut worker, mut handler, to_worker, to_handler) = pair();
    const COUNT: u32 = 100_000;
    let echo = thread::spawn(move || {
        let mut seen = 0;
        while seen < COUNT {
            while let Some(message) = handler.receive().unwrap() {
                seen += 1;
                handler.send(message).unwrap();
            }
            handler.send_waiting().unwrap();
            handler.wake();
            if seen < COUNT && handler.sleep().unwrap() {
                wait(&to_handler);
            }
        }
        while handler.waiting() > 0 {
            handler.sleep().unwrap();
            wait(&to_handler);
            handler.send_waiting().unwrap();
            handler.wake();
        }
        handler
    });
    let (mut sent, mut back) = (0u32, 0u32);
    while back < COUNT {
        while sent < COUNT && sent - back < 3000 {
            let mut message = vec![7; (sent % 257) as usize + 4];
            message[..4].copy_from_slice(&sent.to_le_bytes());
            worker.send(message).unwrap();
            sent += 1;
        }
        worker.send_waiting().unwrap();
        worker.wake();
        let mut any = false;
        while let Some(message) = worker.receive().unwrap() {
            assert_eq!(message[..4], back.to_le_bytes());
            assert_eq!(message.len(), (back % 257) as usize + 4);
            back += 1;
            any = true;
        }
        if !any && back < COUNT && worker.sleep().unwrap() {
            wait(&to_worker);
        }
    }
    echo.join().unwrap();
}

#[test]
fn memory_is_opened_by_its_descriptor_and_nothing_else_is() {
    let memory = Memory::new(3).unwrap();
    let other = Memory::open(memory.as_fd().try_clone_to_owned().unwrap()).unwrap();
    assert_eq!(other.links(), 3);
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(Memory::open(file.into()).is_err());
    let memory = Arc::new(memory);
    let event = Arc::new(Event::new().unwrap());
    assert!(Link::new(&memory, 3, Side::Worker, event).is_none());
}

/// The other side may write anything into the shared memory; each end then says so and reads nothing outside.
#[test]
fn nonsense_in_the_memory_breaks_the_link_and_nothing_else() {
    for seed in 0..2000u64 {
        let memory = Arc::new(Memory::new(1).unwrap());
        let event = Arc::new(Event::new().unwrap());
        let mut worker = Link::new(&memory, 0, Side::Worker, event.clone()).unwrap();
        let mut handler = Link::new(&memory, 0, Side::Handler, event).unwrap();
        handler.send(vec![1; 100]).unwrap();
        scribble(&memory, seed);
        for _ in 0..10 {
            if worker.receive().is_err() || worker.send(vec![2; 1000]).is_err() || worker.sleep().is_err() {
                break;
            }
        }
    }
}

fn scribble(memory: &Memory, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..4 {
        let second_ring = 4096 + (256 << 10);
        let places = [0, 128, 4096, second_ring, second_ring + 128, second_ring + 4096];
        let place = places[(next() % 6) as usize];
        let shift = next() % 64;
        let value = (next() >> shift).to_le_bytes();
        // SAFETY: eight bytes from a buffer of eight, into a descriptor that lives.
        let written =
            unsafe { libc::pwrite(memory.as_fd().as_raw_fd(), value.as_ptr().cast(), 8, place as libc::off_t) };
        assert_eq!(written, 8);
    }
}
