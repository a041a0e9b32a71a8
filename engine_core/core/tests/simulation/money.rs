//! Money of a run: remittances, reviews, allocations, conversions, payouts, clawbacks, and partners' transfers.

use whampoa_core::contract::whampoa::clearing::v1 as clearing;
use whampoa_core::contract::whampoa::clearing::v1::AllocationMode;
use whampoa_core::contract::whampoa::forex::v1 as forex;
use whampoa_core::contract::whampoa::money::v1::{Rate, Rejection};
use whampoa_core::contract::whampoa::risk::v1 as risk;
use whampoa_core::decide::Method;
use whampoa_core::event::Event;
use whampoa_core::event::clearing::PayoutState;
use whampoa_core::event::forex::RemittanceRecalled;
use whampoa_core::event::risk::ReviewState;
use whampoa_core::ids::{Id, Step};
use whampoa_core::state::conversion::ConversionState;
use whampoa_core::state::remittance::Remittance;
use whampoa_core::state::trade::TradeState;

use crate::sharing;
use crate::world::{Party, World};

const BANK: &str = "spiffe://whampoa/bank";
pub const OPERATOR: &str = "spiffe://whampoa/operator";

impl World {
    fn some_remittance(&mut self) -> Option<Id> {
        // The newest moves most.
        let count = self.remittances.len();
        let back = self.random.below(8);
        match self.random.one_in(3) {
            true => self.random.pick(&self.remittances).copied(),
            false => self.remittances.get(count.checked_sub(1 + back)?).copied(),
        }
    }

    pub fn remit(&mut self) {
        let id = self.machine.id();
        let credited = match self.random.below(12) {
            0 => self.random.between(-5, 1),
            1 => self.random.between(1, 9),
            _ => self.random.between(1_000, 300_000),
        };
        let charges = self.random.between(0, 9) * self.random.between(0, 9);
        let is_repeated = self.random.one_in(15);
        let told = forex::Remittance {
            remittance_id: id.0.to_vec(),
            service_enterprise_party_id: self
                .random
                .pick(&self.enterprises)
                .expect("enterprises")
                .id
                .0
                .to_vec(),
            currency: if self.random.one_in(6) { "EUR" } else { "USD" }.to_owned(),
            instructed_minor: credited + charges + i64::from(self.random.one_in(30)),
            charges_before_minor: charges,
            credited_minor: credited,
            bank_reference: if is_repeated {
                "again".to_owned()
            } else {
                id.to_string()
            },
            value_date: 20_261_125,
            payer_name: "Bargain Harbor Inc.".to_owned(),
            payer_country: if self.random.one_in(6) { "PRK" } else { "USA" }.to_owned(),
            ..Default::default()
        };
        let request = forex::RecordRemittanceRequest {
            remittance: Some(told),
            ..Default::default()
        };
        if self.call(Method::RecordRemittance, BANK, &request).is_ok() {
            self.remittances.push(id);
        }
    }

    pub fn review_rules(&mut self, suspected: &Party) {
        let request = risk::SetReviewRulesRequest {
            velocity_count_max: 10_000,
            // Most of this world is in dispute, and its money has to go on all the same.
            disputed_share_max_bp: 9_000,
            examined_countries: vec!["PRK".to_owned()],
            suspected_party_ids: match self.random.one_in(4) {
                true => vec![suspected.id.0.to_vec()],
                false => Vec::new(),
            },
            ..Default::default()
        };
        let _ = self.call(Method::SetReviewRules, OPERATOR, &request);
    }

    pub fn review(&mut self) {
        let waiting: Vec<Id> = self
            .machine
            .state
            .remittances
            .iter()
            .filter(|it| matches!(it.review, ReviewState::Waiting | ReviewState::Proposed))
            .map(|it| it.id())
            .collect();
        let Some(subject) = self.random.pick(&waiting).copied() else {
            return;
        };
        let officer = self.random.below(2);
        let identity = format!("spiffe://whampoa/officer-{}", self.random.below(2));
        let (subject_id, officer_party_id) =
            (subject.0.to_vec(), self.officers[officer].id.0.to_vec());
        let reason = "papers seen".to_owned();
        let _ = if self.random.one_in(2) {
            let request = risk::RejectReviewRequest {
                subject_id,
                officer_party_id,
                reason,
                ..Default::default()
            };
            self.call(Method::RejectReview, &identity, &request)
        } else {
            let request = risk::ClearReviewRequest {
                subject_id,
                officer_party_id,
                reason,
                ..Default::default()
            };
            self.call(Method::ClearReview, &identity, &request)
        };
    }

