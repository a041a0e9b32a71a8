//! Payouts: cleared CNY on its way to merchants.

use super::PAYOUTS_MAX;
use crate::contract::whampoa::clearing::v1 as proto;
use crate::contract::whampoa::registry::v1::Role;
use crate::decide::forex::parse_id;
use crate::decide::ledger::posting::Postings;
use crate::decide::registry::party_with_role;
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::clearing::{PayoutRow, PayoutsInstructed};
use crate::event::ledger::AccountKind;
use crate::event::registry::Purpose;
use crate::ids::{Id, Step};
use crate::money::CNY;
use crate::rejection::{Rejection, refuse};
use crate::state::State;

/// What became of a merchant's CNY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payee {
    Paid,
    /// It stays a cleared balance: no payee, a clawback, sanctions or no grant.
    Withheld,
}

/// Payouts of one operation.
pub struct Instructed<'a> {
    state: &'a State,
    context: &'a Context<'a>,
    enterprise: u32,
    conversion_id: Id,
    previous: Step,
    pub rows: Vec<PayoutRow>,
}

impl<'a> Instructed<'a> {
    pub fn new(
        state: &'a State,
        context: &'a Context<'a>,
        enterprise: u32,
        conversion_id: Id,
        previous: Step,
    ) -> Self {
        Self {
            state,
            context,
            enterprise,
            conversion_id,
            previous,
            rows: Vec::new(),
        }
    }

    /// Why the merchant cannot be paid now (law 5); otherwise the row of its payee and the grant.
    pub fn check(&self, merchant: u32) -> Result<(Step, u32), Rejection> {
        let party = self.state.registry.party(merchant);
        if party.sanctioned {
            return Err(Rejection::PartySanctioned);
        }
        if self.state.merchants.clawbacks_open(merchant) > 0 {
            return Err(Rejection::MerchantUnderClawback);
        }
        let payee = party.payee.ok_or(Rejection::PayeeMissing)?;
        let (purpose, now_ms) = (Purpose::ForexSettlement, self.context.now_ms);
        // The grant is for the money of the enterprise, whatever its currency before it was converted.
        let grant =
            self.state
                .registry
                .grant_for(merchant, self.enterprise, purpose, None, now_ms)?;
        Ok((payee, grant))
    }

    /// Instructs one payout, or leaves the money where it is.
    pub fn pay(&mut self, postings: &mut Postings<'_>, merchant: u32, cny_minor: i64) -> Payee {
        let Ok((payee, grant)) = self.check(merchant) else {
            return Payee::Withheld;
        };
        if cny_minor <= 0 {
            return Payee::Withheld;
        }
        let cleared =
            postings.of_merchant(merchant, self.enterprise, AccountKind::MerchantCleared, CNY);
        let transit = postings.of(self.enterprise, AccountKind::PayoutTransit, CNY);
        postings.transfer(cleared, transit, cny_minor);
        let parts: [&[u8]; 3] = [
            &self.context.next_index.to_be_bytes(),
            &self.conversion_id.0,
            &merchant.to_be_bytes(),
        ];
        self.rows.push(PayoutRow {
            payout_id: Id::derive(self.context.now_ms, "payout", &parts),
            conversion_id: self.conversion_id,
            service_enterprise: self.enterprise,
            merchant,
            cny_minor,
            payee,
            previous: self.previous,
            grant,
        });
        Payee::Paid
    }
}

/// Pays the cleared balances of merchants that nothing holds back.
pub fn instruct_payouts(
    state: &State,
    context: &Context<'_>,
    request: &proto::InstructPayoutsRequest,
) -> Decision {
    let field = "service_enterprise_party_id";
    let enterprise = party_with_role(
        state,
        &request.service_enterprise_party_id,
        Role::ServiceEnterprise,
        field,
    )?;
    if request.merchant_party_ids.len() > PAYOUTS_MAX {
        return refuse(
            Rejection::BatchTooLarge,
            "merchant_party_ids",
            request.merchant_party_ids.len(),
        );
    }
    let mut named: Vec<u32> = Vec::with_capacity(request.merchant_party_ids.len());
    for (at, bytes) in request.merchant_party_ids.iter().enumerate() {
        let merchant = party_with_role(
            state,
            bytes,
            Role::Merchant,
            format!("merchant_party_ids[{at}]"),
        )?;
        if named.contains(&merchant) {
            return refuse(
                Rejection::FieldInvalid,
                format!("merchant_party_ids[{at}]"),
                "named twice",
            );
        }
        named.push(merchant);
    }
    let balance = |merchant: u32| {
        state
            .ledger
            .corridor_balance(merchant, AccountKind::MerchantCleared, enterprise, CNY)
    };
    let mut instructed = Instructed::new(state, context, enterprise, Id::ZERO, Step::NONE);
    // Whoever is asked for by name gets the reason told; of all others those that can be paid are.
    for (at, merchant) in named.iter().enumerate() {
        let place = format!("merchant_party_ids[{at}]");
        if let Err(rejection) = instructed.check(*merchant) {
            return refuse(rejection, place, state.registry.id_of(*merchant));
        }
        if balance(*merchant) <= 0 {
            return refuse(Rejection::ExceedsClearedBalance, place, balance(*merchant));
        }
    }
    let everyone = || {
        state
            .ledger
            .owners_of(AccountKind::MerchantCleared, enterprise)
    };
    let merchants = if named.is_empty() { everyone() } else { named };
    let mut postings = Postings::new(&state.ledger, context.now_ms, context.next_index);
    let mut withheld = 0;
    for merchant in merchants
        .into_iter()
        .filter(|merchant| balance(*merchant) > 0)
    {
        let is_room = instructed.rows.len() < PAYOUTS_MAX;
        if !is_room || instructed.pay(&mut postings, merchant, balance(merchant)) == Payee::Withheld
        {
            withheld += 1;
        }
    }
    let payouts = instructed.rows;
    let Some(first) = payouts.first() else {
        return refuse(
            Rejection::ExceedsClearedBalance,
            field,
            format!("{withheld} withheld"),
        );
    };
    let case_id = first.payout_id;
    let (accounts, transfers) = postings.take();
    let event = PayoutsInstructed {
        service_enterprise: enterprise,
        withheld,
        payouts,
        accounts,
        transfers,
    };
    Ok(vec![Draft::first(case_id, event)])
}

/// The payout an id names.
pub(super) fn payout<'a>(
    state: &'a State,
    bytes: &[u8],
    field: &str,
) -> Result<&'a crate::state::payout::Payout, crate::rejection::Refusal> {
    let id = parse_id(bytes, field)?;
    match state.payouts.get(id) {
        Some(payout) => Ok(payout),
        None => refuse(Rejection::UnknownPayout, field, id),
    }
}
