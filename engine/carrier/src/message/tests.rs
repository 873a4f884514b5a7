use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn fields() -> impl Strategy<Value = Fields> {
    vec((text(), text()), 0..6)
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![Just(Body::Empty), text().prop_map(Body::Full), Just(Body::Stream)]
}

fn failure() -> impl Strategy<Value = CallFailure> {
    (text(), text(), any::<u16>()).prop_map(|(reason, detail, tries)| CallFailure { reason, detail, tries })
}

fn start() -> impl Strategy<Value = Start> {
    (any::<(u32, u32)>(), vec(text(), 7), fields(), fields(), body()).prop_map(
        |((route, deadline_ms), texts, parameters, headers, body)| {
            let [method, path, query, protocol, scheme, client, request_id] = <[Bytes; 7]>::try_from(texts).unwrap();
            Start {
                route,
                deadline_ms,
                method,
                path,
                query,
                protocol,
                scheme,
                client,
                request_id,
                parameters,
                headers,
                body,
            }
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (any::<(u16, u16)>(), fields(), body()).prop_map(|((status, tries), headers, body)| Outcome::Response {
            status,
            headers,
            body,
            tries
        }),
        failure().prop_map(Outcome::Failed),
    ]
}

fn to_handler() -> impl Strategy<Value = ToHandler> {
    let ids = any::<(u32, u32)>();
    prop_oneof![
        (any::<u32>(), start()).prop_map(|(call, start)| ToHandler::Start { call, start: Box::new(start) }),
        (any::<u32>(), text(), any::<bool>()).prop_map(|(call, data, last)| ToHandler::Body { call, data, last }),
        (any::<u32>(), text()).prop_map(|(call, reason)| ToHandler::BodyFailed { call, reason }),
        any::<u32>().prop_map(|call| ToHandler::Cancel { call }),
        ids.prop_map(|(call, bytes)| ToHandler::Credit { call, bytes }),
        (ids, outcome()).prop_map(|((call, part), outcome)| ToHandler::Result {
            call,
            part,
            outcome: Box::new(outcome)
        }),
        (ids, text(), any::<bool>()).prop_map(|((call, part), data, last)| ToHandler::ResultBody {
            call,
            part,
            data,
            last
        }),
        (ids, failure()).prop_map(|((call, part), failure)| ToHandler::ResultFailed {
            call,
            part,
            failure: Box::new(failure)
        }),
        (ids, any::<u32>()).prop_map(|((call, part), bytes)| ToHandler::CallCredit { call, part, bytes }),
        (any::<u32>(), text()).prop_map(|(call, reason)| ToHandler::Over { call, reason }),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    (any::<(u32, u32)>(), text(), text(), fields(), body()).prop_map(
        |((upstream, timeout_ms), method, target, headers, body)| Call {
            upstream,
            timeout_ms,
            method,
            target,
            headers,
            body,
        },
    )
}

fn from_handler() -> impl Strategy<Value = FromHandler> {
    let ids = any::<(u32, u32)>();
    prop_oneof![
        (any::<u32>(), any::<u16>(), fields(), body()).prop_map(|(call, status, headers, body)| {
            FromHandler::Answer { call, answer: Box::new(Answer { status, headers, body }) }
        }),
        (any::<u32>(), text(), any::<bool>()).prop_map(|(call, data, last)| FromHandler::AnswerBody {
            call,
            data,
            last
        }),
        any::<u32>().prop_map(|call| FromHandler::Failed { call }),
        ids.prop_map(|(call, bytes)| FromHandler::Credit { call, bytes }),
        (ids, call()).prop_map(|((call, part), request)| FromHandler::Call { call, part, request: Box::new(request) }),
        (ids, text(), any::<bool>()).prop_map(|((call, part), data, last)| FromHandler::CallBody {
            call,
            part,
            data,
            last
        }),
        (ids, any::<u32>()).prop_map(|((call, part), bytes)| FromHandler::CallCredit { call, part, bytes }),
        ids.prop_map(|(call, part)| FromHandler::CallCancel { call, part }),
        ids.prop_map(|(lag, running)| FromHandler::Beat { lag, running }),
        any::<u32>().prop_map(|call| FromHandler::Linger { call }),
        any::<u32>().prop_map(|call| FromHandler::Done { call }),
        (any::<u32>(), text(), text()).prop_map(|(call, reason, detail)| FromHandler::Explain { call, reason, detail }),
    ]
}

proptest! {
    #[test]
    fn what_a_worker_says_arrives(message in to_handler()) {
        prop_assert_eq!(ToHandler::decode(message.encode()), Ok(message));
    }

    #[test]
    fn what_a_handler_says_arrives(message in from_handler()) {
        prop_assert_eq!(FromHandler::decode(message.encode()), Ok(message));
    }

    #[test]
    fn no_bytes_are_too_odd_to_read(bytes in vec(any::<u8>(), 0..200)) {
        let _ = ToHandler::decode(bytes.clone());
        let _ = FromHandler::decode(bytes);
    }

    #[test]
    fn a_message_that_is_cut_is_refused(message in from_handler(), cut in 1usize..20) {
        let mut bytes = message.encode();
        bytes.truncate(bytes.len().saturating_sub(cut));
        prop_assert!(FromHandler::decode(bytes).is_err());
    }
}
