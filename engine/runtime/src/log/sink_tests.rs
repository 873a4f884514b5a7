//! The log as a whole: from a worker's entry to a line in a file.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicU32;

use glorieta_plan::LogFormat;

use super::*;
use crate::log::entry::tests::typical;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("glorieta-log-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config(to: LogTarget, format: &str, queue: u32) -> AccessLog {
    AccessLog { to, format: LogFormat::Template(format.into()), queue }
}

fn start(config: &AccessLog) -> LogSink {
    LogSink::start(config, Options::default(), Box::new(|_| {})).unwrap()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn entries_of_many_workers_become_lines_none_lost_none_doubled() {
    let folder = Folder::new();
    let sink = start(&config(LogTarget::File(folder.file("access.log")), "${listener} ${bytes.out}", 100_000));
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let mut writer = sink.writer();
            scope.spawn(move || {
                for number in 0..5_000 {
                    writer.record(&crate::log::Entry { listener: name, bytes_out: number, ..typical() });
                }
            });
        }
    });
    assert!(sink.close(PATIENCE));
    let text = folder.read("access.log");
    for name in ["a", "b", "c"] {
        let numbers: Vec<u64> =
            text.lines().filter_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().parse().unwrap()).collect();
        assert!(numbers.iter().copied().eq(0..5_000), "{name}");
    }
    assert_eq!(sink.counts(), LogCounts { written: 15_000, ..LogCounts::default() });
    let mode = std::fs::metadata(folder.file("access.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o137, 0, "{mode:o}");
}

#[test]
fn a_flush_brings_a_single_entry_out() {
    let folder = Folder::new();
    let sink = start(&config(LogTarget::File(folder.file("access.log")), "${path}", 10));
    let mut writer = sink.writer();
    assert!(!writer.has_pending());
    writer.record(&typical());
    assert!(writer.has_pending());
    writer.flush();
    assert!(!writer.has_pending());
    wait_until("the line", || folder.read("access.log") == "/service1/a\n");
}

#[test]
fn a_reader_that_stops_reading_costs_lines_and_never_time() {
    let folder = Folder::new();
    let pipe = folder.file("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // A reader that does not read: the pipe fills up at 64 KiB.
    let mut options = std::fs::OpenOptions::new();
    let mut reader = options.read(true).write(true).open(&pipe).unwrap();
    let sink = start(&config(LogTarget::File(pipe), "${path}${request_id}${request_id}", 2_000));
    let mut writer = sink.writer();
    let started = Instant::now();
    for _ in 0..20_000 {
        writer.record(&typical());
    }
    writer.flush();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(sink.counts().dropped >= 10_000, "{:?}", sink.counts());
    assert!(sink.counts().waiting <= 2_000, "{:?}", sink.counts());
    wait_until("every entry accounted for", || {
        let counts = sink.counts();
        counts.dropped + counts.waiting + counts.written == 20_000
    });
    sink.reopen();
    assert!(sink.check(&config(LogTarget::Off, "", 1)).is_ok());
    let mut buffer = [0; 4096];
    assert!(reader.read(&mut buffer).unwrap() > 0);
    assert!(sink.close(PATIENCE));
    assert!(sink.counts().failed > 0, "what nobody reads is given up at the end");
}

#[test]
fn entries_are_dropped_and_counted_beyond_the_bound() {
    let sink = start(&config(LogTarget::File("/dev/null".into()), "${path}", 5));
    let mut writer = sink.writer();
    for _ in 0..8 {
        writer.record(&typical());
    }
    assert_eq!(sink.counts().dropped, 3);
    drop(writer);
    assert!(sink.close(PATIENCE));
    assert_eq!((sink.counts().written, sink.counts().dropped), (5, 3));
}

#[test]
fn off_takes_no_entries_and_a_reload_changes_target_and_format() {
    let folder = Folder::new();
    let sink = start(&config(LogTarget::Off, "${path}", 100));
    let mut writer = sink.writer();
    assert!(!writer.enabled());
    writer.record(&typical());
    assert!(!writer.has_pending());

    sink.reconfigure(&config(LogTarget::File(folder.file("one")), "${path}", 100)).unwrap();
    assert!(writer.enabled());
    writer.record(&typical());
    writer.flush();
    wait_until("the first line", || sink.counts().written == 1);
    sink.reconfigure(&config(LogTarget::File(folder.file("two")), "${status}", 100)).unwrap();
    wait_until("the change", || {
        writer.record(&typical());
        writer.flush();
        !folder.read("two").is_empty()
    });
    assert!(sink.close(PATIENCE));
    assert!(folder.read("one").lines().all(|line| line == "/service1/a"));
    assert!(folder.read("two").lines().all(|line| line == "200"));
}

#[test]
fn a_wrong_change_is_refused_and_the_old_log_goes_on() {
    let folder = Folder::new();
    let sink = start(&config(LogTarget::File(folder.file("one")), "${path}", 100));
    let error = sink.reconfigure(&config(LogTarget::File("/nonexistent/a".into()), "${path}", 100)).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/a"));
    assert!(sink.reconfigure(&config(LogTarget::Off, "${wrong}", 100)).is_err());
    let mut writer = sink.writer();
    writer.record(&typical());
    drop(writer);
    assert!(sink.close(PATIENCE));
    assert_eq!(folder.read("one"), "/service1/a\n");
}

#[test]
fn a_moved_file_is_made_anew_on_reopen() {
    let folder = Folder::new();
    let sink = start(&config(LogTarget::File(folder.file("access.log")), "${path}", 100));
    let mut writer = sink.writer();
    writer.record(&typical());
    writer.flush();
    wait_until("the first line", || sink.counts().written == 1);
    std::fs::rename(folder.file("access.log"), folder.file("access.log.1")).unwrap();
    sink.reopen();
    wait_until("the new file", || std::fs::exists(folder.file("access.log")).unwrap());
    writer.record(&typical());
    drop(writer);
    assert!(sink.close(PATIENCE));
    assert_eq!(folder.read("access.log"), "/service1/a\n");
    assert_eq!(folder.read("access.log.1"), "/service1/a\n");
}

#[test]
fn a_closed_pipe_is_counted_and_never_panics() {
    let folder = Folder::new();
    let pipe = folder.file("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(open(&LogTarget::File(pipe.clone())).is_err(), "a pipe without a reader must not block");
    let reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let sink = start(&config(LogTarget::File(pipe), "${path}", 100));
    drop(reader);
    let mut writer = sink.writer();
    writer.record(&typical());
    drop(writer);
    assert!(sink.close(PATIENCE));
    assert_eq!(sink.counts().failed, 1);
}
