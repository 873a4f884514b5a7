use std::time::{Duration, SystemTime};

use glorieta_plan::{ClientCertificate, ClientCertificates, TlsVersion, UnknownName};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::testing::on_worker;
use crate::tls::testing::{Authority, Both, files};
use crate::tls::{Challenges, Originator, PROVIDER, http};

/// Both ends of a handshake: how the client's ended, and the engine's.
async fn meet(
    terminator: &Terminator,
    originator: &Arc<Originator>,
    name: &str,
) -> (Result<Stream, String>, Result<(Stream, Secured, bool), Refusal>) {
    let (one, other) = tokio::net::UnixStream::pair().unwrap();
    let target = originator.target(Some(name)).unwrap();
    let client = async {
        let mut stream = target.connect(Stream::Unix(one)).await?;
        // With TLS 1.3 a client learns only now whether it was let in, and has its tickets.
        let mut byte = [0];
        stream.read_exact(&mut byte).await.map_err(|error| error.to_string())?;
        Ok(stream)
    };
    let server = async {
        let mut accepted = terminator.accept(Stream::Unix(other), None).await;
        if let Ok((stream, ..)) = &mut accepted {
            stream.write_all(b"!").await.unwrap();
        }
        accepted
    };
    tokio::join!(client, server)
}

fn build(plan: &ServerTls) -> Arc<Terminator> {
    Terminator::build(plan, http(true, false), None, Absent::Wrong).unwrap()
}

fn originator(plan: &glorieta_plan::ClientTls) -> Arc<Originator> {
    Originator::build(plan, &[], None, Absent::Wrong).unwrap()
}

/// The names that answer who asks for `name`.
fn answering(terminator: &Terminator, name: Option<&str>) -> Result<String, String> {
    terminator.names_for(name).map(|names| names.map_or("any".to_owned(), |names| names.to_string()))
}

#[test]
fn who_asked_for_the_only_name_is_held_to_it() {
    let terminator = build(&Both::new().server);
    for (asked, names) in [
        (Some("shop.example"), "shop.example"),
        (Some("SHOP.example."), "shop.example"),
        (Some("other.example"), "any"),
        (None, "any"),
    ] {
        assert_eq!(answering(&terminator, asked).unwrap(), names, "{asked:?}");
    }
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let mut both = Both::new();
    both.add(&["*.api.example"]);
    both.add(&["a.api.example", "other.example"]);
    let terminator = build(&both.server);
    for (asked, names) in [
        (Some("shop.example"), "shop.example"),
        (Some("b.api.example"), "*.api.example"),
        (Some("a.api.example"), "a.api.example, other.example"),
        (Some("unknown.example"), "shop.example"),
        (Some("x.b.api.example"), "shop.example"),
        (None, "shop.example"),
    ] {
        assert_eq!(answering(&terminator, asked).unwrap(), names, "{asked:?}");
    }
    both.server.unknown_name = UnknownName::Refuse;
    let terminator = build(&both.server);
    assert_eq!(answering(&terminator, Some("unknown.example")), Err("unknown.example".to_owned()));
    assert_eq!(answering(&terminator, None).unwrap(), "shop.example");
}

#[test]
fn one_name_alone_is_held_to_nothing() {
    assert_eq!(answering(&build(&Both::new().server), Some("other.example")).unwrap(), "any");
}

#[test]
fn a_handshake_says_what_was_agreed_and_sessions_are_taken_up_again() {
    on_worker(async {
        let both = Both::new();
        let (terminator, originator) = (build(&both.server), originator(&both.client));
        for resumes in [false, true, true] {
            let (client, server) = meet(&terminator, &originator, "shop.example").await;
            client.unwrap();
            let (_, secured, resumed) = server.unwrap();
            assert_eq!((secured.server_name.as_deref(), secured.version), (Some("shop.example"), "1.3"));
            assert_eq!((resumed, secured.certificate), (resumes, None));
        }
    });
}

