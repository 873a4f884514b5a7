//! A route of a snapshot: its filters, its target and its counts.

use std::sync::Arc;
use std::time::Duration;

use glorieta_filters::Filters;
use glorieta_policy::{Split as Shares, Template, Word};
use glorieta_upstream::{Host, Timeouts, Upstream};

use super::listener::Context;
use super::{Problem, shared_upstream};
use crate::files::Files;
use crate::gather::{Gather, Sources};
use crate::handlers::{HandlerRoute, parameters_of};
use crate::metrics::RouteSeries;
use crate::mirror::Mirror;
use crate::secrets::Secrets;
use crate::serve::{By, Split, Variant};

pub struct Route {
    pub id: Arc<str>,
    /// The name in metrics and logs.
    pub name: Arc<str>,
    pub filters: Filters,
    pub target: Target,
    /// For the whole request.
    pub deadline: Option<Duration>,
    pub merge_slashes: bool,
    /// Who gets a copy.
    pub mirror: Option<Arc<Mirror>>,
    pub series: Arc<RouteSeries>,
}

pub enum Target {
    Proxy(Proxy),
    Split(Split),
    Redirect(Redirect),
    Respond(Respond),
    Files(Files),
    Handler(HandlerRoute),
    Gather(Gather),
}

pub struct Proxy {
    pub upstream: Arc<Upstream>,
    pub strip_prefix: Option<Box<[u8]>>,
    pub rewrite: Option<Template>,
    pub host: Host,
    pub timeouts: Timeouts,
    pub retries: u32,
}

pub struct Redirect {
    pub status: u16,
    pub location: Template,
}

pub struct Respond {
    pub status: u16,
    pub headers: Vec<(Box<[u8]>, Template)>,
    pub body: Template,
}

