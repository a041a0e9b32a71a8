//! Decides on customs documents: intake, the match of order, waybill and list, the genuine merchant, and disputes.

mod answer;
mod body;
mod desk;
mod dispute;
mod field;
mod intake;
mod key;
mod lines;
mod matching;
mod merchant;
mod names;
mod page;
pub(in crate::decide) mod release;
mod returns;

pub use body::is_reply;
pub(in crate::decide) use desk::Desk;
pub use dispute::settle_dispute;
pub use intake::submit_documents;
pub(in crate::decide) use matching::Judged;
pub(in crate::decide) use release::Outcome;
pub use returns::{close_trade, report_return};

/// Most rows of one entry (DESIGN section 4.7), and most rows a request may decode to.
const ROWS_MAX: usize = 8192;
