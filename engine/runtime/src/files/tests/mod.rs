//! A folder with files, links and other things, and requests for them.

mod contents;
mod paths;
mod precompressed;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glorieta_core::{Error, Frame, Kind, RequestHead, Response};
use glorieta_plan::FilesTarget;

use super::Files;

/// A temporary folder; `site` in it is what is served.
pub(crate) struct Site(PathBuf);

impl Site {
    pub(crate) fn new() -> Site {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("glorieta-files-{}-{number}", std::process::id()));
        std::fs::create_dir_all(folder.join("site")).unwrap();
        Site(folder)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    pub(crate) fn root(&self) -> String {
        self.path("site").to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn fifo(&self, below: &str) {
        let path = CString::new(self.path(below).as_os_str().as_bytes()).unwrap();
        // SAFETY: the path ends with NUL and outlives the call.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o644) }, 0);
    }

    fn plan(&self) -> FilesTarget {
        FilesTarget {
            root: self.root(),
            strip_prefix: None,
            index: Some("index.html".to_owned()),
            fallback: None,
            hidden: false,
            precompressed: Vec::new(),
        }
    }

    fn files(&self) -> Files {
        Files::read(&self.plan()).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs on a runtime like a worker's.
fn on_worker<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(work)
}

fn ask(files: &Files, method: &str, path: &str, fields: &[(&str, &str)]) -> Result<Response, Error> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut head = RequestHead::build(method, "a.example", path, query);
    for (name, value) in fields {
        head.fields.add_named(name.as_bytes(), value.as_bytes());
    }
    on_worker(files.answer(&head, path.as_bytes()))
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.head.fields.get_named(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Reads a body to its end; what it announced before must be what came.
fn read(response: &mut Response) -> Result<Vec<u8>, Error> {
    let mut body = std::mem::take(&mut response.body);
    on_worker(async {
        let announced = body.length();
        let mut content = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| body.poll_frame(cx)).await {
            match frame? {
                Frame::Data(bytes) => content.extend_from_slice(&bytes),
                Frame::Trailers(_) => panic!("files have no trailers"),
            }
            assert_eq!(body.length().map(|left| left + content.len() as u64), announced);
        }
        assert_eq!(Some(content.len() as u64), announced);
        Ok(content)
    })
}

/// What comes of a request in one line: status and body, status and location, or the reason.
fn told(files: &Files, method: &str, path: &str) -> String {
    match ask(files, method, path, &[]) {
        Ok(mut response) => {
            let place = header(&response, "location");
            let content = place.unwrap_or_else(|| String::from_utf8(read(&mut response).unwrap()).unwrap());
            format!("{} {content}", response.head.status)
        }
        Err(error) => error.kind.reason().to_owned(),
    }
}

fn reason(result: Result<Response, Error>) -> Kind {
    result.expect_err("an error").kind
}

fn set_modified(path: &Path, seconds: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
}
