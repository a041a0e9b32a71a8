//! `engine._core.backup` and `restore`: a log to a backup and back, with the GIL released.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use whampoa_core::backup::restore::Options;
use whampoa_core::backup::{copy, directory};
use whampoa_core::journal;

use crate::Fault;

/// A progress call of Python: what is done, how much, of how much. What it raises ends the work.
struct Told {
    call: Py<PyAny>,
    raised: Option<PyErr>,
    last: Option<Instant>,
}

/// Between two calls; the end of a part is always told.
const PAUSE: Duration = Duration::from_millis(50);

impl Told {
    fn new(call: Py<PyAny>) -> Self {
        Self {
            call,
            raised: None,
            last: None,
        }
    }

    fn tell(&mut self, what: &str, done: u64, total: u64) -> Result<(), journal::Fault> {
        if done < total && self.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        let answer = Python::attach(|py| {
            py.check_signals()?;
            self.call.call1(py, (what, done, total))
        });
        answer.map(drop).map_err(|raised| {
            self.raised = Some(raised);
            std::io::Error::from(std::io::ErrorKind::Interrupted).into()
        })
    }

    fn result<T>(self, result: Result<T, journal::Fault>) -> PyResult<T> {
        match self.raised {
            Some(raised) => Err(raised),
            None => result.map_err(|fault| Fault::new_err(fault.to_string())),
        }
    }
}

fn json(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|fault| Fault::new_err(fault.to_string()))
}

/// Copies what is new of a data directory; JSON of what the backup holds now. Raises `Fault`.
#[pyfunction]
#[pyo3(signature = (data_dir, target, with_private, with_laws, time_ms, progress))]
fn backup(
    py: Python<'_>,
    data_dir: PathBuf,
    target: PathBuf,
    with_private: bool,
    with_laws: bool,
    time_ms: u64,
    progress: Py<PyAny>,
) -> PyResult<String> {
    let options = copy::Options {
        with_private,
        with_laws,
        time_ms,
        checkpoint_bytes: copy::Options::CHECKPOINT_BYTES,
    };
    let mut told = Told::new(progress);
    let copied = py.detach(|| {
        directory::back_up(&data_dir, &target, &options, &mut |what, done, total| {
            told.tell(what, done, total)
        })
    });
    json(&told.result(copied)?)
}

/// Makes a data directory out of a backup; JSON of what was restored, or of why nothing was. Raises `Fault`.
#[pyfunction]
#[pyo3(signature = (backup, data_dir, until, accept_loss, progress))]
fn restore(
    py: Python<'_>,
    backup: PathBuf,
    data_dir: PathBuf,
    until: Option<u64>,
    accept_loss: bool,
    progress: Py<PyAny>,
) -> PyResult<String> {
    let options = Options { until, accept_loss };
    let mut told = Told::new(progress);
    let report = py.detach(|| {
        directory::bring_back(&backup, &data_dir, &options, &mut |what, done, total| {
            told.tell(what, done, total)
        })
    });
    json(&told.result(report)?)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(backup, module)?)?;
    module.add_function(wrap_pyfunction!(restore, module)?)
}
