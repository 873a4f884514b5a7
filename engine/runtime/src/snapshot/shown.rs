//! What the JSON view shows of a Plan, kept packed: ten thousand routes as text take megabytes that only somebody who
//! looks at them needs. References to secrets stand in it as they stand in the Plan.

use std::borrow::Cow;

use glorieta_plan::{Group, Listener, Plan, Protocol, Route, ServerTls, TcpTarget, TlsTarget, UdpTarget};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A part of a Plan, as packed JSON.
#[derive(Debug, Default)]
pub struct Packed(Box<[u8]>);

#[derive(Serialize)]
struct Part<'a> {
    listeners: Vec<PartListener<'a>>,
    groups: &'a [Group],
}

#[derive(Serialize)]
struct PartListener<'a> {
    id: &'a str,
    bind: &'a [String],
    protocol: Protocol,
    roles: &'a [String],
    routes: &'a [Route],
    tcp: &'a Option<TcpTarget>,
    tls: &'a Option<ServerTls>,
    passthrough: &'a Option<TlsTarget>,
    udp: &'a Option<UdpTarget>,
}

impl PartListener<'_> {
    fn of(listener: &Listener) -> PartListener<'_> {
        PartListener {
            id: &listener.id,
            bind: &listener.bind,
            protocol: listener.protocol,
            roles: &listener.roles,
            routes: &listener.routes,
            tcp: &listener.tcp,
            tls: &listener.tls,
            passthrough: &listener.passthrough,
            udp: &listener.udp,
        }
    }
}

/// The same, unpacked; what need not be looked into stays text.
#[derive(Default, Deserialize)]
pub struct Shown<'a> {
    #[serde(borrow)]
    pub listeners: Vec<ShownListener<'a>>,
    #[serde(borrow)]
    pub groups: Option<&'a RawValue>,
}

#[derive(Deserialize, Serialize)]
pub struct ShownListener<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub bind: &'a RawValue,
    #[serde(borrow)]
    pub protocol: &'a RawValue,
    #[serde(borrow)]
    pub roles: &'a RawValue,
    #[serde(borrow)]
    pub routes: &'a RawValue,
    #[serde(borrow)]
    pub tcp: &'a RawValue,
    #[serde(borrow)]
    pub tls: &'a RawValue,
    #[serde(borrow)]
    pub passthrough: &'a RawValue,
    #[serde(borrow)]
    pub udp: &'a RawValue,
}

impl Packed {
    pub fn of(plan: &Plan) -> Packed {
        let part = Part { listeners: plan.listeners.iter().map(PartListener::of).collect(), groups: &plan.groups };
        // Texts and numbers only: writing them to memory cannot fail.
        let text = serde_json::to_vec(&part).unwrap_or_default();
        Packed(lz4_flex::compress_prepend_size(&text).into())
    }

    /// The JSON, for [`Shown::read`].
    pub fn unpack(&self) -> Vec<u8> {
        lz4_flex::decompress_size_prepended(&self.0).unwrap_or_default()
    }
}

impl Shown<'_> {
    pub fn read(text: &[u8]) -> Shown<'_> {
        serde_json::from_slice(text).unwrap_or_default()
    }
}