#[test]
fn an_unknown_name_is_refused_where_that_is_asked_for() {
    on_worker(async {
        let mut both = Both::new();
        both.server.unknown_name = UnknownName::Refuse;
        let (client, server) = meet(&build(&both.server), &originator(&both.client), "other.example").await;
        assert!(matches!(server, Err(Refusal::NameUnknown(name)) if name == "other.example"));
        assert!(client.unwrap_err().contains("UnrecognisedName"));
    });
}

#[test]
fn an_endpoint_that_does_not_convince_is_named_by_a_word() {
    on_worker(async {
        let both = Both::new();
        let terminator = build(&both.server);
        let stranger = both.folder.write("stranger.pem", &Authority::new("stranger").pem());
        let strangers = glorieta_plan::ClientTls { authorities: Some(stranger), ..both.client.clone() };
        for (plan, name, word) in
            [(&both.client, "other.example", "wrong_name: "), (&strangers, "shop.example", "unknown_issuer: ")]
        {
            let (client, server) = meet(&terminator, &originator(plan), name).await;
            let problem = client.unwrap_err();
            assert!(problem.starts_with(word), "{problem}");
            assert!(matches!(server, Err(Refusal::Failed(_))));
        }
        // Who believes everybody gets in all the same.
        let credulous = glorieta_plan::ClientTls { verify: false, ..strangers };
        assert!(meet(&terminator, &originator(&credulous), "other.example").await.0.is_ok());
        // A name of its own takes the place of the endpoint's.
        let named = glorieta_plan::ClientTls { name: Some("shop.example".to_owned()), ..both.client.clone() };
        assert!(meet(&terminator, &originator(&named), "10.0.0.1").await.0.is_ok());
    });
}

#[test]
fn without_a_common_version_nobody_comes_in() {
    on_worker(async {
        let mut both = Both::new();
        both.server.minimum = TlsVersion::Tls13;
        let mut modern = both.client.clone();
        modern.minimum = TlsVersion::Tls13;
        let (_, server) = meet(&build(&both.server), &originator(&modern), "shop.example").await;
        assert_eq!(server.unwrap().1.version, "1.3");
    });
}

/// A listener that verifies its clients, and an upstream's side that shows a certificate of the right authority.
fn mutual(certificate: ClientCertificate) -> (Both, glorieta_plan::ClientTls) {
    let mut both = Both::new();
    let clients = Authority::new("clients");
    let authorities = both.folder.write("clients.pem", &clients.pem());
    both.server.clients = Some(ClientCertificates { authorities, certificate, revoked: None });
    let shown = files(&both.folder, "billing", clients.sign(&["billing.internal"]));
    let known = glorieta_plan::ClientTls { certificate: Some(shown), ..both.client.clone() };
    (both, known)
}

#[test]
fn clients_are_verified_and_named() {
    on_worker(async {
        for (demand, lets_strangers_in) in [(ClientCertificate::Required, false), (ClientCertificate::Optional, true)] {
            let (both, known) = mutual(demand);
            let terminator = build(&both.server);
            let (client, server) = meet(&terminator, &originator(&known), "shop.example").await;
            client.unwrap();
            let certificate = server.unwrap().1.certificate.unwrap();
            assert_eq!(certificate.names.join(", "), "billing.internal");
            // Without a certificate.
            let (client, server) = meet(&terminator, &originator(&both.client), "shop.example").await;
            assert_eq!((client.is_ok(), server.is_ok()), (lets_strangers_in, lets_strangers_in));
            // With one of another authority: never.
            let shown = files(&both.folder, "stranger", Authority::new("stranger").sign(&["billing.internal"]));
            let forged = glorieta_plan::ClientTls { certificate: Some(shown), ..both.client.clone() };
            let (client, server) = meet(&terminator, &originator(&forged), "shop.example").await;
            assert!(client.is_err() && matches!(server, Err(Refusal::Failed(_))));
        }
    });
}

#[test]
fn a_verified_client_that_comes_back_is_still_named() {
    on_worker(async {
        let (both, known) = mutual(ClientCertificate::Required);
        let (terminator, originator) = (build(&both.server), originator(&known));
        for resumes in [false, true] {
            let (_, server) = meet(&terminator, &originator, "shop.example").await;
            let (_, secured, resumed) = server.unwrap();
            assert_eq!(resumed, resumes);
            assert_eq!(secured.certificate.unwrap().names.join(", "), "billing.internal");
        }
    });
}

