//! A body that is copied as it passes.

use std::task::{Context, Poll};

use bytes::Bytes;
use glorieta_core::{BodySource, Error, Frame};

use super::Copy;
use crate::metrics::Dropped;
use crate::shadow::Room;

/// Passes on what its source gives, at the source's pace, and keeps it until it is whole.
pub struct Tee {
    source: Box<dyn BodySource>,
    /// `None`: sent, or given up.
    copy: Option<Copy>,
    kept: Vec<u8>,
    room: Room,
}

impl Tee {
    pub(super) fn new(source: Box<dyn BodySource>, copy: Copy) -> Tee {
        Tee { source, copy: Some(copy), kept: Vec::new(), room: Room::default() }
    }

    fn keep(&mut self, data: &Bytes) {
        let Some(copy) = &self.copy else { return };
        if (self.kept.len() + data.len()) as u64 > copy.mirror.max_body {
            self.give_up(Dropped::BodyTooLarge);
        } else if !self.room.grow(data.len()) {
            self.give_up(Dropped::Memory);
        } else {
            // Copied, because a piece keeps the whole read buffer it lies in.
            self.kept.extend_from_slice(data);
        }
    }

    fn give_up(&mut self, why: Dropped) {
        self.kept = Vec::new();
        self.room = Room::default();
        if let Some(copy) = self.copy.take() {
            copy.drop_because(why);
        }
    }

    fn send(&mut self) {
        if let Some(copy) = self.copy.take() {
            copy.send(std::mem::take(&mut self.kept).into(), std::mem::take(&mut self.room));
        }
    }
}

impl BodySource for Tee {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, Error>>> {
        let polled = self.source.poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                self.keep(data);
                // Whoever knows the length need not ask for the end.
                if self.source.remaining() == Some(0) {
                    self.send();
                }
            }
            Poll::Ready(Some(Ok(Frame::Trailers(_))) | None) => self.send(),
            Poll::Ready(Some(Err(_))) => self.give_up(Dropped::BodyUnread),
            Poll::Pending => {}
        }
        polled
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }
}

impl Drop for Tee {
    /// What nobody reads to its end cannot be copied.
    fn drop(&mut self) {
        self.give_up(Dropped::BodyUnread);
    }
}
