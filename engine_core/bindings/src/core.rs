//! `engine._core.Core`: the pipeline behind an eventfd.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use prost::Message;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::event::{EventfdFlags, eventfd};
use whampoa_core::ids::Id;
use whampoa_core::journal::Step;
use whampoa_core::pipeline::{self, Options, Submission, SubmitFault};
use whampoa_core::projection::Cell;

use crate::disk::Disk;
use crate::{Busy, Fault};

/// Segment size when the options name none.
const SEGMENT_BYTES: u64 = 64 << 20;

type Table = (String, Vec<String>, Vec<Vec<Py<PyAny>>>);

#[pyclass(frozen, module = "engine._core")]
pub struct Core {
    core: pipeline::Core,
    event: Arc<OwnedFd>,
}

fn fault(fault: impl std::fmt::Display) -> PyErr {
    Fault::new_err(fault.to_string())
}

fn id(bytes: &[u8]) -> Option<Id> {
    bytes.try_into().ok().map(Id)
}

#[pymethods]
impl Core {
    /// Opens a data directory; replays its journal. Raises `Fault`.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        data_dir: PathBuf,
        log: String,
        options: HashMap<String, u64>,
    ) -> PyResult<Self> {
        let event =
            Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(fault)?);
        let bell = Arc::clone(&event);
        let options = Options {
            log,
            segment_bytes: options
                .get("segment_bytes")
                .copied()
                .unwrap_or(SEGMENT_BYTES),
            accept_loss: options.get("accept_loss").is_some_and(|value| *value != 0),
            snapshot_rows: options.get("snapshot_rows").copied().unwrap_or(0),
        };
        // A full counter has rung already: the one error a non-blocking eventfd write has.
        let wake = Box::new(move || {
            let _ = rustix::io::write(&*bell, &1_u64.to_ne_bytes());
        });
        let core = py
            .detach(|| pipeline::Core::open(&data_dir, options, wake))
            .map_err(fault)?;
        Ok(Self { core, event })
    }

    /// The same on a disk in memory and without threads: `submit` decides at once, `step` writes.
    #[staticmethod]
    fn open_stepped(disk: &Disk, log: String, segment_bytes: u64) -> PyResult<Self> {
        let event =
            Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(fault)?);
        let options = Options {
            log,
            segment_bytes,
            ..Options::default()
        };
        let core = pipeline::Core::open_stepped(disk.place(), options).map_err(fault)?;
        Ok(Self { core, event })
    }

    /// Writes one group of what was decided; true when it is durable, false when nothing waits or nothing can be written.
    fn step(&self) -> PyResult<bool> {
        let step = self.core.step().map_err(fault)?;
        Ok(step == Step::Wrote)
    }

    /// What recovery did, as JSON.
    fn recovery(&self) -> &str {
        &self.core.recovery
    }

    /// What rotted in frames that the start did not read.
    fn damage(&self) -> Option<&str> {
        self.core.damage()
    }

    /// Queues a request; raises `Busy` when the queue is full.
    #[pyo3(signature = (token, method, request, identity, rights, now_ms, seed))]
    #[allow(clippy::too_many_arguments)]
    fn submit(
        &self,
        token: u64,
        method: u16,
        request: &[u8],
        identity: String,
        rights: u32,
        now_ms: u64,
        seed: [u8; 32],
    ) -> PyResult<()> {
        let submission = Submission {
            token,
            method,
            request: request.to_vec(),
            identity,
            rights,
            now_ms,
            seed,
        };
        self.core.submit(submission).map_err(|reason| match reason {
            SubmitFault::Busy => Busy::new_err(reason.to_string()),
            SubmitFault::Stopped | SubmitFault::Broken(_) => fault(reason),
        })
    }

    /// Replies that may leave, with their tokens.
    fn take_replies<'py>(&self, py: Python<'py>) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let replies = self.core.take_replies();
        replies
            .into_iter()
            .map(|(token, bytes)| (token, PyBytes::new(py, &bytes)))
            .collect()
    }

    /// Readable when replies are ready or the durable head moved.
    fn event_fd(&self) -> i32 {
        self.event.as_raw_fd()
    }

    /// Index of the newest durable entry, −1 when there is none.
    fn durable_index(&self) -> i64 {
        self.core.shared().durable() as i64 - 1
    }

    fn queue_depth(&self) -> u64 {
        self.core
            .shared()
            .queued
            .load(std::sync::atomic::Ordering::Relaxed)
    }

    /// A `FollowResponse`: entries from `from_index` on that have items of the kinds.
    fn read_feed<'py>(
        &self,
        py: Python<'py>,
        from_index: u64,
        kinds: Vec<i32>,
        max_entries: u64,
        open_private: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py
            .detach(|| {
                self.core
                    .read_feed(from_index, &kinds, max_entries, open_private)
            })
            .map_err(fault)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Table rows from `from_index` on: (next index, [(table, columns, values per column)]).
    fn project(&self, py: Python<'_>, from_index: u64) -> PyResult<(u64, Vec<Table>)> {
        let (next, batches) = py.detach(|| self.core.project(from_index)).map_err(fault)?;
        let mut tables = Vec::with_capacity(batches.tables.len());
        for batch in batches.tables {
            let columns = batch.columns.into_iter().map(str::to_owned).collect();
            let mut values = Vec::with_capacity(batch.values.len());
            for column in batch.values {
                values.push(
                    column
                        .into_iter()
                        .map(|cell| to_python(py, cell))
                        .collect::<PyResult<_>>()?,
                );
            }
            tables.push((batch.table.to_owned(), columns, values));
        }
        Ok((next, tables))
    }

    /// A `TraceResponse`.
    fn trace<'py>(&self, py: Python<'py>, subject_id: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let subject = id(subject_id).ok_or_else(|| fault("subject_id has 16 bytes"))?;
        let bytes = py.detach(|| self.core.trace(subject)).map_err(fault)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// A self-contained proof (JSON) of a subject's newest step, or of entry `index`, row `row`.
    fn proof<'py>(
        &self,
        py: Python<'py>,
        subject_id: &[u8],
        index: u64,
        row: u32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let subject = id(subject_id);
        let bytes = py
            .detach(|| self.core.proof(subject, index, row))
            .map_err(fault)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// A `GetOutcomeResponse`.
    fn outcome<'py>(&self, py: Python<'py>, request_id: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let request = id(request_id).ok_or_else(|| fault("request_id has 16 bytes"))?;
        let bytes = py.detach(|| self.core.outcome(request)).map_err(fault)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// A `GetStatusResponse`; laws are checked now, and the state hash is computed when it is asked for.
    #[pyo3(signature = (with_hash = true))]
    fn status<'py>(&self, py: Python<'py>, with_hash: bool) -> PyResult<Bound<'py, PyBytes>> {
        let status = py.detach(|| self.core.status(with_hash)).map_err(fault)?;
        Ok(PyBytes::new(py, &status.encode_to_vec()))
    }

    /// A `ListAccountsResponse` of a party's accounts, or of all with an empty id.
    fn accounts<'py>(
        &self,
        py: Python<'py>,
        party_id: &[u8],
        from_index: u32,
        limit: u32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let party = id(party_id);
        let bytes = py
            .detach(|| self.core.accounts(party, from_index, limit))
            .map_err(fault)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Counters, gauges and histograms for the metrics collector.
    fn metrics(&self, py: Python<'_>) -> PyResult<HashMap<String, Py<PyAny>>> {
        let mut all = HashMap::new();
        for (name, value) in self.core.counters() {
            all.insert(name, value.into_py_any(py)?);
        }
        for (name, buckets) in self.core.histograms() {
            all.insert(name, buckets.into_py_any(py)?);
        }
        Ok(all)
    }

    /// Decides what is queued, makes it durable, writes the footer.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.core.close()).map_err(fault)
    }
}

fn to_python(py: Python<'_>, cell: Cell) -> PyResult<Py<PyAny>> {
    match cell {
        Cell::Null => Ok(py.None()),
        Cell::Integer(value) => value.into_py_any(py),
        Cell::Text(value) => value.into_py_any(py),
        Cell::Bytes(value) => PyBytes::new(py, &value).into_py_any(py),
    }
}
