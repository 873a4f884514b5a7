//! Metrics: counted by workers without locks, added up and written out when somebody asks.
//!
//! Names are those of design §13. Labels are names of the Plan and closed sets of words, so that
//! no client, server or attacker can add a series: a million hosts are one route.

mod cells;
mod part;
mod process;
mod registry;
mod render;
mod series;

pub use part::PartSeries;
pub use process::Process;
pub use registry::{Registry, Reload};
pub use render::{CONTENT_TYPE, Observed, ObservedFiles, ObservedHandler, ObservedUpstream};
pub use series::{
    Background, Connections, Direction, Dropped, HandlerSeries, Handshake, ListenerSeries, MirrorSeries, Outcome,
    RouteSeries, UpstreamSeries, VariantSeries,
};
