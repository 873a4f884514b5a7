//! The way of an HTTP request: `serve` decides, and what it decides is written down.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use glorieta_core::{
    Body, ClientCertificate, Error, Kind, Method, Moment, Name, Peer, RequestHead, RequestId, Response, ResponseHead,
    Scheme, Secured, Version,
};
use glorieta_http::h1::codec::{Close, Parsed, RequestMeta, parse_request, write_request};
use glorieta_http::h1::server::{frame, write_head};
use glorieta_http::outgoing::Upload;
use glorieta_upstream::Shares;

use super::Question;
use super::body::{self, LONGEST};
use super::changes;
use super::gather;
use super::head::{self, pairs};
use super::place::Place;
use super::report::{Answer, Because, Endpoint, Forward, Handed, Heard, Outcome, Report, Taken};
use super::split;
use super::watcher::Watcher;
use crate::gather::Gather;
use crate::handlers::HandlerRoute;
use crate::serve::{self, FILE_METHODS, PeerText, Request};
use crate::snapshot::{Listener, Proxy, Route, Target};
use crate::worker::View;

/// What stands where the endpoint's name would, as long as nobody knows the endpoint.
pub const ANY_ENDPOINT: &str = "${endpoint}";
/// The value of fields in an answer that nobody has given yet.
const UNKNOWN: &[u8] = b"...";

/// Who asks.
pub struct Client {
    pub address: IpAddr,
    /// Whose certificate it has shown.
    pub shown: Option<ClientCertificate>,
}

pub fn tell(
    heard: Heard,
    listener: &Arc<Listener>,
    routes: &[glorieta_plan::Route],
    place: &Place<'_>,
    question: &Question,
    client: Client,
) -> Result<Report, String> {
    if question.body_bytes.is_some_and(|bytes| bytes > LONGEST) {
        return Err(format!("a body of more than {LONGEST} bytes cannot be tried"));
    }
    let mut peer = Peer::at(Some((client.address, 0).into()));
    let secured = match &listener.tls {
        None => None,
        Some(terminator) => {
            peer.scheme = Scheme::Https;
            let server_name = place.server_name();
            match terminator.names_for(server_name.as_deref()) {
                Ok(names) => Some(Rc::new(Secured {
                    server_name: server_name.map(Into::into),
                    version: "1.3",
                    agreed: None,
                    certificate: client.shown,
                    names,
                })),
                Err(name) => {
                    let why = format!("no certificate of listener {} covers {name}", listener.id);
                    return Ok(Report { listener: Some(heard), ..Report::nothing(why) });
                }
            }
        }
    };
    let mut head = RequestHead::default();
    let parsed = parse_request(&head::bytes(question, place), &listener.settings.limits, &mut head);
    let sent = pairs(&head.fields);
    // An id that nobody could take for a real one, and the same each time.
    let mut request = Request::new(View::alone(listener), head, peer, secured, RequestId::random(0));
    let mut way = Way { report: Report { listener: Some(heard), ..Report::default() }, sent, gathered: None };
    let meta = match parsed {
        Ok(Parsed::Complete { value, .. }) => value,
        Ok(Parsed::Partial) => return Ok(way.refused(&mut request, &Error::new(Kind::HeadTimeout))),
        Err(error) => return Ok(way.refused(&mut request, &error)),
    };
    let mut watcher = Watcher::new(routes);
    let decided = way.decide(&mut request, listener, &meta, question, &mut watcher);
    way.report.client = request.peer.client.map(|address| address.to_string());
    way.report.path = Some(String::from_utf8_lossy(request.matched_path()).into_owned());
    way.note_route(routes, watcher);
    let (route, body) = match decided {
        Ok(decided) => decided,
        Err(error) => return Ok(way.refused(&mut request, &error)),
    };
    Ok(match way.reach(&mut request, route, body) {
        Ok(()) => way.report,
        Err(error) => way.refused(&mut request, &error),
    })
}

/// A request's way as far as it has been told.
struct Way {
    report: Report,
    /// The fields as the client sent them.
    sent: head::Pairs,
    /// The route's target, where it is several calls.
    gathered: Option<glorieta_plan::GatherTarget>,
}

