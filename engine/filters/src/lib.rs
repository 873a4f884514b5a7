//! What routes do to requests and answers on their way: one file per filter, one enum that lists them.
//!
//! A filter says what it touches by the lists it is put on when a Plan is compiled: requests, answer heads, answer
//! bodies. A route without filters pays for three empty lists.

mod addresses;
mod compress;
mod decompress;
mod grpc_web;
mod headers;
mod max_body;
mod memory;
mod scope;
mod trailers;

use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{Body, Error, RequestHead, Response, ResponseHead};
use glorieta_policy::LookUp;

pub use addresses::Addresses;
pub use compress::{Compress, Noted, Volume};
pub use decompress::Decompress;
pub use grpc_web::WebAnswer;
pub use headers::Headers;
pub use max_body::MaxBody;
pub use scope::Scope;

/// One filter, ready to run.
#[derive(Clone, Debug)]
pub enum Filter {
    Addresses(Arc<Addresses>),
    MaxBody(MaxBody),
    Headers(Arc<Headers>),
    Compress(Arc<Compress>),
    Decompress(Arc<Decompress>),
    GrpcWeb,
}

/// What a filter says to a request.
#[derive(Debug)]
pub enum Step {
    Continue,
    /// The request ends here.
    Refuse(Error),
}

/// The filters of a route, by what they touch, each list in running order.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    request: Box<[Filter]>,
    /// Runs from its end to its start.
    response: Box<[Filter]>,
    /// The one that changes bodies of answers, after all heads are as they will be.
    compress: Option<Arc<Compress>>,
}