    /// Allocates in one of the modes and compares every row with the second implementation.
    pub fn allocate(&mut self) {
        let remittances = self.machine.state.remittances.iter();
        let waiting = remittances.filter(|it| it.amounts.suspense_minor > 0);
        let waiting: Vec<Id> = waiting.map(|it| it.id()).collect();
        let some = match self.random.one_in(6) {
            true => self.some_remittance(),
            false => self.random.pick(&waiting).copied(),
        };
        let Some(remittance_id) = some else {
            return;
        };
        let modes = [
            AllocationMode::ByOrders,
            AllocationMode::ByMerchants,
            AllocationMode::ByVolume,
        ];
        let mode = modes[self.random.below(3)];
        let advice = self.advice(mode);
        let before = self
            .machine
            .state
            .remittances
            .get(remittance_id)
            .expect("known")
            .clone();
        let suspense = before.amounts.suspense_minor;
        let asked = match self.random.below(6) {
            0 => suspense + self.random.between(0, 1),
            1 | 2 => self.random.between(1, suspense.max(1)),
            3 => self.random.between(1, 20),
            _ => 0,
        };
        let amount = if asked == 0 { suspense } else { asked };
        let expected = sharing::expected(
            &self.machine.state,
            &before,
            (mode, amount),
            &advice,
            // The engine's time never goes back, whatever the clock does.
            self.machine.now_ms.max(self.machine.state.time_ms),
        );
        let request = allocation(remittance_id, mode, asked, &advice);
        let losses = self.machine.tally.power_losses;
        match self.call(Method::Allocate, OPERATOR, &request) {
            // Shared over another world than was expected.
            _ if self.machine.tally.power_losses > losses => {}
            Ok(entries) => {
                let mut rows = Vec::new();
                for (_, event) in &entries {
                    let Event::Allocated(event) = event else {
                        panic!("{event:?}")
                    };
                    for row in &event.allocations {
                        rows.push((row.trade_id, row.merchant, row.amount_minor, row.used_minor));
                        if row.rate != Step::NONE {
                            self.reached.insert("cross currency".to_owned());
                        }
                    }
                    for (_, code) in &event.refused {
                        let code = Rejection::try_from(i32::from(*code)).expect("a rejection");
                        let name = code.as_str_name().trim_start_matches("REJECTION_");
                        self.reached.insert(format!("row {name}"));
                    }
                }
                assert_eq!(rows, expected, "{mode:?} of {amount}, advice {advice:?}");
            }
            Err(refusal) if refusal.code == Rejection::NothingToAllocate => {
                assert_eq!(expected, Vec::new());
            }
            Err(_) => {}
        }
    }

    fn advice(&mut self, mode: AllocationMode) -> Vec<(Id, i64)> {
        let count = self.random.below(12);
        let mut advice = Vec::new();
        // The same for all: remainders are equal, and ids decide.
        let equal = self.random.one_in(3).then(|| self.random.between(1, 40));
        for _ in 0..count {
            let id = match (mode, self.random.below(25)) {
                (AllocationMode::ByVolume, _) => return Vec::new(),
                (_, 0) => self.machine.id(),
                (AllocationMode::ByOrders, 1..=9) => {
                    let trades = self.machine.state.trades.iter();
                    // Closed for a reason, closed as full, released without open value.
                    let kind = self.random.below(3);
                    let spent = trades.filter(|trade| match kind {
                        0 => trade.decided == TradeState::Closed,
                        1 => trade.is_full(),
                        _ => trade.state() == TradeState::Released && trade.open_minor() == 0,
                    });
                    let spent: Vec<Id> = spent.map(|trade| trade.trade_id).collect();
                    let Some(id) = self.random.pick(&spent) else {
                        continue;
                    };
                    *id
                }
                (AllocationMode::ByMerchants, _) => {
                    self.random.pick(&self.merchants).expect("merchants").id
                }
                _ => {
                    let count = if self.random.one_in(3) {
                        usize::MAX
                    } else {
                        60
                    };
                    let trades = self.machine.state.trades.iter().rev().take(count);
                    let trades: Vec<Id> = trades.map(|trade| trade.trade_id).collect();
                    let Some(id) = self.random.pick(&trades) else {
                        continue;
                    };
                    *id
                }
            };
            let minor = match self.random.below(10) {
                0 => self.random.between(-1, 0),
                1 => i64::MAX,
                _ => self.random.between(1, 50_000),
            };
            advice.push((id, equal.unwrap_or(minor)));
        }
        advice
    }

    pub fn convert(&mut self) {
        let Some(remittance_id) = self.some_remittance() else {
            return;
        };
        let id = self.machine.id();
        let request = forex::RequestConversionRequest {
            conversion_id: id.0.to_vec(),
            remittance_id: remittance_id.0.to_vec(),
            amount_minor: if self.random.one_in(2) {
                0
            } else {
                self.random.between(-1, 90_000)
            },
            ..Default::default()
        };
        if self
            .call(Method::RequestConversion, OPERATOR, &request)
            .is_ok()
        {
            self.conversions.push(id);
        }
    }

