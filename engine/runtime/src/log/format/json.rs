//! One JSON object a line, keys in a fixed order (design §13); what is absent is left out.

use super::escape::push_json;
use super::time::Clock;
use super::{push_address, push_milliseconds, push_number};
use crate::log::entry::{Record, Text};

/// `,"key":"` and the text and `"`, unless the text is empty.
fn push_pair(out: &mut Vec<u8>, key: &[u8], text: &[u8]) {
    if !text.is_empty() {
        out.extend_from_slice(key);
        push_json(out, text);
        out.push(b'"');
    }
}

fn push_count(out: &mut Vec<u8>, key: &[u8], number: u64) {
    out.extend_from_slice(key);
    push_number(out, number);
}

pub fn line(record: &Record<'_>, clock: &mut Clock, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    clock.push_rfc3339(out, record.time_unix_ns);
    out.push(b'"');
    push_pair(out, b",\"request_id\":\"", record.text(Text::RequestId));
    push_pair(out, b",\"listener\":\"", record.text(Text::Listener));
    push_pair(out, b",\"route\":\"", record.text(Text::Route));
    if record.client.is_some() {
        out.extend_from_slice(b",\"client\":\"");
        push_address(out, record.client);
        out.push(b'"');
    }
    push_pair(out, b",\"method\":\"", record.text(Text::Method));
    push_pair(out, b",\"host\":\"", record.text(Text::Host));
    push_pair(out, b",\"path\":\"", record.text(Text::Path));
    push_pair(out, b",\"query\":\"", record.query().unwrap_or_default());
    push_pair(out, b",\"protocol\":\"", record.text(Text::Protocol));
    if record.status > 0 {
        push_count(out, b",\"status\":", u64::from(record.status));
    }
    if let Some(status) = record.grpc_status {
        push_count(out, b",\"grpc_status\":", u64::from(status));
    }
    push_pair(out, b",\"reason\":\"", record.text(Text::Reason));
    push_pair(out, b",\"detail\":\"", record.text(Text::Detail));
    out.extend_from_slice(b",\"duration\":");
    push_milliseconds(out, record.duration_ns);
    push_pair(out, b",\"upstream\":\"", record.text(Text::Upstream));
    push_pair(out, b",\"endpoint\":\"", record.text(Text::Endpoint));
    if record.tries > 0 {
        push_count(out, b",\"tries\":", u64::from(record.tries));
    }
    push_pair(out, b",\"mirror\":\"", record.text(Text::Mirror));
    push_count(out, b",\"bytes_in\":", record.bytes_in);
    push_count(out, b",\"bytes_out\":", record.bytes_out);
    push_pair(out, b",\"tls\":\"", record.text(Text::Tls));
    push_pair(out, b",\"trace_id\":\"", record.text(Text::TraceId));
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use glorieta_plan::LogFormat;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::Options;
    use super::super::tests::line_of;
    use crate::log::entry::{Entry, tests::typical};

    #[test]
    fn a_typical_line_has_every_key_in_order() {
        let line = line_of(&LogFormat::Json, Options::default(), &typical());
        assert_eq!(
            String::from_utf8(line).unwrap(),
            concat!(
                r#"{"time":"2023-11-14T22:13:20.123Z","request_id":"0123456789abcdef0123456789abcdef","listener":"web","#,
                r#""route":"/service1/*","client":"127.0.0.1","method":"GET","host":"shop.example","#,
                r#""path":"/service1/a","query":"q=1","protocol":"HTTP/1.1","status":200,"duration":3.141,"#,
                r#""upstream":"service1","endpoint":"127.0.0.1:3001","tries":1,"bytes_in":0,"bytes_out":512}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_failure_names_its_reason_and_an_empty_entry_is_still_an_object() {
        let entry = Entry { reason: Some("refused"), detail: "localhost:3000 refused", ..typical() };
        let value: Value = serde_json::from_slice(&line_of(&LogFormat::Json, Options::default(), &entry)).unwrap();
        assert_eq!((&value["reason"], &value["detail"]), (&"refused".into(), &"localhost:3000 refused".into()));
        let line = line_of(&LogFormat::Json, Options::default(), &Entry::default());
        let value: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 4, "{value}");
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..60)
    }

    fn expected(text: &[u8]) -> Value {
        if text.is_empty() { Value::Null } else { String::from_utf8_lossy(text).into() }
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_json_object_with_the_right_values(
            (method, host, path, query, trace_id) in (bytes(), bytes(), bytes(), bytes(), bytes()),
            (route, detail) in (".{0,20}", ".{0,20}"),
            (status, bytes_out, duration_ns, time_unix_ns) in (1_u16.., any::<u64>(), any::<u64>(), any::<u64>()),
            client in any::<Option<std::net::IpAddr>>(),
        ) {
            let entry = Entry {
                time_unix_ns, duration_ns, client, status, bytes_out, route: &route, detail: &detail,
                method: &method, host: &host, path: &path, query: Some(&query), trace_id: &trace_id, ..typical()
            };
            let line = line_of(&LogFormat::Json, Options::default(), &entry);
            prop_assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
            let value: Value = serde_json::from_slice(&line).unwrap();
            let texts = [("method", &method[..]), ("host", &host), ("path", &path), ("query", &query),
                         ("trace_id", &trace_id), ("route", route.as_bytes()), ("detail", detail.as_bytes())];
            for (key, text) in texts {
                prop_assert_eq!(value.get(key).cloned().unwrap_or_default(), expected(text), "{}", key);
            }
            prop_assert_eq!(&value["status"], &Value::from(status));
            prop_assert_eq!(&value["bytes_out"], &Value::from(bytes_out));
            let read: Option<std::net::IpAddr> = value["client"].as_str().map(|text| text.parse().unwrap());
            prop_assert_eq!(read, client);
            let milliseconds = value["duration"].as_f64().unwrap();
            prop_assert!((milliseconds - (duration_ns / 1000) as f64 / 1e3).abs() <= milliseconds * 1e-12 + 1e-9);
        }
    }
}
