//! The Plan: what `glorieta` compiles a configuration to and the engine runs.
//!
//! Types only. Every default is already filled in by Python, so nothing here is optional by
//! omission and an unknown key is an error: a Plan from another version fails loudly.
//! Durations are milliseconds (`…_ms`), sizes bytes. Ids are stable across reloads: State
//! (pools, health, balancing) is adopted by id.

mod acme;
mod filter;
mod gather;
mod handler;
mod listener;
mod read;
mod route;
mod tls;
mod traffic;
mod upstream;

pub use acme::*;
pub use filter::*;
pub use gather::*;
pub use handler::*;
pub use listener::*;
pub use read::{Unreadable, read};
pub use route::*;
pub use tls::*;
pub use traffic::*;
pub use upstream::*;

use serde::{Deserialize, Serialize};

/// The format that this engine reads; `Plan::format` must equal it.
pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The format of this document: [`FORMAT`].
    pub format: u32,
    /// Twelve hexadecimal digits that name what the configuration says (not the terminal or admin socket that
    /// were added where it was compiled); shown by `/readyz` and the JSON view.
    pub version: String,
    /// Worker threads; `None` is one per CPU that affinity and cgroup allow. Fixed at start.
    pub workers: Option<u32>,
    pub listeners: Vec<Listener>,
    pub groups: Vec<Group>,
    pub upstreams: Vec<Upstream>,
    /// Left out as long as there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handlers: Vec<Handler>,
    /// Left out as long as no certificate is ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<Acme>,
    pub admin: Admin,
    pub access_log: AccessLog,
    /// How long requests under way may take after SIGTERM or the removal of their listener.
    pub drain_ms: u64,
    /// The value of `Via`'s received-by and of `Server` in answers glorieta makes itself; `None`: no `Server`, and `glorieta` in `Via`.
    pub server_name: Option<String>,
}

/// A group of routes: the unit that has a role and an owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub id: String,
    pub listener: String,
    /// The role's word of design §1, declared or inferred.
    pub roles: Vec<String>,
    pub owner: Option<String>,
    pub client: Option<String>,
}

/// Where metrics, liveness and the read-only JSON view are served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// A TCP address, such as `127.0.0.1:9900`; `None`: none.
    pub address: Option<String>,
    /// Whether a busy address is an error; else the engine says so and goes on without.
    pub required: bool,
    /// A Unix socket's path; `None`: none.
    pub socket: Option<String>,
    /// `Host` values allowed beside addresses and `localhost` (against DNS rebinding).
    pub hosts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    pub to: LogTarget,
    pub format: LogFormat,
    /// Lines a worker may have waiting; beyond it lines are dropped and counted.
    pub queue: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogTarget {
    Off,
    Stdout,
    Stderr,
    File(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// The Apache "combined" line.
    Combined,
    /// One line for a person at a terminal.
    Human,
    /// A template of request words, such as `${client.ip} ${method} ${path} ${status}`.
    Template(String),
}