impl Filters {
    /// Reads the filters of a Plan's route, in the order in which they run; `look_up` reads what values refer to.
    ///
    /// # Errors
    /// A sentence for each that cannot be understood.
    pub fn read(plan: &[glorieta_plan::Filter], look_up: LookUp<'_>) -> Result<Filters, Vec<String>> {
        let (mut all, mut problems) = (Vec::with_capacity(plan.len()), Vec::new());
        for filter in plan {
            match Filter::read(filter, look_up) {
                Ok(filter) => all.push(filter),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let compress = all.iter().find_map(|filter| match filter {
            Filter::Compress(compress) => Some(compress.clone()),
            _ => None,
        });
        Ok(Filters {
            compress,
            request: all.iter().filter(|filter| filter.touches_requests()).cloned().collect(),
            response: all.into_iter().filter(Filter::touches_responses).collect(),
        })
    }

    /// Runs over a request, up to the first filter that refuses it. `ran` is told of each, and what it said.
    #[inline]
    pub fn request(
        &self,
        head: &mut RequestHead,
        body: &mut Body,
        scope: &Scope<'_>,
        mut ran: impl FnMut(&Filter, &RequestHead, &Step),
    ) -> Step {
        for filter in &self.request {
            let step = filter.request(head, body, scope);
            ran(filter, head, &step);
            if let Step::Refuse(_) = step {
                return step;
            }
        }
        Step::Continue
    }

    /// Runs over an answer; `request` is the head that it answers.
    #[inline]
    pub fn response(&self, head: &mut ResponseHead, request: &RequestHead, scope: &Scope<'_>) {
        for filter in self.response.iter().rev() {
            filter.response(head, request, scope);
        }
    }

    /// Changes the body of an answer whose head is as it will be, and says so in the head. `Some`: how long the body
    /// was and becomes.
    #[inline]
    pub fn body(&self, response: &mut Response, request: &RequestHead, noted: Noted) -> Option<Rc<Volume>> {
        self.compress.as_ref()?.body(response, request, noted)
    }

    /// The content codings that bodies of requests may have, as `Accept-Encoding` says it.
    pub fn decodes(&self) -> Option<&str> {
        self.request.iter().find_map(|filter| match filter {
            Filter::Decompress(decompress) => Some(decompress.names()),
            _ => None,
        })
    }

    /// The names of fields that are removed from answers, as they are written.
    pub fn removed_from_answers(&self) -> impl Iterator<Item = &[u8]> {
        self.response.iter().flat_map(Filter::removed_from_answers).map(|name| &**name)
    }

    /// Whether calls of gRPC-Web become calls of gRPC, so that their answers must become answers of gRPC-Web.
    pub fn bridges_grpc_web(&self) -> bool {
        self.request.iter().any(|filter| matches!(filter, Filter::GrpcWeb))
    }

    /// Whether it has anything to do with requests.
    pub fn has_request(&self) -> bool {
        !self.request.is_empty()
    }

    /// Whether it has anything to do with answers.
    pub fn has_response(&self) -> bool {
        !self.response.is_empty()
    }
}

impl Filter {
    fn read(plan: &glorieta_plan::Filter, look_up: LookUp<'_>) -> Result<Filter, String> {
        Ok(match plan {
            glorieta_plan::Filter::Addresses(plan) => Filter::Addresses(Arc::new(Addresses::read(plan)?)),
            glorieta_plan::Filter::MaxBody(plan) => Filter::MaxBody(MaxBody { bytes: plan.bytes }),
            glorieta_plan::Filter::Headers(plan) => Filter::Headers(Arc::new(Headers::read(plan, look_up)?)),
            glorieta_plan::Filter::Compress(plan) => Filter::Compress(Arc::new(Compress::read(plan)?)),
            glorieta_plan::Filter::Decompress(plan) => Filter::Decompress(Arc::new(Decompress::read(plan)?)),
            glorieta_plan::Filter::GrpcWeb(_) => Filter::GrpcWeb,
        })
    }

    /// The word for it in a Plan.
    pub const fn word(&self) -> &'static str {
        match self {
            Filter::Addresses(_) => "addresses",
            Filter::MaxBody(_) => "max_body",
            Filter::Headers(_) => "headers",
            Filter::Compress(_) => "compress",
            Filter::Decompress(_) => "decompress",
            Filter::GrpcWeb => "grpc_web",
        }
    }

    fn removed_from_answers(&self) -> &[Box<[u8]>] {
        match self {
            Filter::Addresses(_)
            | Filter::MaxBody(_)
            | Filter::Compress(_)
            | Filter::Decompress(_)
            | Filter::GrpcWeb => &[],
            Filter::Headers(headers) => headers.removed_from_answers(),
        }
    }

    fn touches_requests(&self) -> bool {
        match self {
            Filter::Addresses(_)
            | Filter::MaxBody(_)
            | Filter::Compress(_)
            | Filter::Decompress(_)
            | Filter::GrpcWeb => true,
            Filter::Headers(headers) => headers.touches_requests(),
        }
    }

    fn touches_responses(&self) -> bool {
        match self {
            Filter::Addresses(_)
            | Filter::MaxBody(_)
            | Filter::Compress(_)
            | Filter::Decompress(_)
            | Filter::GrpcWeb => false,
            Filter::Headers(headers) => headers.touches_responses(),
        }
    }

    fn request(&self, head: &mut RequestHead, body: &mut Body, scope: &Scope<'_>) -> Step {
        match self {
            Filter::Addresses(addresses) => addresses.request(scope),
            Filter::MaxBody(limit) => limit.request(body),
            Filter::Headers(headers) => headers.request(head, body, scope),
            Filter::Compress(compress) => compress.request(head, scope),
            Filter::Decompress(decompress) => decompress.request(head, body),
            Filter::GrpcWeb => grpc_web::request(head, body),
        }
    }

    fn response(&self, head: &mut ResponseHead, request: &RequestHead, scope: &Scope<'_>) {
        match self {
            Filter::Addresses(_)
            | Filter::MaxBody(_)
            | Filter::Compress(_)
            | Filter::Decompress(_)
            | Filter::GrpcWeb => {}
            Filter::Headers(headers) => headers.response(head, request, scope),
        }
    }
}
