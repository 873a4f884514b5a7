//! Reading what a Plan refers to: variables of the environment and files, anew each time a Plan is made ready.
//!
//! What was read goes into the snapshot and nowhere else: not into the JSON view, the log or an error.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use glorieta_http::h1::codec::is_authority;
use glorieta_net::tls::Absent;
use glorieta_policy::reference::{Reference, as_written, fill, refers};
use rustc_hash::FxHashMap;

/// The largest file: what is larger is no token, key or word.
const LARGEST: u64 = 1 << 20;

/// What a configuration says in place of a host: from outside it would be taken for one.
const HOST_WORDS: [&str; 2] = ["preserve", "upstream"];

/// The values of one Plan, each read once.
pub struct Secrets {
    /// Whether they are read at all.
    real: bool,
    known: RefCell<FxHashMap<String, Result<String, String>>>,
}

impl Secrets {
    /// As this process and machine have them.
    pub fn from_system() -> Secrets {
        Secrets { real: true, known: RefCell::default() }
    }

    /// Each reference stands for its value: for checks and questions where secrets are none of anybody's business.
    pub fn as_written() -> Secrets {
        Secrets { real: false, known: RefCell::default() }
    }

    /// What a file with a certificate or a key means that is not at hand.
    pub fn absent(&self) -> Absent {
        if self.real { Absent::Wrong } else { Absent::Skipped }
    }

    /// A value that may stand anywhere.
    ///
    /// # Errors
    /// A sentence that names what is missing.
    pub fn text(&self, reference: Reference<'_>) -> Result<String, String> {
        if !self.real {
            return as_written(reference);
        }
        let mut known = self.known.borrow_mut();
        known.entry(reference.to_string()).or_insert_with(|| read(reference)).clone()
    }

    /// A value that may stand in a header, a path or a query.
    ///
    /// # Errors
    /// A sentence that names what is missing or has control characters.
    pub fn line(&self, reference: Reference<'_>) -> Result<String, String> {
        let text = self.text(reference)?;
        match text.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            true => Err(format!("what {reference} says has control characters, which cannot stand here")),
            false => Ok(text),
        }
    }

    /// A text with references as a value of `Host`.
    ///
    /// # Errors
    /// A sentence that names what is missing, or says that this is no host.
    pub fn host<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, String> {
        self.filled(text, "host", |host| is_authority(host.as_bytes()) && !HOST_WORDS.contains(&host))
    }

    /// A text with references as a path that is asked for, perhaps with a query.
    ///
    /// # Errors
    /// A sentence that names what is missing, or says that this is no path.
    pub fn path<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, String> {
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        self.filled(text, "path", |path| path.starts_with('/') && path.bytes().all(fits))
    }

    fn filled<'t>(&self, text: &'t str, kind: &str, fits: impl Fn(&str) -> bool) -> Result<Cow<'t, str>, String> {
        let filled = fill(text, &|reference| self.line(reference))?;
        // A reference that stands for itself says nothing of what it names.
        let is_known = self.real || !refers(text);
        match is_known && !fits(&filled) {
            true if refers(text) => Err(format!("what {text:?} says is no {kind}")),
            true => Err(format!("{text:?} is no {kind}")),
            false => Ok(filled),
        }
    }
}

fn read(reference: Reference<'_>) -> Result<String, String> {
    match reference {
        Reference::Env(name) => match std::env::var(name) {
            Ok(text) if !text.is_empty() => Ok(text),
            Ok(_) | Err(std::env::VarError::NotPresent) => Err(format!("the environment variable {name} is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8 text")),
        },
        Reference::File(path) => read_file(path),
    }
}

