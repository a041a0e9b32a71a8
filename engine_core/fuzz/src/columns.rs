//! Column messages: every column that is read has as many values as there are rows, and reads like the generated type.

use prost::Message;
use whampoa_core::contract::whampoa::ledger::v1::SubmitTransfersRequest;
use whampoa_core::wire::columns::Columns;
use whampoa_core::wire::strict;

const MESSAGE: &str = "whampoa.ledger.v1.SubmitTransfersRequest";
const ROWS: usize = 2;
const ID_HIGH: usize = 3;
const DEBIT_ACCOUNT: usize = 5;

/// What the strict check and the columns let through, the generated type reads the same.
pub fn run(input: &[u8]) {
    if strict::check(MESSAGE, input).is_err() {
        return;
    }
    let Ok(columns) = Columns::parse(MESSAGE, input) else {
        return;
    };
    // Texts apart, of which the columns know nothing, both readers agree.
    let Ok(message) = SubmitTransfersRequest::decode(input) else {
        return;
    };
    let rows = columns.scalar(ROWS);
    assert_eq!(rows as u32, message.row_count);
    let rows = message.row_count as usize;
    if rows > input.len() {
        assert!(columns.fixed64(ID_HIGH, "id_high", rows).is_err());
        return;
    }
    if let Ok(column) = columns.fixed64(ID_HIGH, "id_high", rows) {
        let read: Vec<u64> = (0..rows).map(|row| column.get(row)).collect();
        assert_eq!(read, message.id_high);
    }
    if let Ok(column) = columns.fixed32(DEBIT_ACCOUNT, "debit_account", rows) {
        let read: Vec<u32> = (0..rows).map(|row| column.get(row)).collect();
        assert_eq!(read, message.debit_account);
    }
}

/// Messages of few rows.
pub fn seeds() -> Vec<Vec<u8>> {
    let request = |rows: u32| SubmitTransfersRequest {
        request_id: vec![7; 16],
        row_count: rows,
        id_high: (0..u64::from(rows)).collect(),
        id_low: (0..u64::from(rows)).collect(),
        debit_account: (0..rows).collect(),
        credit_account: (1..=rows).collect(),
        ..Default::default()
    };
    [0, 1, 3, 40]
        .map(|rows| request(rows).encode_to_vec())
        .to_vec()
}
