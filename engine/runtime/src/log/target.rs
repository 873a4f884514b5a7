//! Where lines go: a descriptor that the log's thread may block on, and nobody else.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use glorieta_plan::LogTarget;

/// How long to wait before writing again to a descriptor that would block.
const PAUSE: Duration = Duration::from_millis(10);
/// The same trouble is said at most this often.
const SAID_AGAIN: Duration = Duration::from_secs(60);

/// Opens where lines go; `None` if they are not wanted.
///
/// A file is appended to, made if missing, readable by owner and group only. `O_NONBLOCK` makes a
/// named pipe without a reader an error here instead of a wait; on files it means nothing.
pub fn open(target: &LogTarget) -> io::Result<Option<File>> {
    match target {
        LogTarget::Off => Ok(None),
        LogTarget::Stdout => Ok(Some(io::stdout().as_fd().try_clone_to_owned()?.into())),
        LogTarget::Stderr => Ok(Some(io::stderr().as_fd().try_clone_to_owned()?.into())),
        LogTarget::File(path) => {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o640).custom_flags(libc::O_NONBLOCK);
            options.open(path).map(Some)
        }
    }
}

/// Says something to the operator: the engine's own messages, not access lines.
pub type Say = Box<dyn Fn(&str) + Send>;

/// An open target that survives full disks and closed pipes.
pub struct Output {
    target: LogTarget,
    file: Option<File>,
    say: Say,
    said: Option<Instant>,
    /// Whether the last write stopped inside a line.
    torn: bool,
}

impl Output {
    pub fn new(target: LogTarget, file: Option<File>, say: Say) -> Output {
        Output { target, file, say, said: None, torn: false }
    }

    pub fn replace(&mut self, target: LogTarget, file: Option<File>) {
        (self.target, self.file, self.said, self.torn) = (target, file, None, false);
    }

    /// Opens the file anew after somebody has moved it away; the old one stays if that fails.
    pub fn reopen(&mut self) {
        if !matches!(self.target, LogTarget::File(_)) {
            return;
        }
        match open(&self.target) {
            Ok(file) => (self.file, self.said, self.torn) = (file, None, false),
            Err(error) => (self.say)(&format!("access log: {}: {error}; the old file stays in use", self.name())),
        }
    }

    /// Writes whole lines; `false` if they could not be written.
    pub fn write(&mut self, lines: &mut Vec<u8>, closing: &AtomicBool) -> bool {
        let Some(file) = &mut self.file else { return true };
        if self.torn {
            lines.insert(0, b'\n');
        }
        let mut rest = &lines[..];
        match write_all(file, &mut rest, closing) {
            Ok(()) => {
                self.torn = false;
                true
            }
            Err(error) => {
                self.torn |= rest.len() < lines.len();
                self.complain(&error);
                false
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if self.said.is_none_or(|said| said.elapsed() >= SAID_AGAIN) {
            self.said = Some(Instant::now());
            (self.say)(&format!("access log: {}: {error}; lines are lost", self.name()));
        }
    }

    fn name(&self) -> &str {
        match &self.target {
            LogTarget::Off => "off",
            LogTarget::Stdout => "stdout",
            LogTarget::Stderr => "stderr",
            LogTarget::File(path) => path,
        }
    }
}

/// As `Write::write_all`, but waits where a descriptor is non-blocking (a terminal shared with a
/// program that made it so), gives up when the log is closing, and tells how far it came.
fn write_all(file: &mut File, rest: &mut &[u8], closing: &AtomicBool) -> io::Result<()> {
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => *rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && !closing.load(Relaxed) => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_full_disk_is_said_once_and_never_panics() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        let target = LogTarget::File("/dev/full".into());
        let file = open(&target).unwrap();
        let mut output = Output::new(target, file, Box::new(move |text| heard.lock().unwrap().push(text.to_owned())));
        for _ in 0..3 {
            assert!(!output.write(&mut b"line\n".to_vec(), &AtomicBool::new(false)));
        }
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("/dev/full"), "{said:?}");
    }

    #[test]
    fn a_target_that_is_off_takes_everything() {
        let mut output = Output::new(LogTarget::Off, open(&LogTarget::Off).unwrap(), Box::new(|_| {}));
        assert!(output.write(&mut b"line\n".to_vec(), &AtomicBool::new(false)));
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error_when_opening() {
        assert!(open(&LogTarget::File("/nonexistent/access.log".into())).is_err());
    }
}
