//! A whole state as bytes, for the code that wrote them alone: they say nothing that replay of the journal does not.

use std::sync::Arc;

use super::State;
use super::id_table::{IdTable, ROW_BYTES};

/// SHA-256 of the sources that lay out and evolve a state. Bytes of other sources are not read: they may mean another
/// state, or the right state of a rule that was wrong.
pub const CODE: [u8; 32] = *include_bytes!(concat!(env!("OUT_DIR"), "/state_code"));

/// Transfers in ascending order of ids, each id 16 ‖ digest of the content 8.
pub type Transfers = Vec<Arc<Vec<[u8; ROW_BYTES]>>>;

/// A state that no longer changes; its transfers are shared with the state that goes on.
pub struct Frozen {
    pub transfers: Transfers,
    /// Everything else, in postcard's encoding.
    pub body: Vec<u8>,
}

impl State {
    /// Equal states give equal bytes.
    pub fn freeze(&self) -> Result<Frozen, String> {
        Ok(Frozen {
            transfers: self.ledger.freeze_transfers(),
            body: postcard::to_stdvec(self).map_err(|fault| fault.to_string())?,
        })
    }
}

impl Frozen {
    pub fn thaw(&self) -> Result<State, String> {
        let mut state: State =
            postcard::from_bytes(&self.body).map_err(|fault| fault.to_string())?;
        let transfers = IdTable::thaw(self.transfers.clone());
        state
            .ledger
            .set_transfers(transfers.ok_or("its transfers are not in order")?);
        Ok(state)
    }
}
