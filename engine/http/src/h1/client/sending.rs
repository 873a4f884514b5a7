//! One try at sending a request's body.

use std::task::{Context, Poll};

use glorieta_net::Stream;

use crate::h1::codec::Framing;
use crate::h1::pump::{Broken, Pump, Waiting};
use crate::outgoing::Upload;

/// One try at sending.
pub struct Sending {
    upload: Upload,
    pump: Pump,
    replayed: usize,
    /// The head is written, and the body waits for `100 Continue`.
    held: bool,
    done: bool,
    waits: bool,
}

impl Sending {
    /// `out` holds the head. `held`: the body waits until [`Sending::allow`].
    pub fn begin(upload: Upload, out: Vec<u8>, framing: Framing, held: bool) -> Sending {
        Sending { upload, pump: Pump::new(out, framing), replayed: 0, held, done: false, waits: false }
    }

    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes that the endpoint has taken, the head's included.
    pub fn moved(&self) -> u64 {
        self.pump.moved
    }

    pub fn allow(&mut self) {
        self.held = false;
    }

    /// What is waited for, and how far it has come; `None`: for leave to send the body.
    pub fn waiting(&self) -> Option<(Waiting, u64)> {
        (!(self.held && self.waits)).then_some((self.pump.waiting, self.pump.moved))
    }

    pub fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<(), Broken>> {
        let Sending { upload, pump, replayed, held, waits, .. } = self;
        *waits = false;
        let polled = pump.poll(
            cx,
            |cx, first, second| stream.poll_write_two(cx, first, second),
            |cx| {
                if *held {
                    *waits = true;
                    return Poll::Pending;
                }
                upload.poll_frame(replayed, cx)
            },
        );
        self.done = matches!(polled, Poll::Ready(Ok(_)));
        polled.map_ok(|_| ())
    }

    /// Frees what is kept: an answer has arrived.
    pub fn forget(&mut self) {
        self.upload.forget();
    }

    pub fn into_upload(self) -> Upload {
        self.upload
    }
}
