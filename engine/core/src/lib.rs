//! glorieta's vocabulary: what every floor above speaks of and none of them owns.
//!
//! It knows neither sockets nor tokio nor Python, so that policies, codecs and tests
//! can use it without any of the three.

pub mod body;
pub mod clock;
pub mod error;
pub mod exchange;
pub mod fields;
pub mod head;
mod lookup;
pub mod method;
pub mod tls;

pub use body::{Body, BodySource, Frame};
pub use clock::Moment;
pub use error::{At, Error, Kind, Retry};
pub use exchange::{Exchange, Peer, RequestId, Response, Scheme, Wire};
pub use fields::{Field, Fields, Name, Span};
pub use head::{RequestHead, ResponseHead, Version};
pub use method::Method;
pub use tls::{ClientCertificate, Names, Secured};

pub type Result<T, E = Error> = std::result::Result<T, E>;
