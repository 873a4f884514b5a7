//! Serving a plan until a signal ends it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use glorieta_plan::Plan;
use glorieta_runtime::{Engine, Options, give_back};

use crate::{Exit, notify, plan, signals};

/// What the main thread waits for.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Signal(i32),
    /// The drain is over; whether everything could be finished.
    Drained(bool),
}

/// Serves the plan in this file. Returns when it has ended.
pub fn serve(path: &Path) -> Exit {
    // Before any thread exists, so that all of them inherit the mask.
    let blocked = match signals::block() {
        Ok(blocked) => blocked,
        Err(error) => return failed("signals cannot be blocked", &error),
    };
    let engine = match start(path) {
        Ok(engine) => Arc::new(engine),
        Err(exit) => return exit,
    };
    let (sender, events) = channel();
    if let Err(error) = blocked.send_to(sender.clone()) {
        return failed("the thread for signals cannot be started", &error);
    }
    notify::tell("READY=1");
    follow(path, &engine, &sender, &events)
}

fn failed(what: &str, error: &std::io::Error) -> Exit {
    eprintln!("glorieta-engine: {what}: {error}");
    Exit::Failed
}

fn start(path: &Path) -> Result<Engine, Exit> {
    let read = plan::read(path)?;
    let engine = Engine::start(&read, Options::default()).map_err(|problems| {
        plan::say_problems(path, &problems);
        Exit::Refused
    })?;
    for (listener, addresses) in engine.addresses() {
        eprintln!("glorieta-engine: {listener} at {}", addresses.join(", "));
    }
    for address in engine.admin_addresses() {
        eprintln!("glorieta-engine: admin at {address}");
    }
    eprintln!("glorieta-engine: plan {} is running", read.version);
    drop(read);
    give_back();
    Ok(engine)
}

fn follow(path: &Path, engine: &Arc<Engine>, sender: &Sender<Event>, events: &Receiver<Event>) -> Exit {
    let mut draining = false;
    for event in events {
        match event {
            Event::Signal(libc::SIGHUP) if !draining => reload(path, engine),
            Event::Signal(libc::SIGUSR1) => engine.reopen_logs(),
            Event::Signal(libc::SIGINT) if draining => engine.abort_drain(),
            Event::Signal(libc::SIGINT | libc::SIGTERM) if !draining => {
                draining = true;
                if let Err(error) = drain(engine, sender) {
                    return failed("the drain cannot be started", &error);
                }
            }
            Event::Signal(_) => {}
            Event::Drained(complete) => return end(complete),
        }
    }
    Exit::Failed
}

/// Applies what the file says now. Whatever is wrong with it, what runs goes on.
fn reload(path: &Path, engine: &Engine) {
    notify::tell(&notify::reloading());
    match plan::read(path) {
        Ok(fresh) => apply(path, engine, &fresh),
        Err(_) => {
            engine.count_refused();
            eprintln!("glorieta-engine: the old plan stays");
        }
    }
    give_back();
    notify::tell("READY=1");
}

fn apply(path: &Path, engine: &Engine, fresh: &Plan) {
    match engine.apply(fresh) {
        Ok(()) => eprintln!("glorieta-engine: plan {} is running", fresh.version),
        Err(problems) => {
            plan::say_problems(path, &problems);
            eprintln!("glorieta-engine: the plan was refused; the old one stays");
        }
    }
}

/// Waits in a thread of its own, so that a second SIGINT is still heard.
fn drain(engine: &Arc<Engine>, sender: &Sender<Event>) -> std::io::Result<()> {
    notify::tell("STOPPING=1");
    if !engine.is_idle() {
        eprintln!("glorieta-engine: finishing what is under way; Ctrl-C cuts it");
    }
    let (engine, sender) = (engine.clone(), sender.clone());
    thread::Builder::new().name("drain".into()).spawn(move || {
        let complete = engine.drain(None);
        // Nobody to tell only when the program has ended already.
        let _ = sender.send(Event::Drained(complete));
    })?;
    Ok(())
}

fn end(complete: bool) -> Exit {
    if !complete {
        eprintln!("glorieta-engine: ended; what was still under way was cut");
    }
    Exit::Ended
}
