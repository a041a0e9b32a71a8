//! `engine._core.verify`: everything recomputed from the files alone.

use std::path::PathBuf;

use pyo3::prelude::*;
use whampoa_core::pipeline::audit;

use crate::Fault;

/// JSON with ok, entries, rows, first_bad, root, laws, seconds. Raises `Fault` when the directory cannot be read.
#[pyfunction]
pub fn verify(py: Python<'_>, data_dir: PathBuf, policy: String) -> PyResult<String> {
    py.detach(|| audit::verify(&data_dir, &policy))
        .map_err(|fault| Fault::new_err(fault.to_string()))
}
