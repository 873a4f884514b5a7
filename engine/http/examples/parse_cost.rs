//! Prints what the codec costs: nanoseconds per head parsed, stripped and written.
//!
//! `cargo run --release -p glorieta-http --example parse_cost`

use std::hint::black_box;
use std::time::Instant;

use glorieta_core::{Method, RequestHead, ResponseHead};
use glorieta_http::h1::codec::{
    Close, Framing, Limits, parse_request, parse_response, strip_hop_by_hop_request, strip_hop_by_hop_response,
    write_request, write_response,
};

const REQUESTS: [(&str, &[u8]); 3] = [
    ("wrk", b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"),
    (
        "curl",
        b"GET /service1/items?page=2 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
    ),
    (
        "browser",
        b"GET /service1/items/1234567890/reviews?page=2&sort=newest HTTP/1.1\r\nHost: shop.example\r\n\
          Connection: keep-alive\r\nCache-Control: max-age=0\r\n\
          sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
          sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
          User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36\r\n\
          Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
          Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n\
          Referer: https://shop.example/service1/items\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
          Accept-Language: en-GB,en;q=0.9,es;q=0.8\r\n\
          Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; cart=98765\r\n\r\n",
    ),
];

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Content-Type: text/html\r\nContent-Length: 615\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"6123e2a2-267\"\r\nAccept-Ranges: bytes\r\n\r\n";

const ROUNDS: u32 = 200_000;

/// The least mean of five rows, so that another program's turn on the CPU does not count.
fn measure(name: &str, mut work: impl FnMut()) {
    let row = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        started.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    let best = (0..5).map(|_| row(&mut work)).fold(f64::INFINITY, f64::min);
    println!("{name:<24} {best:>8.1} ns");
}

fn main() {
    let limits = Limits::default();
    let mut out = Vec::with_capacity(4096);
    let mut head = RequestHead::default();
    for (name, input) in REQUESTS {
        measure(&format!("{name} parse"), || {
            let parsed = parse_request(black_box(input), &limits, &mut head);
            assert!(black_box(parsed).is_ok());
        });
        measure(&format!("{name} parse and strip"), || {
            let parsed = parse_request(black_box(input), &limits, &mut head);
            assert!(black_box(parsed).is_ok());
            strip_hop_by_hop_request(black_box(&mut head));
        });
        measure(&format!("{name} write"), || {
            out.clear();
            write_request(black_box(&head), Framing::None, None, &mut out);
            black_box(&out);
        });
    }
    let mut head = ResponseHead::new(200);
    measure("nginx parse", || {
        let parsed = parse_response(black_box(RESPONSE), &limits, Method::Get, &mut head);
        assert!(black_box(parsed).is_ok());
    });
    measure("nginx parse and strip", || {
        let parsed = parse_response(black_box(RESPONSE), &limits, Method::Get, &mut head);
        assert!(black_box(parsed).is_ok());
        strip_hop_by_hop_response(black_box(&mut head));
    });
    measure("nginx write", || {
        out.clear();
        write_response(black_box(&head), Framing::Length(615), Close::KeepAlive, None, &mut out);
        black_box(&out);
    });
}
