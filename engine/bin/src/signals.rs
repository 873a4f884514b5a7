//! Signals as events: blocked in every thread, and taken by one that does nothing else.
//!
//! No handler ever runs, so nothing here has to be safe inside one.

use std::io;
use std::mem::MaybeUninit;
use std::sync::mpsc::Sender;
use std::thread;

use crate::serve::Event;

const TAKEN: [libc::c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGUSR1];

/// Blocks the signals in this thread and all that it starts later; to be called before there are others.
pub fn block() -> io::Result<Blocked> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set, the calls after it only read and write that set, and
    // pthread_sigmask may be given no place for the old mask.
    let (set, code) = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        let mut set = set.assume_init();
        for signal in TAKEN {
            libc::sigaddset(&mut set, signal);
        }
        let code = libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        (set, code)
    };
    if code == 0 { Ok(Blocked(set)) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// The signals that no thread gets any more unless it waits for them.
pub struct Blocked(libc::sigset_t);

impl Blocked {
    /// Sends every signal that arrives as an event, until nobody listens.
    pub fn send_to(self, events: Sender<Event>) -> io::Result<()> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            while let Some(signal) = self.wait() {
                if events.send(Event::Signal(signal)).is_err() {
                    break;
                }
            }
        })?;
        Ok(())
    }

    fn wait(&self) -> Option<libc::c_int> {
        let mut signal = 0;
        // SAFETY: the set was initialised by `block`, and the number is written to a live place.
        let code = unsafe { libc::sigwait(&self.0, &mut signal) };
        (code == 0).then_some(signal)
    }
}
