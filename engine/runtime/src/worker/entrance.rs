//! Where connections come in at a worker, and a listener as they see it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Weak};

use glorieta_http::Settings;
use glorieta_net::datagram::Group;
use glorieta_net::timer::Alarm;
use slab::Slab;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::snapshot::Listener;

/// A listener as connections of this worker see it.
pub struct View {
    pub listener: Arc<Listener>,
    pub settings: Rc<Settings>,
    /// Whether what is still open at the entrance has been cut.
    pub cut: Rc<Cell<bool>>,
    /// What answers say of HTTP/3 (RFC 7838).
    pub alt_svc: Option<Box<[u8]>>,
    /// The same without the listener's routes.
    pub(super) without_routes: Option<Rc<View>>,
}

/// One `bind` address on this worker, and the connections that came in there.
pub struct Entrance {
    pub(super) view: RefCell<Rc<View>>,
    /// No more connections are accepted, and those that are open end with the request under way.
    pub(super) closing: Cell<bool>,
    /// How often it has been closed: one that was opened again is not cut for having been closed before.
    pub(super) closed: Cell<u32>,
    /// Nothing is read here any more.
    pub(super) ended: Cell<bool>,
    /// The sockets at which datagrams arrive; of TCP none.
    pub(super) group: Weak<Group>,
    pub(super) cut: Rc<Cell<bool>>,
    /// The port at which TCP comes in; `None`: it has none, or this is not TCP.
    pub(super) port: Option<u16>,
    /// Whether QUIC comes in here, which a reload may switch off while the address stays.
    pub(super) is_quic: bool,
    pub(super) stop: Notify,
    pub(super) connections: RefCell<Slab<Guest>>,
}

/// A connection as its entrance knows it.
#[derive(Default)]
pub(super) struct Guest {
    /// Wakes it while it is idle.
    pub(super) alarm: Option<Alarm>,
    /// Ends it wherever it is.
    pub(super) task: Option<AbortHandle>,
}

impl View {
    /// A listener as it is without any worker.
    pub fn alone(listener: &Arc<Listener>) -> Rc<View> {
        View::of(listener, &Rc::default(), None)
    }

    /// For whatever may last long: it does not keep ten thousand routes that have long been replaced.
    pub fn lasting(self: &Rc<View>) -> Rc<View> {
        self.without_routes.as_ref().unwrap_or(self).clone()
    }

    pub(super) fn of(listener: &Arc<Listener>, cut: &Rc<Cell<bool>>, port: Option<u16>) -> Rc<View> {
        let settings = Rc::new(listener.settings);
        let alt_svc = listener.alt_svc.as_ref().and_then(|alt_svc| {
            let port = alt_svc.port.or(port)?;
            Some(format!("h3=\":{port}\"; ma={}", alt_svc.max_age_s).into_bytes().into_boxed_slice())
        });
        let view = |listener: &Arc<Listener>, without_routes| {
            let (listener, settings, cut) = (listener.clone(), settings.clone(), cut.clone());
            Rc::new(View { listener, settings, cut, alt_svc: alt_svc.clone(), without_routes })
        };
        view(listener, listener.without_routes.as_ref().map(|light| view(light, None)))
    }
}

impl Entrance {
    pub(super) fn new(listener: &Arc<Listener>, port: Option<u16>) -> Entrance {
        let cut = Rc::default();
        Entrance {
            view: RefCell::new(View::of(listener, &cut, port)),
            closing: Cell::new(false),
            closed: Cell::new(0),
            ended: Cell::new(false),
            group: Weak::new(),
            cut,
            port,
            is_quic: false,
            stop: Notify::new(),
            connections: RefCell::default(),
        }
    }

    pub(super) fn of_group(listener: &Arc<Listener>, group: &Arc<Group>) -> Entrance {
        Entrance { group: Arc::downgrade(group), ..Entrance::new(listener, None) }
    }

    pub(super) fn for_quic(listener: &Arc<Listener>, group: &Arc<Group>) -> Entrance {
        Entrance { is_quic: true, ..Entrance::of_group(listener, group) }
    }

    pub fn view(&self) -> Rc<View> {
        self.view.borrow().clone()
    }

    pub fn is_closing(&self) -> bool {
        self.closing.get() || self.is_quic && self.view.borrow().listener.quic.is_none()
    }

    /// Accepts no more, and wakes idle connections so that they end. How often it has been closed by now.
    pub(super) fn close(&self) -> u32 {
        self.closing.set(true);
        self.closed.set(self.closed.get() + 1);
        self.stop.notify_one();
        self.wake();
        self.closed.get()
    }

    /// Accepts again, for the listener that has its sockets now. What is still open goes on as it was.
    pub(super) fn reopen(&self, listener: &Arc<Listener>) {
        self.view.replace(View::of(listener, &self.cut, self.port));
        self.closing.set(false);
        self.stop.notify_one();
        self.wake();
    }

    /// Nothing will be read here any more.
    pub(super) fn end(&self) {
        self.ended.set(true);
    }

    /// Has idle connections look whether they are to end.
    pub(super) fn wake(&self) {
        for (_, guest) in self.connections.borrow().iter() {
            if let Some(alarm) = &guest.alarm {
                alarm.ring();
            }
        }
    }

    /// Ends what is still open.
    pub(super) fn cut(&self) {
        self.cut.set(true);
        for (_, guest) in self.connections.borrow().iter() {
            if let Some(task) = &guest.task {
                task.abort();
            }
        }
    }
}
