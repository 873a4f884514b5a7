pub const CONTENT_TYPE: &str = "";
pub struct Observed { pub upstreams: Vec<ObservedUpstream>, pub log: crate::log::LogCounts }
pub struct ObservedUpstream { pub upstream: String, pub endpoints: Vec<(&'static str, u64)>, pub waiting: u64 }
impl super::Registry { pub fn render(&self, _: &Observed) -> String { String::new() } }
