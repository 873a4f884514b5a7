//! Header fields set, added and removed, in requests and in answers.

use std::sync::Arc;

use glorieta_core::{Body, Fields, Name, RequestHead, ResponseHead};
use glorieta_policy::{LookUp, Template, View};

use crate::trailers::Guarded;
use crate::{Scope, Step};

#[derive(Debug)]
pub struct Headers {
    request: Changes,
    response: Changes,
}

/// Applied in this order: remove, set, add.
#[derive(Debug)]
struct Changes {
    remove: Vec<Box<[u8]>>,
    set: Vec<Change>,
    add: Vec<Change>,
}

/// A name, and the template of its value.
type Change = (Box<[u8]>, Template);

impl Headers {
    pub(crate) fn read(plan: &glorieta_plan::HeadersFilter, look_up: LookUp<'_>) -> Result<Headers, String> {
        Ok(Headers {
            request: Changes::read(&plan.request, look_up)?,
            response: Changes::read(&plan.response, look_up)?,
        })
    }

    pub(crate) fn touches_requests(&self) -> bool {
        !self.request.is_empty()
    }

    pub(crate) fn touches_responses(&self) -> bool {
        !self.response.is_empty()
    }

    pub(crate) fn removed_from_answers(&self) -> &[Box<[u8]>] {
        &self.response.remove
    }

    /// What is removed and set holds for the trailers, too: some services take them for headers. And it holds for names
    /// that services cannot tell from these.
    pub(crate) fn request(self: &Arc<Self>, head: &mut RequestHead, body: &mut Body, scope: &Scope<'_>) -> Step {
        let values = self.request.values(&scope.view(head));
        // `Host` is written from the authority, so that no two can disagree.
        let host = self.request.set.iter().zip(&values).find(|((name, _), _)| Name::parse(name) == Name::Host);
        if let Some((_, host)) = host
            && is_plain_authority(host)
        {
            head.set_authority(host);
        }
        self.request.apply(&mut head.fields, &values, Fields::remove_alike);
        if self.request.takes_away()
            && let Body::Stream(_) = body
        {
            *body = Body::Stream(Box::new(Guarded::new(std::mem::take(body), self.clone())));
        }
        Step::Continue
    }

    /// Removes from the trailers of a request what its head may not have from the client either.
    pub(crate) fn trailers(&self, fields: &mut Fields) {
        self.request.take_away(fields, Fields::remove_alike);
    }

    pub(crate) fn response(&self, head: &mut ResponseHead, request: &RequestHead, scope: &Scope<'_>) {
        let values = self.response.values(&scope.view(request));
        self.response.apply(&mut head.fields, &values, Fields::remove_named);
    }
}

/// A header whose words have no value is left out: one that says nothing would be taken for something.
fn is_sent(template: &Template, value: &[u8]) -> bool {
    !value.is_empty() || template.is_literal()
}

/// Whether it may stand in `Host`: a value from a request must not become anything else.
fn is_plain_authority(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(byte))
}

