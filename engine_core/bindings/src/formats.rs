//! `engine._core.formats_*`: the document codecs, wrapped by engine/formats.py.

use prost::Message;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};
use whampoa_formats::envelope::{self, Envelope};
use whampoa_formats::read;
use whampoa_formats::rule::RULES;
use whampoa_formats::write::{self, Content, Fields};

/// Name of the entry that holds the rows of a document.
const ROWS: &str = "rows";

/// Message id, sender, receivers, time, type.
type EnvelopeParts = (String, String, Vec<String>, String, String);
/// Number, version, transmitter, envelope, documents, accepted, ordinals, findings.
type ReadingParts<'py> = (
    u16,
    &'static str,
    String,
    Option<EnvelopeParts>,
    u32,
    Vec<Bound<'py, PyBytes>>,
    Vec<u32>,
    Vec<Bound<'py, PyBytes>>,
);

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(formats_read, module)?)?;
    module.add_function(wrap_pyfunction!(formats_write, module)?)?;
    module.add_function(wrap_pyfunction!(formats_wrap, module)?)?;
    module.add_function(wrap_pyfunction!(formats_rules, module)?)
}

/// Reads a message; whatever is wrong is a finding.
#[pyfunction]
fn formats_read<'py>(py: Python<'py>, message: &[u8]) -> ReadingParts<'py> {
    let (reading, findings) = py.detach(|| {
        let reading = read::read(message);
        let findings: Vec<Vec<u8>> = reading
            .findings
            .iter()
            .map(Message::encode_to_vec)
            .collect();
        (reading, findings)
    });
    let envelope = reading.envelope.map(|envelope| {
        let Envelope {
            cop_msg_id,
            sender_id,
            receiver_ids,
            create_time,
            msg_type,
        } = envelope;
        (cop_msg_id, sender_id, receiver_ids, create_time, msg_type)
    });
    let (ordinals, accepted): (Vec<u32>, Vec<Vec<u8>>) = reading.accepted.into_iter().unzip();
    (
        reading.number,
        reading.version,
        reading.transmitter_code,
        envelope,
        reading.documents,
        accepted
            .iter()
            .map(|document| PyBytes::new(py, document))
            .collect(),
        ordinals,
        findings
            .iter()
            .map(|finding| PyBytes::new(py, finding))
            .collect(),
    )
}

/// Writes a message; raises `ValueError` naming the field that cannot be written.
#[pyfunction]
fn formats_write<'py>(
    py: Python<'py>,
    number: u16,
    documents: Vec<Bound<'py, PyAny>>,
    guid: &str,
    transfer: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let contents = documents
        .iter()
        .map(content)
        .collect::<PyResult<Vec<_>>>()?;
    let transfer = transfer.map(|given| fields(&given)).transpose()?;
    let written = py.detach(|| write::write(number, &contents, guid, transfer.as_ref()));
    Ok(PyBytes::new(py, &written.map_err(refused)?))
}

/// Puts an envelope around a message; raises `ValueError` naming the field that cannot be written.
#[pyfunction]
fn formats_wrap<'py>(
    py: Python<'py>,
    message: &[u8],
    envelope: EnvelopeParts,
) -> PyResult<Bound<'py, PyBytes>> {
    let (cop_msg_id, sender_id, receiver_ids, create_time, msg_type) = envelope;
    let envelope = Envelope {
        cop_msg_id,
        sender_id,
        receiver_ids,
        create_time,
        msg_type,
    };
    let wrapped = py.detach(|| envelope::wrap(message, &envelope));
    Ok(PyBytes::new(py, &wrapped.map_err(refused)?))
}

/// The table of rules: number, code, severity, sentence.
#[pyfunction]
fn formats_rules() -> Vec<(u16, &'static str, i32, &'static str)> {
    RULES
        .iter()
        .map(|entry| {
            (
                entry.number,
                entry.code,
                entry.severity.into(),
                entry.sentence,
            )
        })
        .collect()
}

fn content(document: &Bound<'_, PyAny>) -> PyResult<Content> {
    let mut content = Content::default();
    for (name, value) in entries(document)? {
        if name == ROWS {
            for row in value.try_iter()? {
                content.rows.push(fields(&row?)?);
            }
        } else {
            content.head.push(pair(name, &value)?);
        }
    }
    Ok(content)
}

fn fields(row: &Bound<'_, PyAny>) -> PyResult<Fields> {
    entries(row)?
        .into_iter()
        .map(|(name, value)| pair(name, &value))
        .collect()
}

fn entries<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    mapping.cast::<PyMapping>()?.items()?.extract()
}

fn pair(name: String, value: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    match value.cast::<PyString>() {
        Ok(text) => Ok((name, text.to_str()?.to_owned())),
        Err(_) => {
            let kind = value.get_type().name()?;
            Err(PyValueError::new_err(format!(
                "{name}: a field is text, not {kind}"
            )))
        }
    }
}

fn refused(reason: write::Refused) -> PyErr {
    PyValueError::new_err(reason.to_string())
}