fn read_file(path: &str) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err(format!("{path} is no absolute path"));
    }
    let unreadable = |error: std::io::Error| format!("the file {path} cannot be read: {error}");
    // Without O_NONBLOCK a FIFO without a writer would stop whoever applies a Plan.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file.map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("{path} is no file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("the file {path} is larger than 1 MiB"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| format!("the file {path} is not UTF-8 text"))?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Site;

    fn line(path: &str) -> Result<String, String> {
        Secrets::from_system().line(Reference::File(path))
    }

    #[test]
    fn files_are_read_without_the_line_end_that_editors_add() {
        let folder = Site::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        folder.write("token", "s3cret\r\n\n");
        folder.write("empty", "");
        folder.write("tab", "a\tb");
        assert_eq!(line(&path("token")).as_deref(), Ok("s3cret"));
        assert_eq!(line(&path("empty")).as_deref(), Ok(""));
        assert_eq!(line(&path("tab")).as_deref(), Ok("a\tb"));
    }

    #[test]
    fn what_cannot_be_is_named_without_its_value() {
        let folder = Site::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        folder.write("large", vec![b'x'; (1 << 20) + 1]);
        folder.write("binary", [0xff, 0xfe]);
        folder.write("lines", "s3cret\nmore");
        folder.fifo("fifo");
        for (path, said) in [
            (path("missing"), "cannot be read"),
            (path("large"), "larger than 1 MiB"),
            (path("binary"), "not UTF-8"),
            (path("lines"), "control characters"),
            (path("fifo"), "is no file"),
            (path("site"), "is no file"),
            ("/dev/zero".to_owned(), "is no file"),
            ("relative".to_owned(), "no absolute path"),
        ] {
            let problem = line(&path).unwrap_err();
            assert!(problem.contains(said) && problem.contains(&path), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
        assert_eq!(Secrets::from_system().text(Reference::File(&path("lines"))).as_deref(), Ok("s3cret\nmore"));
    }

    #[test]
    fn variables_are_read_and_missing_ones_named() {
        assert_eq!(Secrets::from_system().line(Reference::Env("PATH")).ok(), std::env::var("PATH").ok());
        let problem = Secrets::from_system().line(Reference::Env("GLORIETA_NO_SUCH_VARIABLE")).unwrap_err();
        assert_eq!(problem, "the environment variable GLORIETA_NO_SUCH_VARIABLE is not set");
    }

    #[test]
    fn as_written_reads_nothing() {
        let secrets = Secrets::as_written();
        assert_eq!(secrets.line(Reference::File("/nowhere")).as_deref(), Ok("${file:/nowhere}"));
        assert_eq!(secrets.host("${file:/nowhere}").as_deref(), Ok("${file:/nowhere}"));
        assert_eq!(secrets.path("/a${file:/nowhere}").as_deref(), Ok("/a${file:/nowhere}"));
    }

    #[test]
    fn hosts_and_paths_are_what_they_should_be_with_all_that_they_refer_to() {
        let folder = Site::new();
        let reference = |content: &str| {
            folder.write("secret", content);
            format!("${{file:{}}}", folder.path("secret").display())
        };
        let host = |text: &str| Secrets::from_system().host(text).map(Cow::into_owned);
        let path = |text: &str| Secrets::from_system().path(text).map(Cow::into_owned);
        assert_eq!(host("a.example:80").as_deref(), Ok("a.example:80"));
        assert_eq!(host(&reference("a.example\n")).as_deref(), Ok("a.example"));
        assert_eq!(path(&format!("/ready?key={}$$", reference("s3cret"))).as_deref(), Ok("/ready?key=s3cret$"));
        for content in ["s3cret host", "preserve", "upstream", ""] {
            let problem = host(&reference(content)).unwrap_err();
            assert!(problem.contains("is no host") && !problem.contains("s3cret"), "{problem}");
        }
        for content in ["s3cret", "/s3cret way", "/s3cret#", "/s3cr\u{e9}t"] {
            let problem = path(&reference(content)).unwrap_err();
            assert!(problem.contains("is no path") && !problem.contains("s3cr"), "{problem}");
        }
    }
}
