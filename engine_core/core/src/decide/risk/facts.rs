//! What is known of a remittance when it is judged, gathered from counters: no trade is looked at.

use crate::contract::whampoa::forex::v1::Remittance as Told;
use crate::decide::Context;
use crate::event::codec::Text;
use crate::event::forex::RemittanceRow;
use crate::ids::{Id, KeyDigest};
use crate::money::Currency;
use crate::state::State;

/// All that a judge sees; amounts in the currency of the remittance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub remittance_id: Id,
    pub is_reference_known: bool,
    pub is_enterprise_sanctioned: bool,
    pub has_merchants: bool,
    pub has_payer_name: bool,
    /// A suspected merchant of the enterprise has open value, which the money would pay.
    pub pays_suspected: bool,
    pub payer_country: Text<3>,
    /// Remittances of the enterprise within the velocity window, this one counted.
    pub count_in_window: usize,
    pub instructed_minor: i64,
    pub charges_before_minor: i64,
    pub credited_minor: i64,
    /// Open value of the enterprise's merchants.
    pub open_minor: i128,
    /// All that the enterprise's merchants declared so far.
    pub declared_minor: i128,
    /// The part of it that is in dispute.
    pub disputed_minor: i128,
}

impl Facts {
    pub fn gather(
        state: &State,
        context: &Context<'_>,
        row: &RemittanceRow,
        told: &Told,
        payer_country: Text<3>,
        reference: KeyDigest,
    ) -> Self {
        let (enterprise, now_ms) = (row.service_enterprise, context.now_ms);
        let merchants = state.registry.merchants_of(enterprise, now_ms);
        let suspected = &state.review_rules.suspected;
        let mut facts = Self {
            remittance_id: row.remittance_id,
            is_reference_known: state.remittances.is_reference_known(reference),
            is_enterprise_sanctioned: state.registry.party(enterprise).sanctioned,
            has_merchants: !merchants.is_empty(),
            has_payer_name: !told.payer_name.trim().is_empty(),
            pays_suspected: false,
            payer_country,
            count_in_window: state.remittances.recent_count(enterprise, now_ms) + 1,
            instructed_minor: told.instructed_minor,
            charges_before_minor: told.charges_before_minor,
            credited_minor: row.credited_minor,
            open_minor: 0,
            declared_minor: 0,
            disputed_minor: 0,
        };
        let amount = |amount_minor, currency| converted(state, amount_minor, currency, row);
        for merchant in merchants {
            for currency in state.trades.currencies_of(merchant) {
                let open = state.trades.open_minor_of(merchant, currency);
                facts.open_minor += amount(i128::from(open), currency);
                facts.pays_suspected |= suspected.contains(&merchant);
            }
            for (currency, declared) in state.merchants.declared_by(merchant) {
                facts.declared_minor += amount(declared.total_minor, currency);
                facts.disputed_minor += amount(declared.disputed_minor, currency);
            }
        }
        facts
    }
}

/// At the newest published rate; nothing where there is none, for the money could not pay such a trade either.
fn converted(state: &State, amount_minor: i128, from: Currency, row: &RemittanceRow) -> i128 {
    if from == row.currency {
        return amount_minor;
    }
    let rate = state.remittances.rate(from, row.currency);
    let amount = i64::try_from(amount_minor).unwrap_or(i64::MAX);
    rate.and_then(|(rate, _)| rate.convert_down(amount))
        .map_or(0, i128::from)
}