#[test]
fn a_client_does_not_come_back_with_a_certificate_that_has_expired_meanwhile() {
    on_worker(async {
        let (mut both, known) = mutual(ClientCertificate::Required);
        let clients = Authority::new("clients");
        both.folder.write("clients.pem", &clients.pem());
        let end = SystemTime::now() + Duration::from_secs(5);
        let brief = clients.sign_with(&["billing.internal"], |params| params.not_after = end.into());
        both.server.clients.as_mut().unwrap().authorities = both.folder.path("clients.pem");
        files(&both.folder, "billing", brief);
        let (terminator, originator) = (build(&both.server), originator(&known));
        meet(&terminator, &originator, "shop.example").await.1.unwrap();
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        tokio::time::sleep(left + Duration::from_secs(2)).await;
        let (_, server) = meet(&terminator, &originator, "shop.example").await;
        assert!(matches!(server, Err(Refusal::Failed(reason)) if reason.contains("has expired since")));
    });
}

#[test]
fn tickets_hold_only_where_clients_are_verified_in_the_same_way() {
    on_worker(async {
        let (both, known) = mutual(ClientCertificate::Required);
        let originator = originator(&known);
        let first = build(&both.server);
        meet(&first, &originator, "shop.example").await.0.unwrap();
        // Another listener with the same files has tickets of its own.
        let (_, server) = meet(&build(&both.server), &originator, "shop.example").await;
        assert!(!server.unwrap().2);
        meet(&first, &originator, "shop.example").await.0.unwrap();
        // Another certificate changes nothing for those who were let in.
        let mut more = both.server.clone();
        more.certificates.push(files(&both.folder, "more", both.authority.sign(&["more.example"])));
        let second = Terminator::build(&more, http(true, false), Some(&first), Absent::Wrong).unwrap();
        assert!(meet(&second, &originator, "shop.example").await.1.unwrap().2);
        // Other authorities do.
        let mut others = more.clone();
        let strangers = both.folder.write("strangers.pem", &Authority::new("strangers").pem());
        others.clients.as_mut().unwrap().authorities = strangers;
        let third = Terminator::build(&others, http(true, false), Some(&second), Absent::Wrong).unwrap();
        assert!(meet(&third, &originator, "shop.example").await.1.is_err());
    });
}

#[test]
fn a_change_of_files_reaches_the_next_handshake_and_a_bad_one_none() {
    on_worker(async {
        let both = Both::new();
        let terminator = build(&both.server);
        let before = terminator.expiries();
        assert_eq!(before.len(), 1);
        files(&both.folder, "shop", both.authority.sign(&["new.example", "shop.example"]));
        assert_eq!(terminator.refresh(), Some(Refreshed::Replaced));
        assert_eq!(&*terminator.expiries()[0].name, "new.example");
        meet(&terminator, &originator(&both.client), "new.example").await.0.unwrap();
        both.folder.write("shop.crt", "rubbish");
        assert_eq!(terminator.refresh(), None);
        let Some(Refreshed::Kept(problem)) = terminator.refresh() else { panic!("nothing was said") };
        assert!(problem.contains("shop.crt has no certificate"), "{problem}");
        meet(&terminator, &originator(&both.client), "new.example").await.0.unwrap();
        // The same Plan is taken over as it is: what is about something else must not fail for it.
        assert!(Arc::ptr_eq(
            &Terminator::build(&both.server, http(true, false), Some(&terminator), Absent::Wrong).unwrap(),
            &terminator
        ));
        assert!(Terminator::build(&both.server, http(true, false), None, Absent::Wrong).is_err());
    });
}