impl Route {
    pub(super) fn build(
        plan: &glorieta_plan::Route,
        listener: &str,
        context: &Context<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Route> {
        let path = format!("routes.{}", plan.id);
        let filters = Filters::read(&plan.filters, &|reference| context.secrets.line(reference));
        let target = Target::build(plan, listener, context);
        let mirror = plan.mirror.as_ref().map(|mirror| self::mirror(mirror, listener, &plan.name, context)).transpose();
        let (filters, target, mirror) = match (filters, target, mirror) {
            (Ok(filters), Ok(target), Ok(mirror)) => (filters, target, mirror.map(Arc::new)),
            (filters, target, mirror) => {
                let messages = filters.err().into_iter().flatten().chain(target.err()).chain(mirror.err());
                problems.extend(messages.map(|message| Problem::at(path.clone(), message)));
                return None;
            }
        };
        Some(Route {
            id: plan.id.as_str().into(),
            name: plan.name.as_str().into(),
            filters,
            target,
            deadline: plan.deadline_ms.map(Duration::from_millis),
            merge_slashes: plan.merge_slashes,
            mirror,
            series: context.registry.route(listener, &plan.name),
        })
    }
}

impl Route {
    /// Whether who is wrong about the slash at its path's end is sent to the right path.
    pub fn redirects_slashes(&self) -> bool {
        matches!(&self.target, Target::Handler(target) if target.redirect_slashes)
    }
}

/// A template of a header or a path.
fn template(text: &str, context: &Context<'_>) -> Result<Template, String> {
    Template::parse(text, &|reference| context.secrets.line(reference))
}

impl Target {
    fn build(route: &glorieta_plan::Route, listener: &str, context: &Context<'_>) -> Result<Target, String> {
        match &route.target {
            glorieta_plan::Target::Proxy(plan) => Proxy::build(plan, context).map(Target::Proxy),
            glorieta_plan::Target::Split(plan) => split(plan, listener, &route.name, context).map(Target::Split),
            glorieta_plan::Target::Redirect(plan) => {
                if !matches!(plan.status, 301 | 302 | 303 | 307 | 308) {
                    return Err(format!("{} is no redirect; use 301, 302, 303, 307 or 308", plan.status));
                }
                Ok(Target::Redirect(Redirect { status: plan.status, location: template(&plan.location, context)? }))
            }
            glorieta_plan::Target::Respond(plan) => Respond::build(plan, context).map(Target::Respond),
            glorieta_plan::Target::Files(plan) => Files::read(plan).map(Target::Files),
            glorieta_plan::Target::Gather(plan) => gather(plan, listener, &route.name, context).map(Target::Gather),
            glorieta_plan::Target::Handler(plan) => {
                let handler = context.handlers.get(plan.handler.as_str());
                let handler = handler.cloned().ok_or_else(|| format!("there is no handler {:?}", plan.handler))?;
                Ok(Target::Handler(HandlerRoute {
                    handler,
                    route: plan.route,
                    name: plan.name.as_str().into(),
                    first_byte: Duration::from_millis(plan.first_byte_ms),
                    parameters: parameters_of(&route.path),
                    redirect_slashes: plan.redirect_slashes,
                }))
            }
        }
    }
}

fn gather(
    plan: &glorieta_plan::GatherTarget,
    listener: &str,
    route: &str,
    context: &Context<'_>,
) -> Result<Gather, String> {
    Gather::build(
        plan,
        &Sources {
            upstream: &|name| shared_upstream(context.upstreams, name).cloned(),
            host: &|plan| host(plan, context.secrets),
            timeouts: &timeouts,
            line: &|reference| context.secrets.line(reference),
            text: &|reference| context.secrets.text(reference),
            series: &|part| context.registry.part(listener, route, part),
        },
    )
}

fn split(
    plan: &glorieta_plan::SplitTarget,
    listener: &str,
    route: &str,
    context: &Context<'_>,
) -> Result<Split, String> {
    let by = match &plan.by {
        glorieta_plan::SplitBy::Random => By::Random,
        glorieta_plan::SplitBy::Cookie(name) if glorieta_core::Fields::is_token(name.as_bytes()) => {
            By::Cookie(name.as_str().into())
        }
        glorieta_plan::SplitBy::Cookie(name) => return Err(format!("{name:?} is no name of a cookie")),
        glorieta_plan::SplitBy::Word(word) => match Word::parse(word)? {
            word if word.is_outcome() => {
                return Err(format!("{word} is known only once the request has been answered"));
            }
            word => By::Word(word),
        },
    };
    let weights = plan.variants.iter().map(|variant| (variant.upstream.as_str(), variant.weight));
    let shares = Shares::new(weights)?;
    let variant = |variant: &glorieta_plan::SplitVariant| {
        let plan = glorieta_plan::ProxyTarget {
            upstream: variant.upstream.clone(),
            strip_prefix: plan.strip_prefix.clone(),
            rewrite: plan.rewrite.clone(),
            host: plan.host.clone(),
            timeouts: plan.timeouts.clone(),
            retries: plan.retries,
        };
        let series = context.registry.variant(listener, route, &variant.upstream);
        Ok(Variant { proxy: Proxy::build(&plan, context)?, weight: variant.weight, series })
    };
    Ok(Split { by, shares, variants: plan.variants.iter().map(variant).collect::<Result<_, String>>()? })
}

fn mirror(plan: &glorieta_plan::Mirror, listener: &str, route: &str, context: &Context<'_>) -> Result<Mirror, String> {
    let upstream =
        shared_upstream(context.upstreams, &plan.upstream).map_err(|message| format!("mirror: {message}"))?;
    let host = host(&plan.host, context.secrets)?;
    let series = context.registry.mirror(listener, route, &plan.upstream);
    Mirror::build(plan, upstream.clone(), host, timeouts(&plan.timeouts), series)
}

/// What `Host` says to an upstream.
pub(super) fn host(plan: &glorieta_plan::HostHeader, secrets: &Secrets) -> Result<Host, String> {
    Ok(match plan {
        glorieta_plan::HostHeader::Preserve => Host::Preserve,
        glorieta_plan::HostHeader::Upstream => Host::Upstream,
        glorieta_plan::HostHeader::Name(name) => Host::Name(secrets.host(name)?.as_ref().into()),
    })
}

pub(super) fn timeouts(plan: &glorieta_plan::UpstreamTimeouts) -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(plan.connect_ms),
        first_byte: Duration::from_millis(plan.first_byte_ms),
        idle: Duration::from_millis(plan.idle_ms),
        tunnel: Duration::from_millis(plan.tunnel_ms),
    }
}

impl Proxy {
    fn build(plan: &glorieta_plan::ProxyTarget, context: &Context<'_>) -> Result<Proxy, String> {
        let upstream = shared_upstream(context.upstreams, &plan.upstream)?;
        let strip_prefix = match plan.strip_prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
            Some("") | None => None,
            Some(prefix) if prefix.starts_with('/') => Some(prefix.as_bytes().into()),
            Some(prefix) => return Err(format!("the prefix {prefix:?} does not begin with a slash")),
        };
        Ok(Proxy {
            upstream: upstream.clone(),
            strip_prefix,
            rewrite: plan.rewrite.as_deref().map(|text| template(text, context)).transpose()?,
            host: host(&plan.host, context.secrets)?,
            timeouts: timeouts(&plan.timeouts),
            retries: plan.retries,
        })
    }
}

impl Respond {
    fn build(plan: &glorieta_plan::RespondTarget, context: &Context<'_>) -> Result<Respond, String> {
        if !(200..=599).contains(&plan.status) {
            return Err(format!("{} is no final status", plan.status));
        }
        let header = |(name, value): &(String, String)| {
            if !glorieta_core::Fields::is_token(name.as_bytes()) {
                return Err(format!("{name:?} is no header name"));
            }
            Ok((name.as_bytes().into(), template(value, context)?))
        };
        let headers = plan.headers.iter().map(header).collect::<Result<_, _>>()?;
        Ok(Respond {
            status: plan.status,
            headers,
            body: Template::parse(&plan.body, &|reference| context.secrets.text(reference))?,
        })
    }
}
