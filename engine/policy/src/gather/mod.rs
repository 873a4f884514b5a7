//! One answer of several: what is asked of each part, and how their answers become one.
//!
//! ```text
//! json      checks a text and cuts it into ranges
//! shape     what of an answer is passed on, and under which names
//! merge     one object of several, in the order of declaration
//! text      what is sent to a part: templates with words of the request and of other parts
//! caching   the strictest `Cache-Control` of the parts
//! partial   which parts are missing, for machines
//! ```
//!
//! What is only passed on is never decoded: its bytes are copied, so that numbers keep their text.

pub mod caching;
pub mod json;
pub mod merge;
pub mod object;
pub mod partial;
pub mod shape;
pub mod text;

pub use caching::Caching;
pub use json::Json;
pub use merge::{Clash, Merge};
pub use object::Member;
pub use partial::Missing;
pub use shape::{Shape, Shaped};
pub use text::{Body, Hole, Query, Text};
