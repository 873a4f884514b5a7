//! Files that are read when a Plan is made ready, and again when they change on disk.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use aws_lc_rs::digest;

/// The largest file: revocation lists of large authorities have megabytes.
const LARGEST: u64 = 32 << 20;

/// What a file that is not at hand means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Nothing can run without it.
    Wrong,
    /// A check where secrets are not at hand: what is there is looked at.
    Skipped,
}

/// The files of one listener or upstream, read once.
pub(super) struct Files {
    absent: Absent,
    digest: digest::Context,
}

impl Files {
    pub(super) fn new(absent: Absent) -> Files {
        Files { absent, digest: digest::Context::new(&digest::SHA256) }
    }

    /// The bytes of a file; `None`: it is not at hand, and need not be.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong.
    pub(super) fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match read(path) {
            Ok(bytes) => {
                self.digest.update(&(bytes.len() as u64).to_le_bytes());
                self.digest.update(&bytes);
                Ok(Some(bytes))
            }
            Err(Unread::NotAtHand(_)) if self.absent == Absent::Skipped => Ok(None),
            Err(Unread::NotAtHand(text) | Unread::Wrong(text)) => Err(text),
        }
    }

    /// What all files together say: the same digest, the same content.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.digest.clone().finish().as_ref());
        bytes
    }
}

enum Unread {
    NotAtHand(String),
    Wrong(String),
}

fn read(path: &str) -> Result<Vec<u8>, Unread> {
    if !path.starts_with('/') {
        return Err(Unread::Wrong(format!("{path} is no absolute path")));
    }
    let unreadable = |error: std::io::Error| {
        let text = format!("the file {path} cannot be read: {error}");
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => Unread::NotAtHand(text),
            _ => Unread::Wrong(text),
        }
    };
    // Without O_NONBLOCK a FIFO without a writer would stop whoever reads.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file.map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Unread::Wrong(format!("{path} is no file")));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unread::Wrong(format!("the file {path} is larger than 32 MiB")));
    }
    Ok(bytes)
}

/// By which it is seen, without reading, that a file may have changed: also when it was replaced by rename, or when a
/// symbolic link on the way to it points elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

fn stamp(path: &str) -> Option<Stamp> {
    let found = fs::metadata(Path::new(path)).ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        size: found.size(),
        changed: (found.ctime(), found.ctime_nsec()),
        modified: (found.mtime(), found.mtime_nsec()),
    })
}

/// What a look at the files has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// They were replaced, and what was made of them is in use.
    Replaced,
    /// They were replaced by something that cannot be used: what was there before stays. Said once per change.
    Kept(String),
}

/// Something made of files, replaced when they change.
pub(super) struct Kept<T> {
    current: ArcSwap<T>,
    paths: Vec<String>,
    watch: Mutex<Watch>,
    failures: AtomicU64,
}

#[derive(Default)]
struct Watch {
    stamps: Vec<Option<Stamp>>,
    /// As the files stood when they could not be used, and whether that has been said. Files that belong together are
    /// seldom replaced in one moment: only what still is wrong at the next look is worth a word.
    failing: Option<(Vec<Option<Stamp>>, bool)>,
}

/// Of what a thing was made.
pub(super) trait Made {
    fn digest(&self) -> &[u8; 32];
}