    pub fn finish_conversion(&mut self) {
        let Some(id) = self.random.pick(&self.conversions).copied() else {
            return;
        };
        let open: Vec<Id> = self
            .machine
            .state
            .conversions
            .iter()
            .filter(|conversion| conversion.state == ConversionState::Requested)
            .map(|conversion| conversion.row.conversion_id)
            .collect();
        let id = match self.random.one_in(5) {
            true => id,
            false => self.random.pick(&open).copied().unwrap_or(id),
        };
        let row = self
            .machine
            .state
            .conversions
            .get(id)
            .expect("known")
            .row
            .clone();
        let conversion_id = id.0.to_vec();
        if self.random.one_in(4) {
            let request = forex::FailConversionRequest {
                conversion_id,
                reason: "quote expired".to_owned(),
                ..Default::default()
            };
            let _ = self.call(Method::FailConversion, BANK, &request);
            return;
        }
        let rate_e8 = self.random.between(650_000_000, 790_000_000);
        let rate = Rate {
            base: row.currency.iso().to_owned(),
            quote: "CNY".to_owned(),
            rate_e8,
        };
        let cny = i128::from(row.amount_minor) * i128::from(rate_e8) / 100_000_000;
        let request = forex::ConfirmConversionRequest {
            conversion_id,
            rate: Some(rate),
            cny_minor: cny as i64,
            bank_reference: "deal".to_owned(),
            ..Default::default()
        };
        if let Ok(entries) = self.call(Method::ConfirmConversion, BANK, &request) {
            for (_, event) in entries {
                if let Event::ConversionConfirmed(event) = event
                    && event.withheld > 0
                {
                    self.reached.insert("withheld".to_owned());
                }
            }
        }
    }

    pub fn payouts(&mut self) {
        let by_state = |world: &Self, state: PayoutState| -> Vec<Id> {
            let payouts = world.machine.state.payouts.iter();
            payouts
                .filter(|it| it.state == state)
                .map(|it| it.row.payout_id)
                .collect()
        };
        let states = [
            PayoutState::Instructed,
            PayoutState::Debited,
            PayoutState::Settled,
        ];
        let first = self.random.below(3);
        let state = (first..first + 3).map(|at| states[at % 3]);
        let state = state
            .into_iter()
            .find(|state| !by_state(self, *state).is_empty())
            .unwrap_or(states[first]);
        let mut some = by_state(self, state);
        let kept = 1 + self.random.below(6);
        let start = self.random.below(some.len());
        some.rotate_left(start);
        some.truncate(kept);
        match self.random.below(8) {
            0 | 1 => self.instruct(),
            2..=4 => {
                let some = if state == PayoutState::Instructed || self.random.one_in(3) {
                    some
                } else {
                    by_state(self, PayoutState::Instructed)
                };
                let request = clearing::ConfirmDebitRequest {
                    payout_ids: some.iter().map(|id| id.0.to_vec()).collect(),
                    bank_reference: "debit".to_owned(),
                    ..Default::default()
                };
                let _ = self.call(Method::ConfirmDebit, BANK, &request);
            }
            _ => self.settle(&some, state),
        }
    }

    fn settle(&mut self, some: &[Id], state: PayoutState) {
        let outcome = match (state, self.random.below(6)) {
            (_, 0) => 1 + self.random.below(4) as i32,
            (PayoutState::Settled, 1..=3) => 3,
            (PayoutState::Settled, _) => return,
            (PayoutState::Instructed, 1..=3) => 4,
            (PayoutState::Debited, 2) => 4,
            (PayoutState::Debited, 1) | (PayoutState::Instructed, _) => 2,
            _ => 1,
        };
        let result = |id: &Id| clearing::PayoutResult {
            payout_id: id.0.to_vec(),
            outcome,
            reason_code: if outcome == 1 {
                String::new()
            } else {
                "AC04".to_owned()
            },
            clearing_reference: "cnaps".to_owned(),
        };
        let request = clearing::RecordSettlementRequest {
            results: some.iter().map(result).collect(),
            ..Default::default()
        };
        let is_taken = self
            .call(Method::RecordSettlement, "spiffe://whampoa/pboc", &request)
            .is_ok();
        if is_taken && outcome == 3 {
            self.reached.insert("payout returned".to_owned());
        }
    }

    fn instruct(&mut self) {
        let enterprise = self
            .random
            .pick(&self.enterprises)
            .expect("enterprises")
            .clone();
        let named = self.random.below(3);
        let merchant = self
            .random
            .pick(&self.merchants)
            .expect("merchants")
            .clone();
        let request = clearing::InstructPayoutsRequest {
            service_enterprise_party_id: enterprise.id.0.to_vec(),
            merchant_party_ids: vec![merchant.id.0.to_vec(); named.min(1)],
            ..Default::default()
        };
        let _ = self.call(Method::InstructPayouts, OPERATOR, &request);
    }

