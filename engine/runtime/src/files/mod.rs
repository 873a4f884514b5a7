//! Files of a folder as answers: with ranges, preconditions, an index and a fallback.
//!
//! A worker never waits for a disk: one job on a thread of the blocking pool opens, judges and, where the file is
//! small, reads. Larger ones follow piece by piece, one job each, no faster than the client takes them.

mod answer;
mod body;
mod kinds;
mod locate;
mod open;

use std::ffi::CString;
use std::sync::Arc;

use glorieta_core::{Error, Fields, Kind, Method, Name, RequestHead, Response, ResponseHead};
use glorieta_plan::FilesTarget;
use glorieta_policy::{Accepted, Coding};

use locate::Found;

/// What a request may say about which state of a file it wants.
const CONDITIONS: [Name; 6] =
    [Name::IfMatch, Name::IfNoneMatch, Name::IfModifiedSince, Name::IfUnmodifiedSince, Name::IfRange, Name::Range];

/// Codings whose files may lie beside others.
const PRECOMPRESSED: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

/// A folder whose files are served.
#[derive(Clone, Debug)]
pub struct Files {
    folder: Arc<Folder>,
    strip_prefix: Vec<u8>,
}

#[derive(Debug)]
struct Folder {
    /// Opened anew for each request, so that a folder that is swapped for another is seen.
    root: CString,
    index: Option<CString>,
    fallback: Option<Vec<CString>>,
    hidden: bool,
    /// Codings whose files lie beside others.
    precompressed: Box<[Coding]>,
}

/// What is done where a disk may be waited for.
struct Job {
    folder: Arc<Folder>,
    wanted: locate::Wanted,
    method: Method,
    conditions: Fields,
    accepted: Accepted,
}

impl Job {
    /// `None`: a folder, asked for without its slash. Blocks.
    fn run(self) -> Result<Option<answer::Answer>, Error> {
        match locate::find(&self.folder, &self.wanted, &self.accepted)? {
            Found::File(file) => {
                let varies = !self.folder.precompressed.is_empty();
                answer::answer(file, self.method, &self.conditions, varies).map(Some)
            }
            Found::FolderWithoutSlash => Ok(None),
        }
    }
}

fn response(done: Option<answer::Answer>, path: &[u8], head: &RequestHead) -> Response {
    match done {
        Some(answer) => answer.into_response(),
        None => redirect(path, head.query()),
    }
}

impl Files {
    /// Checks what a Plan says.
    ///
    /// # Errors
    /// The root is no folder, or a name cannot be one.
    pub fn read(plan: &FilesTarget) -> Result<Files, String> {
        if !plan.root.starts_with('/') {
            return Err(format!("{} is no absolute path", plan.root));
        }
        match std::fs::metadata(&plan.root) {
            Ok(folder) if folder.is_dir() => {}
            Ok(_) => return Err(format!("{} is no folder", plan.root)),
            Err(error) => return Err(format!("the folder {} cannot be used: {error}", plan.root)),
        }
        let root = CString::new(plan.root.as_str()).map_err(|_| format!("{} is no path", plan.root))?;
        let index = plan.index.as_deref().map(file_name).transpose()?;
        let fallback = plan.fallback.as_deref().map(fallback).transpose()?;
        let strip_prefix = plan.strip_prefix.as_deref().unwrap_or_default().trim_end_matches('/');
        let precompressed = Coding::read_list(&plan.precompressed, &PRECOMPRESSED)?;
        let folder = Folder { root, index, fallback, hidden: plan.hidden, precompressed };
        Ok(Files { folder: Arc::new(folder), strip_prefix: strip_prefix.as_bytes().to_vec() })
    }

    /// Answers with the file that `path` names: the normalised path, still with its escapes.
    ///
    /// # Errors
    /// `method_not_allowed`, `path_refused`, `not_found`; `internal` where the system fails.
    pub async fn answer(&self, head: &RequestHead, path: &[u8]) -> Result<Response, Error> {
        let job = self.job(head, path)?;
        let done = tokio::task::spawn_blocking(move || job.run());
        let done = done.await.map_err(|_| Error::because(Kind::Internal, "reading a file panicked"))??;
        Ok(response(done, path, head))
    }

    /// As [`Files::answer`], on this thread, which waits for the disk.
    ///
    /// # Errors
    /// As [`Files::answer`].
    pub fn answer_now(&self, head: &RequestHead, path: &[u8]) -> Result<Response, Error> {
        let done = self.job(head, path)?.run()?;
        Ok(response(done, path, head))
    }

    fn job(&self, head: &RequestHead, path: &[u8]) -> Result<Job, Error> {
        if !matches!(head.method, Method::Get | Method::Head) {
            return Err(Error::new(Kind::MethodNotAllowed));
        }
        let wanted = locate::Wanted::read(self.below_prefix(path)?, self.folder.hidden)?;
        let (folder, conditions) = (self.folder.clone(), conditions(&head.fields));
        let accepted = match folder.precompressed.is_empty() {
            true => Accepted::default(),
            false => Accepted::read(head.fields.all(Name::AcceptEncoding)),
        };
        Ok(Job { folder, wanted, method: head.method, conditions, accepted })
    }

    fn below_prefix<'a>(&self, path: &'a [u8]) -> Result<&'a [u8], Error> {
        match path.strip_prefix(self.strip_prefix.as_slice()) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => Ok(rest),
            _ => Err(Error::because(Kind::NotFound, "the path lacks the prefix that is to be taken off")),
        }
    }
}

fn file_name(name: &str) -> Result<CString, String> {
    let wrong = || format!("{name:?} is no file name");
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        return Err(wrong());
    }
    CString::new(name).map_err(|_| wrong())
}

/// The names that lead to the fallback, from the root.
fn fallback(path: &str) -> Result<Vec<CString>, String> {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    match locate::Wanted::read(path.as_bytes(), true) {
        Ok(wanted) if wanted.is_file() => Ok(wanted.names),
        _ => Err(format!("{path} is no path of a file below the root")),
    }
}

/// The fields that the job needs; mostly none, and then this allocates nothing.
fn conditions(fields: &Fields) -> Fields {
    let mut copy = Fields::default();
    for (name, _, value) in fields.iter().filter(|(name, ..)| CONDITIONS.contains(name)) {
        copy.add(name, value);
    }
    copy
}

/// Sends the client to the same path with a slash, so that relative links in the index lead below the folder.
/// The path begins with one slash only: with two, a browser would take it for another host.
fn redirect(path: &[u8], query: Option<&[u8]>) -> Response {
    let mut location = path.to_vec();
    location.push(b'/');
    if let Some(query) = query {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    let mut head = ResponseHead::new(301);
    head.fields.add(Name::Location, &location);
    Response { head, ..Response::new(301) }
}

#[cfg(test)]
pub(crate) mod tests;
