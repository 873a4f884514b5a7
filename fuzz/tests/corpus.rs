//! Replays the corpus: seeds, attack inputs, and every input that once broke something.
//!
//! A file whose name begins with `good` must be accepted, one that begins with `attack` refused.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn replay(target: &str) {
    let (name, body) = glorieta_fuzz::TARGETS.iter().find(|(name, _)| *name == target).expect("a known target");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut replayed = 0;
    for entry in std::fs::read_dir(&folder).expect("a folder of inputs") {
        let path = entry.expect("an entry").path();
        let input = std::fs::read(&path).expect("an input");
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&input)));
        let Ok(accepted) = outcome else { panic!("{} broke {name}", path.display()) };
        let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(accepted || !file.starts_with("good"), "{} was refused", path.display());
        assert!(!accepted || !file.starts_with("attack"), "{} was accepted", path.display());
        replayed += 1;
    }
    assert!(replayed >= 5, "{} holds {replayed} inputs", folder.display());
}

#[test]
fn request_heads() {
    replay("request_head");
}

#[test]
fn response_heads() {
    replay("response_head");
}

#[test]
fn chunked_bodies() {
    replay("chunked_body");
}

#[test]
fn paths() {
    replay("path_normalisation");
}

#[test]
fn routes() {
    replay("route_matching");
}

#[test]
fn plans() {
    replay("plan_json");
}

#[test]
fn proxy_headers() {
    replay("proxy_header");
}

#[test]
fn gathered_answers() {
    replay("gathered");
}