impl<T: Made> Kept<T> {
    /// `made` was made of files at these paths. Stamps are taken before: what changes in between is read again.
    pub(super) fn new<E>(paths: Vec<String>, make: impl FnOnce() -> Result<T, E>) -> Result<Kept<T>, E> {
        let stamps = paths.iter().map(|path| stamp(path)).collect();
        let current = ArcSwap::from_pointee(make()?);
        Ok(Kept { current, paths, watch: Mutex::new(Watch { stamps, failing: None }), failures: AtomicU64::new(0) })
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn current(&self) -> arc_swap::Guard<Arc<T>> {
        self.current.load()
    }

    /// Looks whether the files have changed; `None`: nothing to say.
    pub(super) fn refresh(&self, make: impl FnOnce(&T) -> Result<T, String>) -> Option<Refreshed> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps: Vec<_> = self.paths.iter().map(|path| stamp(path)).collect();
        if stamps == watch.stamps || matches!(&watch.failing, Some((failing, true)) if *failing == stamps) {
            return None;
        }
        let before = self.current.load_full();
        match make(&before) {
            Ok(made) => {
                *watch = Watch { stamps, failing: None };
                let is_other = made.digest() != before.digest();
                if is_other {
                    self.current.store(Arc::new(made));
                }
                is_other.then_some(Refreshed::Replaced)
            }
            Err(problem) => {
                let again = matches!(&watch.failing, Some((failing, _)) if *failing == stamps);
                watch.failing = Some((stamps, again));
                again.then(|| {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    Refreshed::Kept(problem)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::Folder;

    struct Text([u8; 32], String);

    impl Made for Text {
        fn digest(&self) -> &[u8; 32] {
            &self.0
        }
    }

    fn make(path: &str) -> Result<Text, String> {
        let mut files = Files::new(Absent::Wrong);
        let text = String::from_utf8(files.read(path)?.unwrap_or_default()).map_err(|error| error.to_string())?;
        if text == "bad" { Err("it is bad".to_owned()) } else { Ok(Text(files.digest(), text)) }
    }

    #[test]
    fn what_is_not_at_hand_is_an_error_or_nothing() {
        let folder = Folder::new();
        let missing = folder.path("missing");
        assert!(Files::new(Absent::Wrong).read(&missing).unwrap_err().contains(&missing));
        assert_eq!(Files::new(Absent::Skipped).read(&missing).unwrap(), None);
        for (wrong, what) in [("relative", "no absolute path"), ("/dev", "is no file")] {
            assert!(Files::new(Absent::Skipped).read(wrong).unwrap_err().contains(what), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_read_again_when_it_is_written_renamed_or_linked_anew() {
        let folder = Folder::new();
        let path = folder.write("current", "one");
        let kept = Kept::new(vec![path.clone()], || make(&path)).unwrap();
        let refresh = || kept.refresh(|_| make(&path));
        assert_eq!(refresh(), None);
        folder.write("current", "three");
        assert_eq!((refresh(), kept.current().1.as_str()), (Some(Refreshed::Replaced), "three"));
        fs::rename(folder.write("new", "four"), &path).unwrap();
        assert_eq!((refresh(), kept.current().1.as_str()), (Some(Refreshed::Replaced), "four"));
        folder.write("first", "five");
        folder.write("second", "six");
        for (target, text) in [("first", "five"), ("second", "six")] {
            std::os::unix::fs::symlink(folder.path(target), folder.path("link")).unwrap();
            fs::rename(folder.path("link"), &path).unwrap();
            assert_eq!((refresh(), kept.current().1.as_str()), (Some(Refreshed::Replaced), text));
        }
        assert_eq!(refresh(), None);
        // Touched, but the same: nothing to say.
        folder.write("second", "six");
        assert_eq!(refresh(), None);
    }

    #[test]
    fn what_cannot_be_used_is_said_once_if_it_lasts_and_changes_nothing() {
        let folder = Folder::new();
        let path = folder.write("current", "good");
        let kept = Kept::new(vec![path.clone()], || make(&path)).unwrap();
        let refresh = || kept.refresh(|_| make(&path));
        folder.write("current", "bad");
        assert_eq!(refresh(), None, "it may be half of a change");
        assert_eq!(refresh(), Some(Refreshed::Kept("it is bad".to_owned())));
        assert_eq!((refresh(), kept.failures()), (None, 1));
        fs::remove_file(&path).unwrap();
        assert_eq!(refresh(), None);
        assert!(matches!(refresh(), Some(Refreshed::Kept(text)) if text.contains("cannot be read")));
        assert_eq!(kept.current().1, "good");
        folder.write("current", "better");
        assert_eq!((refresh(), kept.current().1.as_str()), (Some(Refreshed::Replaced), "better"));
    }
}
