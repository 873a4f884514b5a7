//! Which file a path names: taken apart, decoded, and looked for below the root only.

use std::ffi::{CStr, CString};
use std::fs::{File, Metadata};
use std::io;

use glorieta_core::{Error, Kind};
use glorieta_policy::{Accepted, Coding};

use super::Folder;
use super::open::{open_below, open_root};

/// A path taken apart into the names that lead from the root to the file.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) names: Vec<CString>,
    /// It ended with a slash.
    folder: bool,
    /// Nothing can have such a path: only the fallback is left.
    nowhere: bool,
}

/// What a path leads to.
pub(super) enum Found {
    File(Opened),
    /// A folder with an index, asked for without its slash.
    FolderWithoutSlash,
}

/// A regular file, opened.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    /// The last name, for its extension; without that of its coding.
    pub(super) name: CString,
    /// How its bytes are encoded, where they stand for those of another file.
    pub(super) coding: Option<Coding>,
}

impl Wanted {
    /// `path` is what follows the prefix: empty, or beginning with a slash; still with its escapes.
    ///
    /// # Errors
    /// `path_refused`: an escaped slash or NUL, a bad escape or a dot segment. `not_found`: a hidden name.
    pub(super) fn read(path: &[u8], hidden: bool) -> Result<Wanted, Error> {
        let mut wanted = Wanted { names: Vec::new(), folder: path.ends_with(b"/"), nowhere: false };
        let Some(inner) = path.strip_prefix(b"/") else { return Ok(wanted) };
        let inner = inner.strip_suffix(b"/").unwrap_or(inner);
        if inner.is_empty() {
            wanted.nowhere = path.len() > 1;
            return Ok(wanted);
        }
        for segment in inner.split(|&byte| byte == b'/') {
            let name = decode(segment)?;
            if name.starts_with(b".") && !hidden {
                return Err(Error::because(Kind::NotFound, "hidden names are not served"));
            }
            if matches!(name.as_slice(), b"." | b"..") {
                return Err(Error::because(Kind::PathRefused, "has a dot segment"));
            }
            // To the system `a//b` is `a/b`; to rules about paths it is not.
            wanted.nowhere |= name.is_empty();
            wanted.names.push(CString::new(name).map_err(|_| Error::because(Kind::PathRefused, "has an escaped NUL"))?);
        }
        Ok(wanted)
    }

    /// Whether it can only name a file.
    pub(super) fn is_file(&self) -> bool {
        !self.names.is_empty() && !self.folder && !self.nowhere
    }
}

/// Decodes the escapes of one segment.
fn decode(segment: &[u8]) -> Result<Vec<u8>, Error> {
    let digit = |at: usize| segment.get(at).and_then(|&byte| (byte as char).to_digit(16));
    let mut name = Vec::with_capacity(segment.len() + 1);
    let mut at = 0;
    while at < segment.len() {
        if segment[at] != b'%' {
            name.push(segment[at]);
            at += 1;
            continue;
        }
        let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
            return Err(Error::because(Kind::PathRefused, "has a bad escape"));
        };
        match (high * 16 + low) as u8 {
            b'/' => return Err(Error::because(Kind::PathRefused, "has an escaped slash")),
            byte => name.push(byte),
        }
        at += 3;
    }
    Ok(name)
}

/// Looks for the file, its index or the fallback. Blocks.
///
/// # Errors
/// `not_found`, or `internal` where the system fails.
pub(super) fn find(folder: &Folder, wanted: &Wanted, accepted: &Accepted) -> Result<Found, Error> {
    let root = open_root(&folder.root).map_err(|error| fail(&error))?;
    if let Some(found) = find_below(&root, folder, wanted, accepted)? {
        return Ok(found);
    }
    let Some(fallback) = &folder.fallback else { return Err(Error::new(Kind::NotFound)) };
    let names: Vec<&CStr> = fallback.iter().map(CString::as_c_str).collect();
    match open(&root, &names)? {
        Some(Entry::File(file)) => Ok(Found::File(as_accepted(file, &root, folder, &names, accepted))),
        _ => Err(Error::because(Kind::NotFound, "not even the fallback is there")),
    }
}

/// The file beside it that has the same bytes in the coding that the client wants most. What cannot be opened, is none
/// of these codings or no file, is as if it were not there: the file itself is.
fn as_accepted(plain: Opened, root: &File, folder: &Folder, names: &[&CStr], accepted: &Accepted) -> Opened {
    let mut left = folder.precompressed.to_vec();
    while let Some(coding) = accepted.choose(&left) {
        left.retain(|&other| other != coding);
        if let Some(mut beside) = open_beside(root, names, coding) {
            (beside.name, beside.coding) = (plain.name, Some(coding));
            return beside;
        }
    }
    plain
}

