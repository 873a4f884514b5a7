//! What the engine itself has to say, on standard error.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says something to the operator.
pub fn say(text: &str) {
    eprintln!("glorieta: {text}");
}

/// Says what may happen a thousand times a second, at most once in ten.
pub fn say_sometimes(text: &str) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(10)) {
        *last = Some(Instant::now());
        say(text);
    }
}