#[test]
fn everything_wrong_is_said_at_once_and_what_is_not_at_hand_may_be_skipped() {
    let mut both = Both::new();
    let missing = |name: &str| glorieta_plan::CertificateFiles {
        certificate: format!("/nonexistent/{name}.crt"),
        key: format!("/nonexistent/{name}.key"),
        acme: Vec::new(),
    };
    both.server.certificates = vec![missing("a"), missing("b")];
    let problems = Terminator::build(&both.server, http(true, false), None, Absent::Wrong).err().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    let terminator = Terminator::build(&both.server, http(true, false), None, Absent::Skipped).unwrap();
    assert_eq!(answering(&terminator, Some("any.example")).unwrap(), "any");
    both.server.certificates.clear();
    assert!(Terminator::build(&both.server, http(true, false), None, Absent::Wrong).is_err());
}

#[test]
fn what_is_no_tls_is_told_apart() {
    on_worker(async {
        let terminator = build(&Both::new().server);
        for (sent, plain) in
            [(&b"GET / HTTP/1.1\r\n\r\n"[..], true), (b"\0\x01\x02", false), (b"\x16\x03\x01\0\x04\xff\0\0\0", false)]
        {
            let (mut client, inside) = tokio::net::UnixStream::pair().unwrap();
            client.write_all(sent).await.unwrap();
            client.shutdown().await.unwrap();
            match terminator.accept(Stream::Unix(inside), None).await {
                Err(Refusal::PlainHttp(_)) => assert!(plain),
                Err(Refusal::Failed(_)) => assert!(!plain),
                other => panic!("{other:?}"),
            }
        }
        let (client, inside) = tokio::net::UnixStream::pair().unwrap();
        drop(client);
        assert!(matches!(terminator.accept(Stream::Unix(inside), None).await, Err(Refusal::Gone)));
    });
}

#[test]
fn a_first_message_without_end_is_refused() {
    on_worker(async {
        let terminator = build(&Both::new().server);
        let (mut client, inside) = tokio::net::UnixStream::pair().unwrap();
        // A handshake message of 60,000 bytes, in records of a byte each.
        let mut sent = b"\x16\x03\x01\0\x04\x01\0\xea\x60".to_vec();
        for _ in 0..5_000 {
            sent.extend_from_slice(b"\x16\x03\x01\0\x01\0");
        }
        let sending = async {
            // It is refused in the middle.
            let _ = client.write_all(&sent).await;
            drop(client);
        };
        let (_, refused) = tokio::join!(sending, terminator.accept(Stream::Unix(inside), None));
        assert!(matches!(refused, Err(Refusal::Failed(_))), "{refused:?}");
    });
}

/// A listener whose certificate for `names` is ordered, and where it will be.
fn ordered(both: &mut Both, names: &[&str]) -> String {
    let file = both.folder.path("ordered.pem");
    both.server.certificates.push(glorieta_plan::CertificateFiles {
        certificate: file.clone(),
        key: file.clone(),
        acme: names.iter().map(|&name| name.to_owned()).collect(),
    });
    file
}

#[test]
fn an_ordered_certificate_is_awaited_without_harm_to_others_and_never_given_up() {
    on_worker(async {
        let mut both = Both::new();
        ordered(&mut both, &["new.example", "*.new.example"]);
        let terminator = build(&both.server);
        let originator = originator(&both.client);
        for name in ["new.example", "a.new.example"] {
            let (client, server) = meet(&terminator, &originator, name).await;
            assert!(matches!(&server, Err(Refusal::Awaited(names)) if names == "new.example, *.new.example"));
            assert!(client.unwrap_err().contains("InternalError"), "{name}");
        }
        meet(&terminator, &originator, "shop.example").await.0.unwrap();
        assert_eq!(answering(&terminator, Some("new.example")).unwrap(), "new.example, *.new.example");
        let (certificate, key) = both.authority.sign(&["new.example"]);
        both.folder.write("ordered.pem", &format!("{key}{certificate}"));
        assert_eq!(terminator.refresh(), Some(Refreshed::Replaced));
        meet(&terminator, &originator, "new.example").await.0.unwrap();
        let server = meet(&terminator, &originator, "a.new.example").await.1;
        assert!(matches!(server, Err(Refusal::Awaited(names)) if names == "*.new.example"));
        let (certificate, key) = both.authority.sign(&["new.example", "*.new.example"]);
        both.folder.write("ordered.pem", &format!("{key}{certificate}"));
        assert_eq!(terminator.refresh(), Some(Refreshed::Replaced));
        meet(&terminator, &originator, "a.new.example").await.0.unwrap();
        both.folder.write("ordered.pem", "rubbish");
        assert_eq!(terminator.refresh(), None);
        assert!(matches!(terminator.refresh(), Some(Refreshed::Kept(why)) if why.contains("ordered.pem")));
        meet(&terminator, &originator, "new.example").await.0.unwrap();
    });
}

