//! Names of endpoints, asked of a name server that the test runs itself.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use glorieta_net::dns::DnsErrorKind;
use tokio::net::UdpSocket;
use tokio::task::spawn_local;

use super::*;
use crate::testing::{build, on_worker, plan, until};

/// "No such name".
const NXDOMAIN: u8 = 3;

/// Answers every question for IPv4 with the addresses set, which stand for one second, or with an error.
struct NameServer {
    address: SocketAddr,
    answer: Rc<RefCell<Result<Vec<Ipv4Addr>, u8>>>,
    asked: Rc<Cell<usize>>,
}

impl NameServer {
    async fn new(addresses: &[[u8; 4]]) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = NameServer {
            address: socket.local_addr().unwrap(),
            answer: Rc::new(RefCell::new(Ok(Vec::new()))),
            asked: Rc::default(),
        };
        server.set(addresses);
        let (answer, asked) = (server.answer.clone(), server.asked.clone());
        spawn_local(async move {
            let mut question = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut question).await.unwrap();
                asked.set(asked.get() + 1);
                let reply = reply(&question[..length], &answer.borrow());
                socket.send_to(&reply, from).await.unwrap();
            }
        });
        server
    }

    fn set(&self, addresses: &[[u8; 4]]) {
        *self.answer.borrow_mut() = Ok(addresses.iter().map(|&address| address.into()).collect());
    }

    fn fail(&self, code: u8) {
        *self.answer.borrow_mut() = Err(code);
    }
}

/// A message with the question of another and these answers (RFC 1035 §4).
fn reply(question: &[u8], answer: &Result<Vec<Ipv4Addr>, u8>) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|&byte| byte == 0).unwrap() + 1;
    let asks_ipv4 = question[name_end..name_end + 2] == [0, 1];
    let (code, addresses) = match answer {
        Ok(addresses) if asks_ipv4 => (0, &addresses[..]),
        Ok(_) => (0, &[][..]),
        Err(code) => (*code, &[][..]),
    };
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    reply.extend_from_slice(&question[12..name_end + 4]);
    for address in addresses {
        // The name by reference, type A, class IN, one second, four bytes.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(address.octets());
    }
    reply
}

fn destinations(upstream: &Upstream) -> Vec<String> {
    upstream.state.set().endpoints.iter().map(|endpoint| endpoint.destination.to_string()).collect()
}

#[test]
fn every_name_is_looked_up_once_and_all_its_addresses_are_endpoints() {
    on_worker(async {
        let server = NameServer::new(&[[10, 0, 0, 8], [10, 0, 0, 9]]).await;
        let upstream = build(&plan(&["orders.test:80", "orders.test:81", "10.0.0.1:80", "a.localhost:82"]));
        assert_eq!(destinations(&upstream), ["10.0.0.1:80"]);
        let problems = resolve_once(&upstream, &Resolver::with_servers(&[server.address])).await;
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            destinations(&upstream),
            ["10.0.0.8:80", "10.0.0.9:80", "10.0.0.8:81", "10.0.0.9:81", "10.0.0.1:80", "127.0.0.1:82", "[::1]:82"]
        );
    });
}

#[test]
fn a_name_that_cannot_be_resolved_is_told_and_keeps_what_it_had() {
    on_worker(async {
        let server = NameServer::new(&[[10, 0, 0, 8]]).await;
        let upstream = build(&plan(&["orders.test:80", "b.localhost:81"]));
        let resolve = async || {
            // A new resolver each time: the answers of an old one may still stand.
            resolve_once(&upstream, &Resolver::with_servers(&[server.address])).await
        };
        server.fail(NXDOMAIN);
        let problems = resolve().await;
        assert_eq!(problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(), [DnsErrorKind::NoSuchName]);
        assert_eq!(problems[0].name, "orders.test");
        // The other name is none the worse for it.
        assert_eq!(destinations(&upstream), ["127.0.0.1:81", "[::1]:81"]);
        server.set(&[[10, 0, 0, 8]]);
        assert!(resolve().await.is_empty());
        assert_eq!(destinations(&upstream)[0], "10.0.0.8:80");
        server.fail(NXDOMAIN);
        assert_eq!(resolve().await.len(), 1);
        assert_eq!(destinations(&upstream)[0], "10.0.0.8:80");
    });
}

#[test]
fn a_name_is_followed_to_where_it_moves_and_failures_are_said_once() {
    on_worker(async {
        let server = NameServer::new(&[[10, 0, 0, 8]]).await;
        let resolver = Rc::new(Resolver::with_servers(&[server.address]));
        let upstream = build(&plan(&["orders.test:80"]));
        resolve_once(&upstream, &resolver).await;
        let said = Rc::new(RefCell::new(Vec::new()));
        let (saying, resolving, kept) = (said.clone(), resolver.clone(), upstream.clone());
        let task = spawn_local(async move {
            keep_resolving(kept, &resolving, |text| saying.borrow_mut().push(text.to_owned())).await;
        });
        let before = upstream.state.set().endpoints[0].clone();
        server.set(&[[10, 0, 0, 9]]);
        until(|| destinations(&upstream) == ["10.0.0.9:80"]).await;
        assert!(before.is_retired());
        assert_eq!(said.take(), ["upstream orders: orders.test has other addresses now"]);

        server.fail(NXDOMAIN);
        until(|| said.borrow().len() == 1).await;
        assert!(said.borrow()[0].ends_with("; the last addresses stay in use"), "{said:?}");
        assert_eq!(destinations(&upstream), ["10.0.0.9:80"]);
        task.abort();
    });
    // Without names there is nothing to keep doing.
    let none = Resolver::with_servers(&[]);
    on_worker(keep_resolving(build(&plan(&["10.0.0.1:80"])), &none, |_| panic!("nothing to say")));
}