fn open_beside(root: &File, names: &[&CStr], coding: Coding) -> Option<Opened> {
    let extension: &[u8] = match coding {
        Coding::Brotli => b".br",
        Coding::Zstd => b".zst",
        Coding::Gzip => b".gz",
        Coding::Deflate => return None,
    };
    let (last, folders) = names.split_last()?;
    let name = CString::new([last.to_bytes(), extension].concat()).ok()?;
    match open(root, &[folders, &[name.as_c_str()]].concat()) {
        Ok(Some(Entry::File(file))) => Some(file),
        _ => None,
    }
}

fn find_below(root: &File, folder: &Folder, wanted: &Wanted, accepted: &Accepted) -> Result<Option<Found>, Error> {
    if wanted.nowhere {
        return Ok(None);
    }
    let mut names: Vec<&CStr> = wanted.names.iter().map(CString::as_c_str).collect();
    let is_folder = wanted.folder || names.is_empty();
    if !is_folder {
        match open(root, &names)? {
            Some(Entry::File(file)) => {
                return Ok(Some(Found::File(as_accepted(file, root, folder, &names, accepted))));
            }
            Some(Entry::Folder) => {}
            None => return Ok(None),
        }
    }
    let Some(index) = &folder.index else { return Ok(None) };
    names.push(index);
    match open(root, &names)? {
        Some(Entry::File(file)) if wanted.folder => {
            Ok(Some(Found::File(as_accepted(file, root, folder, &names, accepted))))
        }
        Some(Entry::File(_)) => Ok(Some(Found::FolderWithoutSlash)),
        _ => Ok(None),
    }
}

enum Entry {
    File(Opened),
    Folder,
}

/// Opens what the names lead to; `None` if nothing is there.
fn open(root: &File, names: &[&CStr]) -> Result<Option<Entry>, Error> {
    let file = match open_below(root, names) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(fail(&error)),
    };
    let metadata = file.metadata().map_err(|error| fail(&error))?;
    if metadata.is_dir() {
        return Ok(Some(Entry::Folder));
    }
    if !metadata.is_file() {
        return Err(Error::because(Kind::NotFound, "neither a file nor a folder"));
    }
    let name = names.last().map_or_else(CString::default, |&name| name.to_owned());
    Ok(Some(Entry::File(Opened { file, metadata, name, coding: None })))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG))
}

/// What the client may not have it is told is not there; the detail is for the log.
fn fail(error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EXDEV | libc::ELOOP) => Error::because(Kind::NotFound, "a symbolic link leads out of the root"),
        Some(libc::EACCES) => Error::because(Kind::NotFound, "permission denied"),
        // A socket, or a device without a driver.
        Some(libc::ENXIO | libc::ENODEV) => Error::because(Kind::NotFound, "neither a file nor a folder"),
        Some(libc::ENOENT | libc::ENOTDIR) => Error::because(Kind::NotFound, "the root is gone"),
        _ => Error::new(Kind::Internal).with_detail(format!("opening a file: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str, hidden: bool) -> Result<String, Kind> {
        let wanted = Wanted::read(path.as_bytes(), hidden).map_err(|error| error.kind)?;
        let names: Vec<_> = wanted.names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let folder = if wanted.folder { " folder" } else { "" };
        Ok(format!("{}{folder}{}", names.join("|"), if wanted.nowhere { " nowhere" } else { "" }))
    }

    #[test]
    fn paths_become_names() {
        for (path, expected) in [
            ("", ""),
            ("/", " folder"),
            ("/a", "a"),
            ("/a/", "a folder"),
            ("/a/b.txt", "a|b.txt"),
            ("/a%20b/%C3%A9", "a b|é"),
            ("/%252e%252e", "%2e%2e"),
            ("//", " folder nowhere"),
            ("//a", "|a nowhere"),
            ("/a//b", "a||b nowhere"),
            ("/a//", "a| folder nowhere"),
        ] {
            assert_eq!(names(path, false).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_no_file_may_be_called_is_refused() {
        for (path, kind) in [
            ("/a%2Fb", Kind::PathRefused),
            ("/a%2fb", Kind::PathRefused),
            ("/a%00", Kind::PathRefused),
            ("/a%", Kind::PathRefused),
            ("/a%4", Kind::PathRefused),
            ("/%zz", Kind::PathRefused),
            ("/.git/config", Kind::NotFound),
            ("/a/.b", Kind::NotFound),
            ("/..", Kind::NotFound),
            ("/%2E%2E/a", Kind::NotFound),
        ] {
            assert_eq!(names(path, false), Err(kind), "{path}");
        }
        assert_eq!(names("/.git/config", true).as_deref(), Ok(".git|config"));
        for path in ["/..", "/a/../b", "/.", "/%2E%2E/a", "/a/%2e"] {
            assert_eq!(names(path, true), Err(Kind::PathRefused), "{path}");
        }
    }
}
