//! Writing the log without ever waiting for its reader. Lines are kept in memory, up to a bound, and a
//! thread of its own writes them. When the reader stalls (a paused terminal or collector) the bound is
//! reached and further lines are dropped; when it is gone (a closed pipe) or the disk is full, what could
//! not be written is dropped. Each dropped line is counted, and nothing else happens.

use std::{
    io::{self, Write},
    mem,
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

/// The most bytes that wait to be written: some thousand lines.
const MAX_WAITING: usize = 1 << 20;
/// How long lines are gathered before they are written together. A write for each would cost more than
/// most requests.
const GATHERING: Duration = Duration::from_millis(2);
/// How long a descriptor that does not block is left alone when it takes nothing.
const PAUSE: Duration = Duration::from_millis(10);

/// The log is the process's, so is its queue.
static QUEUE: LazyLock<Queue> = LazyLock::new(Queue::default);

/// The counter of lines that were not written.
pub(crate) fn dropped_lines() -> Counter {
    QUEUE.dropped.clone()
}

/// Waits until every line is written, but at most this long.
pub(crate) fn flush(limit: Duration) {
    QUEUE.wait_until_written(limit);
}

/// Where the subscriber writes its lines, one with each call.
#[derive(Clone, Copy)]
pub(crate) struct LogWriter(&'static Queue);

impl LogWriter {
    /// Starts the thread that writes to `output`.
    pub(crate) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = &*QUEUE;
        thread::Builder::new().name("log".to_owned()).spawn(move || queue.write_to(output))?;
        Ok(Self(queue))
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    dropped: Counter,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
    /// Whether lines were taken from here and are not written yet.
    is_writing: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len() + line.len() > MAX_WAITING {
            drop(waiting);
            self.dropped.inc();
            return;
        }
        waiting.bytes.extend_from_slice(line);
        waiting.lines += 1;
        if waiting.lines == 1 {
            drop(waiting);
            self.changed.notify_all();
        }
    }

    /// Writes lines as they come, for as long as the process lives.
    fn write_to(&self, mut output: impl Write) {
        let mut batch = Vec::new();
        loop {
            let waiting = self.lock();
            let nothing = |waiting: &mut Waiting| waiting.lines == 0;
            let waiting = self.changed.wait_while(waiting, nothing);
            drop(waiting);
            thread::sleep(GATHERING);
            let mut waiting = self.lock();
            batch.clear();
            mem::swap(&mut batch, &mut waiting.bytes);
            let lines = mem::take(&mut waiting.lines);
            waiting.is_writing = true;
            drop(waiting);
            if write_all(&mut output, &batch).is_err() {
                self.dropped.inc_by(lines);
            }
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn wait_until_written(&self, limit: Duration) {
        let started = Instant::now();
        let mut waiting = self.lock();
        while waiting.lines > 0 || waiting.is_writing {
            let Some(left) = limit.checked_sub(started.elapsed()) else { return };
            let waited = self.changed.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Like the method of that name, also to a descriptor that whoever started this process has made
/// non-blocking.
fn write_all(output: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes each write only when it is allowed to, and fails when it is told to.
    struct Reader {
        permits: mpsc::Receiver<io::Result<()>>,
        received: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permits.recv().unwrap_or(Ok(()))?;
            let _ = self.received.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn queue() -> (&'static Queue, mpsc::Sender<io::Result<()>>, mpsc::Receiver<Vec<u8>>) {
        let queue: &'static Queue = Box::leak(Box::default());
        let (permit, permits) = mpsc::channel();
        let (received, lines) = mpsc::channel();
        thread::spawn(move || queue.write_to(Reader { permits, received }));
        (queue, permit, lines)
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_and_nothing_else() {
        let (queue, permit, lines) = queue();
        let line = [b'x'; 1024];
        for _ in 0..3 * MAX_WAITING / line.len() {
            queue.push(&line);
        }
        let dropped = queue.dropped.get();
        // What waits, and at most as much that was taken to be written.
        assert!(dropped >= (MAX_WAITING / line.len()) as u64, "{dropped}");
        queue.wait_until_written(Duration::from_millis(20));
        drop(permit);
        queue.wait_until_written(Duration::from_secs(20));
        let written: usize = lines.try_iter().map(|batch| batch.len() / line.len()).sum();
        assert_eq!(written as u64 + dropped, (3 * MAX_WAITING / line.len()) as u64);
    }

    #[test]
    fn a_reader_that_is_gone_is_counted() {
        let (queue, permit, lines) = queue();
        for outcome in [Err(io::ErrorKind::BrokenPipe.into()), Ok(())] {
            let _ = permit.send(outcome);
            queue.push(b"a line\n");
            queue.wait_until_written(Duration::from_secs(20));
        }
        assert_eq!(queue.dropped.get(), 1);
        assert_eq!(lines.try_iter().collect::<Vec<_>>(), [b"a line\n"]);
    }

    #[test]
    fn a_descriptor_that_does_not_block_is_tried_again() {
        let (queue, permit, lines) = queue();
        let _ = permit.send(Err(io::ErrorKind::WouldBlock.into()));
        let _ = permit.send(Ok(()));
        queue.push(b"a line\n");
        queue.wait_until_written(Duration::from_secs(20));
        assert_eq!(queue.dropped.get(), 0);
        assert_eq!(lines.try_iter().collect::<Vec<_>>(), [b"a line\n"]);
    }
}
