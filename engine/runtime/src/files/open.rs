//! Opening a file below a folder and nowhere else, whatever symbolic links say and whoever moves folders meanwhile.
//!
//! The kernel itself checks it (`openat2`, Linux 5.6). Where it cannot, each name is opened by itself and no
//! symbolic link is followed at all.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::sync::LazyLock;

/// Without O_NONBLOCK the opening of a FIFO would wait for a writer; files know no difference.
const READ: libc::c_int = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
const WALK: libc::c_int = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;

/// How often opening is tried again while somebody moves folders about.
const TRIES: usize = 8;

/// Whether the kernel knows `openat2`, and no sandbox around us forbids it.
static KNOWS_OPENAT2: LazyLock<bool> = LazyLock::new(|| openat2(libc::AT_FDCWD, b"/\0", WALK, 0).is_ok());

/// `struct open_how` of openat2(2).
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

pub(super) fn open_root(path: &CStr) -> io::Result<File> {
    // SAFETY: the path ends with NUL and outlives the call.
    own(unsafe { libc::open(path.as_ptr(), WALK) }.into())
}

/// Opens for reading what the names lead to, one below the other. A folder can be opened too.
pub(super) fn open_below(root: &File, names: &[&CStr]) -> io::Result<File> {
    if *KNOWS_OPENAT2 { open_at_once(root, names) } else { open_by_steps(root, names) }
}

fn open_at_once(root: &File, names: &[&CStr]) -> io::Result<File> {
    let mut path = names.iter().map(|name| name.to_bytes()).collect::<Vec<_>>().join(&b'/');
    path.push(0);
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match openat2(root.as_raw_fd(), &path, READ, libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS) {
            // A folder was moved while the kernel followed `..` of a link (EAGAIN), or a signal came.
            Err(error) if tries > 0 && matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => {}
            opened => return opened,
        }
    }
}

/// openat2(2); `path` ends with NUL.
fn openat2(folder: RawFd, path: &[u8], flags: libc::c_int, resolve: u64) -> io::Result<File> {
    debug_assert_eq!(path.last(), Some(&0));
    let how = How { flags: flags as u64, mode: 0, resolve };
    // SAFETY: the path ends with NUL, `how` is as large as it is said to be, and both outlive the call.
    own(unsafe { libc::syscall(libc::SYS_openat2, folder, path.as_ptr(), &raw const how, size_of::<How>()) })
}

fn open_by_steps(root: &File, names: &[&CStr]) -> io::Result<File> {
    let Some((last, folders)) = names.split_last() else { return Err(io::ErrorKind::NotFound.into()) };
    let mut folder = None;
    for name in folders {
        folder = Some(open_one(folder.as_ref().unwrap_or(root), name, WALK)?);
    }
    open_one(folder.as_ref().unwrap_or(root), last, READ)
}

fn open_one(folder: &File, name: &CStr, flags: libc::c_int) -> io::Result<File> {
    // SAFETY: the name ends with NUL and outlives the call.
    own(unsafe { libc::openat(folder.as_raw_fd(), name.as_ptr(), flags | libc::O_NOFOLLOW) }.into())
}

fn own(descriptor: libc::c_long) -> io::Result<File> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { File::from_raw_fd(descriptor as libc::c_int) })
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::fs::{FileTypeExt, symlink};

    use super::*;
    use crate::files::tests::Site;

    type Open = fn(&File, &[&CStr]) -> io::Result<File>;

    /// What opening says: the file's text, `folder`, `special`, or the error.
    fn said(open: Open, folder: &Site, path: &str) -> String {
        let root = open_root(&CString::new(folder.root()).unwrap()).unwrap();
        let names: Vec<CString> = path.split('/').map(|name| CString::new(name).unwrap()).collect();
        match open(&root, &names.iter().map(CString::as_c_str).collect::<Vec<_>>()) {
            Ok(file) => match file.metadata().unwrap().file_type() {
                kind if kind.is_dir() => "folder".to_owned(),
                kind if kind.is_fifo() => "special".to_owned(),
                _ => io::read_to_string(file).unwrap(),
            },
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOENT) => "absent".to_owned(),
                Some(libc::ENOTDIR) => "no folder".to_owned(),
                Some(libc::EXDEV | libc::ELOOP) => "refused".to_owned(),
                _ => error.to_string(),
            },
        }
    }

    fn site() -> Site {
        let folder = Site::new();
        folder.write("site/a.txt", "a");
        folder.write("site/deep/b.txt", "b");
        folder.write("secret.txt", "secret");
        symlink("../secret.txt", folder.path("site/out")).unwrap();
        symlink(folder.path("secret.txt"), folder.path("site/absolute")).unwrap();
        symlink("../..", folder.path("site/deep/up")).unwrap();
        symlink("deep/b.txt", folder.path("site/inside")).unwrap();
        symlink("deep", folder.path("site/folder")).unwrap();
        symlink("loop", folder.path("site/loop")).unwrap();
        symlink("/proc/self/fd/0", folder.path("site/magic")).unwrap();
        folder.fifo("site/fifo");
        folder
    }

    #[test]
    fn nothing_outside_of_the_root_is_opened() {
        let folder = site();
        // (path, by the kernel at once, name by name)
        for (path, at_once, by_steps) in [
            ("a.txt", "a", "a"),
            ("deep/b.txt", "b", "b"),
            ("deep", "folder", "folder"),
            ("none", "absent", "absent"),
            ("a.txt/b", "no folder", "no folder"),
            ("fifo", "special", "special"),
            ("out", "refused", "refused"),
            ("absolute", "refused", "refused"),
            ("deep/up/secret.txt", "refused", "no folder"),
            ("loop", "refused", "refused"),
            ("magic", "refused", "refused"),
            ("inside", "b", "refused"),
            ("folder/b.txt", "b", "no folder"),
        ] {
            assert_eq!(said(open_at_once, &folder, path), at_once, "{path} at once");
            assert_eq!(said(open_by_steps, &folder, path), by_steps, "{path} by steps");
        }
    }
}