impl Way {
    fn decide<'a>(
        &self,
        request: &mut Request,
        listener: &'a Listener,
        meta: &RequestMeta,
        question: &Question,
        watcher: &mut Watcher<'_>,
    ) -> Result<(&'a Route, Body), Error> {
        let mut body = body::announced(meta.framing, question.body_bytes);
        let upgrade = meta.upgrade && meta.framing.is_empty();
        let peer_text = PeerText::new(&request.peer);
        let route = serve::decide(request, listener, &mut body, upgrade, &peer_text, watcher)?;
        Ok((route, body))
    }

    fn note_route(&mut self, routes: &[glorieta_plan::Route], watcher: Watcher<'_>) {
        let because = |reason: glorieta_policy::route::Reason| {
            let route = &routes[reason.route as usize];
            Because { id: route.id.clone(), name: route.name.clone(), why: reason.why }
        };
        let explanation = watcher.explanation;
        self.report.passed = explanation.passed.into_iter().map(because).collect();
        self.gathered = watcher.found.and_then(|index| match &routes[index as usize].target {
            glorieta_plan::Target::Gather(plan) => Some(plan.clone()),
            _ => None,
        });
        self.report.route = watcher.found.map(|index| {
            let route = &routes[index as usize];
            Taken {
                id: route.id.clone(),
                name: route.name.clone(),
                group: route.group.clone(),
                why: explanation.why,
                beat: explanation.beat.into_iter().map(because).collect(),
            }
        });
        self.report.filters = watcher.filters;
        for ran in self.report.filters.iter_mut().filter(|ran| ran.filter == "addresses" && ran.outcome == "passed") {
            ran.detail = self.report.client.clone().unwrap_or_default();
        }
    }

    /// The target.
    fn reach(&mut self, request: &mut Request, route: &Route, body: Body) -> Result<(), Error> {
        let response = match &route.target {
            Target::Proxy(target) => return self.forward(request, route, target, body),
            Target::Split(target) => {
                let (variant, chosen) = split::choose(request, target);
                self.report.split = Some(chosen);
                target.withhold(request);
                return self.forward(request, route, &variant.proxy, body);
            }
            Target::Handler(target) => return self.hand(request, route, target, body),
            Target::Gather(target) => return self.gather(request, route, target, body),
            Target::Redirect(target) => serve::redirect(request, target),
            Target::Respond(target) => serve::respond(request, target),
            Target::Files(target) => {
                request.allow = Some(FILE_METHODS.to_owned());
                target.answer_now(&request.head, request.matched_path())?
            }
        };
        let mut response = response;
        let before = pairs(&response.head.fields);
        serve::go_back(request, &route.filters, &mut response);
        serve::finish(request, &mut response.head);
        self.report.response_headers_changed = changes::between(&before, &pairs(&response.head.fields));
        self.answer(request.head.method, response, None);
        Ok(())
    }

    fn hand(&mut self, request: &mut Request, route: &Route, target: &HandlerRoute, body: Body) -> Result<(), Error> {
        self.note_copy(request, route);
        let mut body = body;
        let asked = serve::ask(request, target, &body);
        body::read_through(&mut body)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let texts = |fields: &glorieta_carrier::Fields| {
            fields.iter().map(|(name, value)| (text(name), text(value))).collect::<head::Pairs>()
        };
        let headers = texts(&asked.start.headers);
        self.report.outcome = Outcome::Handler;
        self.report.handler = Some(Handed {
            handler: target.handler.id.to_string(),
            name: target.name.to_string(),
            route: target.route,
            parameters: texts(&asked.start.parameters),
            changes: changes::between(&self.sent, &headers),
            headers,
            calls: target.handler.calls.iter().map(|callee| callee.upstream.id.to_string()).collect(),
            deadline_ms: route.deadline.map(|deadline| deadline.as_millis() as u64),
        });
        self.note_own_answer(request, route);
        Ok(())
    }

    fn gather(&mut self, request: &mut Request, route: &Route, target: &Gather, body: Body) -> Result<(), Error> {
        self.note_copy(request, route);
        let mut body = body;
        if target.sends_body() {
            body::read_through(&mut body)?;
        }
        if let Some(plan) = self.gathered.take() {
            self.report.gather = Some(gather::tell(request, target, &plan, &body)?);
        }
        self.report.outcome = Outcome::Gather;
        self.note_own_answer(request, route);
        Ok(())
    }

    fn note_copy(&mut self, request: &Request, route: &Route) {
        self.report.mirror = route.mirror.as_ref().map(|mirror| split::mirrored(request, mirror));
    }

    /// What would be changed in an answer that is made here or by a handler.
    fn note_own_answer(&mut self, request: &mut Request, route: &Route) {
        let mut head = ResponseHead::new(200);
        for name in route.filters.removed_from_answers() {
            head.fields.add_named(name, UNKNOWN);
        }
        let before = pairs(&head.fields);
        self.note_changes(request, route, &mut head, &before);
    }

    fn forward(&mut self, request: &mut Request, route: &Route, target: &Proxy, body: Body) -> Result<(), Error> {
        let mut body = body;
        let aim = serve::aim(request, target)?;
        self.note_copy(request, route);
        let shares = target.upstream.shares(aim.key, Moment::now());
        if shares.all.is_empty() {
            return Err(Error::new(Kind::NoEndpoint).with_detail(format!("{} has no endpoint", target.upstream.id)));
        }
        aim.host.name(&mut request.head);
        aim.host.name_after(shares.endpoint.as_deref().unwrap_or(ANY_ENDPOINT), &mut request.head);
        let framing = Upload::framing_of(body.length());
        body::read_through(&mut body)?;
        let mut out = Vec::new();
        let upgrade = request.upgrade.take();
        write_request(&request.head, framing, upgrade.as_deref(), &mut out);
        let (start, headers) = head::read(&out);
        let mut words = start.split(' ').map(str::to_owned);
        self.report.outcome = Outcome::Forward;
        self.report.forward = Some(Forward {
            upstream: target.upstream.id.to_string(),
            endpoint: shares.endpoint.clone(),
            why: shares.why.clone(),
            endpoints: endpoints(shares),
            method: words.next(),
            target: words.next(),
            changes: changes::between(&self.sent, &headers),
            headers,
            deadline_ms: route.deadline.map(|deadline| deadline.as_millis() as u64),
            retries: target.retries,
        });
        self.note_answer(request, route, target);
        Ok(())
    }

    /// What would be changed in an upstream's answer: done to one that has what may be changed.
    fn note_answer(&mut self, request: &mut Request, route: &Route, target: &Proxy) {
        let mut head = ResponseHead::new(200);
        for name in route.filters.removed_from_answers() {
            head.fields.add_named(name, UNKNOWN);
        }
        if target.strip_prefix.is_some() && target.rewrite.is_none() {
            head.fields.add(Name::Location, b"/");
        }
        let before = pairs(&head.fields);
        serve::present(request, target, &mut head);
        self.note_changes(request, route, &mut head, &before);
    }

    /// What the route's filters and glorieta itself change in an answer.
    fn note_changes(&mut self, request: &mut Request, route: &Route, head: &mut ResponseHead, before: &head::Pairs) {
        serve::go_back_with_head(request, &route.filters, head);
        serve::finish(request, head);
        self.report.response_headers_changed = changes::between(before, &pairs(&head.fields));
        for change in &mut self.report.response_headers_changed {
            change.was = change.was.take().filter(|was| was.as_bytes() != UNKNOWN);
        }
    }

    fn refused(mut self, request: &mut Request, error: &Error) -> Report {
        let client = request.peer.client.map(|address| address.to_string());
        self.report.client = self.report.client.or(client);
        let mut response = serve::error_answer(error, request);
        serve::go_back_from_error(request, &mut response);
        self.answer(request.head.method, response, Some(error));
        self.report
    }

    fn answer(&mut self, method: Method, response: Response, error: Option<&Error>) {
        let length = response.body.length();
        let (framing, bodiless) = frame(method, Version::Http11, response.head.status, length);
        let announced = response.announced.or(length.filter(|&length| length > 0));
        let mut out = Vec::new();
        write_head(&response.head, framing, bodiless, announced, Close::KeepAlive, None, &mut out);
        self.report.outcome = Outcome::Answer;
        self.report.answer = Some(Answer {
            status: Some(response.head.status),
            reason: error.map(|error| error.kind.reason()),
            detail: error.map_or("", |error| error.detail()).to_owned(),
            headers: head::read(&out).1,
            body_bytes: if bodiless { 0 } else { length.unwrap_or(0) },
        });
    }
}

pub fn endpoints(shares: Shares) -> Vec<Endpoint> {
    let endpoint =
        |share: glorieta_upstream::Share| Endpoint { address: share.address, weight: share.weight, why: share.why };
    shares.all.into_iter().map(endpoint).collect()
}