    pub fn settle_clawback(&mut self) {
        let Some(trade) = self.clawed_back() else {
            return;
        };
        let settlement = 1 + self.random.below(2) as i32;
        let request = clearing::SettleClawbackRequest {
            trade_id: trade.trade_id.0.to_vec(),
            settlement,
            reason: "agreed".to_owned(),
            ..Default::default()
        };
        if self
            .call(Method::SettleClawback, OPERATOR, &request)
            .is_ok()
        {
            let name = ["clawback reallocated", "clawback repaid"][settlement as usize - 1];
            self.reached.insert(name.to_owned());
        }
    }

    pub fn recall(&mut self) {
        let remittances = self.machine.state.remittances.iter();
        let is_converting =
            |it: &&Remittance| it.shares.values().any(|share| share.converting_minor > 0);
        let converting: Vec<Id> = remittances
            .filter(is_converting)
            .map(Remittance::id)
            .collect();
        let conversions = self.machine.state.conversions.iter();
        let waiting: Vec<Id> = conversions
            .filter(|it| it.state == ConversionState::Requested)
            .map(|it| it.row.remittance_id)
            .collect();
        let some = match self.random.below(6) {
            0..=2 => self.some_remittance(),
            3 => self.random.pick(&waiting).copied(),
            _ => self.random.pick(&converting).copied(),
        };
        let Some(remittance_id) = some else {
            return;
        };
        let credited = self
            .machine
            .state
            .remittances
            .get(remittance_id)
            .map_or(0, |remittance| remittance.amounts.credited_minor);
        let request = forex::RecallRemittanceRequest {
            remittance_id: remittance_id.0.to_vec(),
            amount_minor: match self.random.below(4) {
                0 => credited,
                1 => self.random.between(0, 3),
                _ => self.random.between(1, credited.max(1)),
            },
            bank_reference: "recall".to_owned(),
            ..Default::default()
        };
        // What was declared has to be corrected by what goes back.
        let is_declared = self.random.one_in(2);
        if is_declared {
            self.declare_one(remittance_id);
        }
        let Ok(entries) = self.call(Method::RecallRemittance, BANK, &request) else {
            return;
        };
        if is_declared {
            self.declare_one(remittance_id);
        }
        for (_, event) in entries {
            if let Event::RemittanceRecalled(RemittanceRecalled {
                debts, allocations, ..
            }) = event
            {
                if !debts.is_empty() {
                    self.reached.insert("recall with debt".to_owned());
                }
                if !allocations.is_empty() {
                    self.reached.insert("recall of allocations".to_owned());
                }
            }
        }
    }

    pub fn charge_or_return(&mut self) {
        let Some(remittance_id) = self.some_remittance() else {
            return;
        };
        let (remittance_id, amount_minor) =
            (remittance_id.0.to_vec(), self.random.between(-1, 500));
        let _ = if self.random.one_in(2) {
            let request = forex::RecordChargeRequest {
                remittance_id,
                amount_minor,
                bank_reference: "fee".to_owned(),
                ..Default::default()
            };
            self.call(Method::RecordCharge, BANK, &request)
        } else {
            let request = forex::ReturnSuspenseRequest {
                remittance_id,
                amount_minor,
                reason: "not ours".to_owned(),
                ..Default::default()
            };
            self.call(Method::ReturnSuspense, OPERATOR, &request)
        };
    }

    pub fn declare(&mut self) {
        if let Some(remittance_id) = self.some_remittance() {
            self.declare_one(remittance_id);
        }
    }

    fn declare_one(&mut self, remittance_id: Id) {
        let request = forex::DeclareRemittanceRequest {
            remittance_id: remittance_id.0.to_vec(),
            ..Default::default()
        };
        let _ = self.call(Method::DeclareRemittance, "spiffe://whampoa/safe", &request);
    }
}

fn allocation(
    remittance_id: Id,
    mode: AllocationMode,
    asked: i64,
    advice: &[(Id, i64)],
) -> clearing::AllocateRequest {
    let halves = |id: Id| u128::from_be_bytes(id.0);
    clearing::AllocateRequest {
        remittance_id: remittance_id.0.to_vec(),
        mode: mode as i32,
        amount_minor: asked,
        row_count: advice.len() as u32,
        id_high: advice
            .iter()
            .map(|(id, _)| (halves(*id) >> 64) as u64)
            .collect(),
        id_low: advice.iter().map(|(id, _)| halves(*id) as u64).collect(),
        advised_minor: advice.iter().map(|(_, minor)| *minor as u64).collect(),
        ..Default::default()
    }
}