#[test]
fn where_all_is_awaited_nobody_is_let_in() {
    on_worker(async {
        let mut both = Both::new();
        both.server.certificates.clear();
        ordered(&mut both, &["new.example"]);
        let terminator = build(&both.server);
        for name in ["new.example", "other.example"] {
            let (_, server) = meet(&terminator, &originator(&both.client), name).await;
            assert!(matches!(server, Err(Refusal::Awaited(_))), "{name}");
        }
        assert_eq!(terminator.expiries(), []);
    });
}

/// Takes any certificate as it is: what an issuer looks at cannot be read by `rustls`.
#[derive(Debug)]
struct Unread;

impl ServerCertVerifier for Unread {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

/// What a client of these protocols that asks for `name` is shown by a listener with these challenges.
async fn ask_as_issuer(
    terminator: &Terminator,
    challenges: Option<&Challenges>,
    name: &str,
    protocols: &[&[u8]],
) -> (Result<Vec<u8>, String>, Result<(Stream, Secured, bool), Refusal>) {
    let mut config = rustls::ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unread))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let (one, other) = tokio::net::UnixStream::pair().unwrap();
    let client = async {
        let mut session = Session::new(Stream::Unix(one), Connection::Client(connection), bytes::Bytes::new());
        session.handshake().await.map_err(|error| error.to_string())?;
        let Connection::Client(connection) = session.connection() else { unreachable!() };
        let shown = connection.peer_certificates().unwrap()[0].to_vec();
        if connection.alpn_protocol() != Some(b"acme-tls/1") {
            return Err("another protocol".to_owned());
        }
        let mut rest = Vec::new();
        Stream::Tls(Box::new(session)).read_to_end(&mut rest).await.map_err(|error| error.to_string())?;
        assert!(rest.is_empty());
        Ok(shown)
    };
    tokio::join!(client, terminator.accept(Stream::Unix(other), challenges))
}

#[test]
fn issuers_are_shown_what_convinces_them_and_nobody_else_is() {
    on_worker(async {
        // Issuers have no certificate to show, whatever other clients must.
        let (both, _) = mutual(ClientCertificate::Required);
        let terminator = build(&both.server);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&[7; 32])];
        let certificate = params.self_signed(&key).unwrap();
        let challenges = Challenges::default();
        challenges.put("Shop.example", certificate.der(), &key.serialize_der()).unwrap();
        assert!(challenges.put("bad.example", b"rubbish", b"rubbish").is_err());

        let acme: &[&[u8]] = &[b"acme-tls/1"];
        let (client, server) = ask_as_issuer(&terminator, Some(&challenges), "shop.example", acme).await;
        assert_eq!(client.unwrap(), certificate.der().to_vec());
        assert!(matches!(server, Err(Refusal::Convinced)));

        let (client, server) = ask_as_issuer(&terminator, Some(&challenges), "other.example", acme).await;
        assert!(client.unwrap_err().contains("NoApplicationProtocol"));
        assert!(matches!(server, Err(Refusal::Failed(why)) if why.contains("other.example")));

        for (challenges, protocols) in [(None, acme), (Some(&challenges), &[&b"http/1.1"[..], b"acme-tls/1"][..])] {
            let (_, server) = ask_as_issuer(&terminator, challenges, "shop.example", protocols).await;
            assert!(!matches!(server, Err(Refusal::Convinced)), "{protocols:?}");
        }
        challenges.remove("shop.example");
        let (client, _) = ask_as_issuer(&terminator, Some(&challenges), "shop.example", acme).await;
        assert!(client.is_err());
    });
}
