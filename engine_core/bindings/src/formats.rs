//! `engine._core.formats_*`: the document codecs.

use pyo3::prelude::*;

/// Adds the functions to the module.
pub fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