impl Changes {
    fn read(plan: &glorieta_plan::HeaderChanges, look_up: LookUp<'_>) -> Result<Changes, String> {
        let name = |text: &str| match Fields::is_token(text.as_bytes()) {
            true => Ok(text.as_bytes().into()),
            false => Err(format!("{text:?} is no header name")),
        };
        let values = |list: &[(String, String)]| -> Result<Vec<Change>, String> {
            list.iter().map(|(header, value)| Ok((name(header)?, Template::parse(value, look_up)?))).collect()
        };
        Ok(Changes {
            remove: plan.remove.iter().map(|text| name(text)).collect::<Result<_, _>>()?,
            set: values(&plan.set)?,
            add: values(&plan.add)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    /// The values of `set`, then those of `add`: all read before anything is changed.
    fn values(&self, view: &View<'_>) -> Vec<Vec<u8>> {
        let expand = |(_, template): &Change| {
            let mut value = Vec::new();
            template.expand(view, &mut value);
            value
        };
        self.set.iter().chain(&self.add).map(expand).collect()
    }

    /// Whether fields of some names go.
    fn takes_away(&self) -> bool {
        !self.remove.is_empty() || !self.set.is_empty()
    }

    fn take_away(&self, fields: &mut Fields, remove: fn(&mut Fields, &[u8])) {
        self.remove.iter().chain(self.set.iter().map(|(name, _)| name)).for_each(|name| remove(fields, name));
    }

    fn apply(&self, fields: &mut Fields, values: &[Vec<u8>], remove: fn(&mut Fields, &[u8])) {
        self.take_away(fields, remove);
        for ((name, template), value) in self.set.iter().chain(&self.add).zip(values) {
            if is_sent(template, value) {
                fields.add_named(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::with_scope;
    use glorieta_plan::{HeaderChanges, HeadersFilter};
    use glorieta_policy::reference::as_written;

    fn changes(remove: &[&str], set: &[(&str, &str)], add: &[(&str, &str)]) -> HeaderChanges {
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(one, two)| ((*one).into(), (*two).into())).collect();
        HeaderChanges { remove: remove.iter().map(|text| (*text).into()).collect(), set: pairs(set), add: pairs(add) }
    }

    fn run(request: HeaderChanges, head: &mut RequestHead) {
        let headers =
            Headers::read(&HeadersFilter { request, response: HeaderChanges::default() }, &as_written).unwrap();
        let client = Some("10.0.0.9".parse().unwrap());
        with_scope(client, |scope| Arc::new(headers).request(head, &mut Body::Empty, scope));
    }

    #[test]
    fn nobody_keeps_a_name_in_disguise() {
        let mut head = RequestHead::build("GET", "a.example", "/", None);
        for name in ["X_User", "x-user", "X-Gone", "x_gone", "x_other"] {
            head.fields.add_named(name.as_bytes(), b"root");
        }
        run(changes(&["x-gone"], &[("X-User", "alice")], &[]), &mut head);
        let seen: Vec<_> = head.fields.iter().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(seen, [(b"x_other".to_vec(), b"root".to_vec()), (b"X-User".to_vec(), b"alice".to_vec())]);
    }

    #[test]
    fn two_names_that_are_alike_may_both_be_set() {
        let mut head = RequestHead::build("GET", "a.example", "/", None);
        run(changes(&[], &[("X-A", "1"), ("X_A", "2")], &[]), &mut head);
        assert_eq!(head.fields.list.len(), 2);
    }

    #[test]
    fn changes_apply_in_order_and_read_the_request_as_it_came() {
        let mut head = RequestHead::build("GET", "a.example", "/", None);
        head.fields.add_named(b"X-A", b"1");
        head.fields.add_named(b"X-B", b"2");
        run(changes(&["x-a"], &[("X-B", "${header.x-a}")], &[("X-C", "${client.ip}"), ("X-C", "$$")]), &mut head);
        let seen: Vec<_> = head.fields.iter().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
        let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert_eq!(seen, [pair("X-B", "1"), pair("X-C", "10.0.0.9"), pair("X-C", "$")]);
    }

    #[test]
    fn a_header_whose_words_have_no_value_is_left_out() {
        let mut head = RequestHead::build("GET", "a.example", "/", None);
        head.fields.add_named(b"X-A", b"from the client");
        run(changes(&[], &[("X-A", "${query.none}"), ("X-B", "")], &[("X-C", "${query}")]), &mut head);
        let seen: Vec<_> = head.fields.iter().map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(seen, [(b"X-B".to_vec(), Vec::new())]);
    }

    #[test]
    fn host_changes_what_is_asked_for() {
        let mut head = RequestHead::build("GET", "a.example", "/", None);
        run(changes(&[], &[("Host", "b.example:8080")], &[]), &mut head);
        assert_eq!(head.authority(), b"b.example:8080");
    }

    #[test]
    fn wrong_names_and_templates_are_refused() {
        let read = |changes| {
            Headers::read(&HeadersFilter { request: changes, response: HeaderChanges::default() }, &as_written)
        };
        assert!(read(changes(&["a b"], &[], &[])).is_err());
        assert!(read(changes(&[], &[("X", "${nothing}")], &[])).is_err());
    }
}
