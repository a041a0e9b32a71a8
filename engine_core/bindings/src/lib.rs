//! The Python module `engine._core`: bytes in, bytes out, the GIL released around the work.
//!
//! Nothing is decided here. `core` wraps the pipeline, `disk` one that fails to order, `verify` the check of files,
//! `backup` copies of them, `formats` the document codecs.

mod backup;
mod core;
mod disk;
mod formats;
mod verify;

use pyo3::prelude::*;

pyo3::create_exception!(
    _core,
    Fault,
    pyo3::exceptions::PyRuntimeError,
    "Something broke: a file, the disk, a journal."
);
pyo3::create_exception!(
    _core,
    Busy,
    pyo3::exceptions::PyRuntimeError,
    "The queue of requests is full."
);

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Fault", py.get_type::<Fault>())?;
    module.add("Busy", py.get_type::<Busy>())?;
    module.add_class::<core::Core>()?;
    module.add_class::<disk::Disk>()?;
    module.add_function(wrap_pyfunction!(verify::verify, module)?)?;
    backup::register(module)?;
    formats::register(module)
}
