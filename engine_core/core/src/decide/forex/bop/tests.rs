//! Declarations after any history of attribution and feedback keep law 6, in the state and in SAFE's books.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::event::forex::{RemittanceRecorded, RemittanceRow};
use crate::event::registry::{PartiesRegistered, PartyRow};
use crate::event::risk::ReviewOutcome;
use crate::event::{At, Event};
use crate::ids::{Id, LogKey};
use crate::laws::money::bop_adds_up;
use crate::money::USD;
use crate::state::remittance::Share;

const NOW_MS: u64 = 1_795_500_000_000;
const ENTERPRISE: u32 = 0;
const MERCHANTS: u32 = 6;
/// More than the serials of one branch and the rows of one entry.
const MANY: u32 = 10_000;

/// One remittance of an enterprise with merchants, and SAFE as it answers.
struct Corridor {
    state: State,
    remittance_id: Id,
    /// Reports on their way to SAFE, and its answers on their way back.
    sent: VecDeque<BopRow>,
    answers: VecDeque<proto::BopFeedback>,
    safe: BTreeMap<Rptno, (BopKind, i64)>,
}

impl Corridor {
    fn new(credited_minor: i64) -> Self {
        Self::with(MERCHANTS, credited_minor)
    }

    fn with(merchants: u32, credited_minor: i64) -> Self {
        let mut it = Self {
            state: State::default(),
            remittance_id: Id::derive(NOW_MS, "remittance", &[]),
            sent: VecDeque::new(),
            answers: VecDeque::new(),
            safe: BTreeMap::new(),
        };
        let party = |index: u32| PartyRow {
            party_id: Id::derive(NOW_MS, "party", &[&(u32::MAX - index).to_be_bytes()]),
            index,
            roles: 0,
            vat_class: 0,
            refund_filing_date: 0,
            sanctioned: false,
            has_payee: false,
            uscc: Text::default(),
            institution_code: Text::new("440100000101").unwrap_or_default(),
            content: [0; 8],
            previous: Step::NONE,
        };
        let parties = PartiesRegistered {
            parties: (0..=merchants).map(party).collect(),
            codes: Vec::new(),
            secrets: Vec::new(),
        };
        it.evolve(Draft::first(Id::ZERO, parties));
        let row = RemittanceRow {
            remittance_id: it.remittance_id,
            service_enterprise: ENTERPRISE,
            currency: USD,
            credited_minor,
            allocated_minor: 0,
            suspense_minor: credited_minor,
            returned_minor: 0,
            charges_after_minor: 0,
            converted_minor: 0,
            debt_minor: 0,
            previous: Step::NONE,
        };
        let recorded = RemittanceRecorded {
            instructed_minor: credited_minor,
            charges_before_minor: 0,
            reference_key: LogKey([0; 32]).digest("bank-reference", &[]),
            value_date: 20_261_124,
            payer_country: Text::new("USA").unwrap_or_default(),
            outcome: ReviewOutcome::Pass,
            reasons: 0,
            bank_reference: "reference".into(),
            payer_name: Secret::Open {
                value: Vec::new(),
                subject: it.remittance_id,
            },
            remittance_text: Secret::Open {
                value: Vec::new(),
                subject: it.remittance_id,
            },
            remittances: vec![row],
            accounts: Vec::new(),
            transfers: Vec::new(),
        };
        it.evolve(Draft::first(it.remittance_id, recorded));
        it
    }

    fn evolve(&mut self, draft: Draft) {
        let at = At {
            index: self.state.next_index,
            time_ms: NOW_MS,
            actor: 0,
            case_id: draft.case_id,
            request: None,
            continues: false,
        };
        self.state.evolve(&at, &draft.event, 0);
    }

    fn context<'a>(&self, log_key: &'a LogKey) -> Context<'a> {
        Context {
            now_ms: NOW_MS,
            rights: 0,
            actor: None,
            next_index: self.state.next_index,
            log_key,
        }
    }

    /// Sets what a merchant holds of the remittance, and how much of it is converted.
    fn share(&mut self, merchant: u32, allocated_minor: i64, converted_minor: i64) {
        let Some(remittance) = self.state.remittances.get_mut(self.remittance_id) else {
            return;
        };
        let others = remittance
            .shares
            .iter()
            .filter(|(other, _)| **other != merchant);
        let taken: i64 = others.map(|(_, share)| share.allocated_minor).sum();
        let allocated_minor = allocated_minor.min(remittance.amounts.credited_minor - taken);
        let share = Share {
            allocated_minor,
            converting_minor: converted_minor.min(allocated_minor),
            ..Share::default()
        };
        remittance.shares.insert(merchant, share);
        let shares = remittance.shares.values();
        remittance.amounts.allocated_minor = taken + allocated_minor;
        remittance.amounts.suspense_minor =
            remittance.amounts.credited_minor - taken - allocated_minor;
        remittance.amounts.converted_minor = shares.map(|share| share.converting_minor).sum();
        remittance.conversion_rate_e8 = match remittance.amounts.converted_minor {
            0 => 0,
            _ => 712_345_678,
        };
    }

    /// Declares; gives what is reported, or why nothing is.
    fn declare(&mut self) -> Result<Vec<BopRow>, Rejection> {
        let request = proto::DeclareRemittanceRequest {
            request_id: Vec::new(),
            remittance_id: self.remittance_id.0.to_vec(),
        };
        let log_key = LogKey([0; 32]);
        let drafts = declare_remittance(&self.state, &self.context(&log_key), &request)
            .map_err(|refusal| refusal.code)?;
        let mut rows = Vec::new();
        let unfinished: Vec<bool> = drafts.iter().map(|draft| draft.continues).collect();
        let last = unfinished.len() - 1;
        assert!(
            unfinished
                .iter()
                .enumerate()
                .all(|(at, more)| *more == (at < last))
        );
        for draft in drafts {
            if let Event::BopDeclared(event) = &draft.event {
                rows.extend(event.records.iter().cloned());
            }
            self.evolve(draft);
        }
        self.sent.extend(rows.iter().cloned());
        assert_eq!(bop_adds_up(&self.state), Ok(()));
        Ok(rows)
    }

    /// SAFE takes in the oldest report, by its own books.
    fn take_in(&mut self, refuses: bool) {
        let Some(row) = self.sent.pop_front() else {
            return;
        };
        let is_known = self.safe.contains_key(&row.rptno);
        let accepted = !refuses && is_known == (row.action != BopAction::New);
        if accepted && row.action == BopAction::Delete {
            self.safe.remove(&row.rptno);
        } else if accepted {
            assert!(row.amount >= 1, "{row:?}");
            self.safe.insert(row.rptno, (row.kind, row.amount));
        }
        self.answers.push_back(proto::BopFeedback {
            rptno: row.rptno.as_str().into(),
            accepted,
            description: String::new(),
        });
    }

    fn hear(&mut self) {
        let Some(told) = self.answers.pop_front() else {
            return;
        };
        let request = proto::RecordBopFeedbackRequest {
            request_id: Vec::new(),
            feedback: vec![told],
        };
        let log_key = LogKey([0; 32]);
        let drafts = record_bop_feedback(&self.state, &self.context(&log_key), &request);
        for draft in drafts.into_iter().flatten() {
            self.evolve(draft);
        }
    }

    /// Everything arrives and nothing is refused for no reason.
    fn settle(&mut self) {
        while !self.sent.is_empty() || !self.answers.is_empty() {
            self.take_in(false);
            self.hear();
        }
    }

    fn standing(&self, kind: BopKind) -> Vec<(u32, i64, i64)> {
        let records = self.state.bop.of(self.remittance_id);
        let standing = records.filter(|record| record.stands() && record.row.kind == kind);
        let mut rows: Vec<_> = standing
            .map(|record| (record.row.party, record.row.amount, record.row.settled))
            .collect();
        rows.sort_unstable();
        rows
    }

    fn sum_at_safe(&self, is_actual: bool) -> i64 {
        let records = self.safe.values();
        records
            .filter(|(kind, _)| (*kind == BopKind::Actual) == is_actual)
            .map(|(_, amount)| amount)
            .sum()
    }
}

fn actions(rows: &[BopRow]) -> Vec<(BopKind, BopAction, i64)> {
    rows.iter()
        .map(|row| (row.kind, row.action, row.amount))
        .collect()
}

#[test]
fn dates_are_those_of_china() {
    assert_eq!(china_date(0), 19_700_101);
    assert_eq!(china_date(951_782_400_000), 20_000_229);
    assert_eq!(china_date(1_795_535_999_000), 20_261_124);
    assert_eq!(china_date(1_795_536_000_000), 20_261_125);
}

#[test]
fn what_is_not_attributed_is_corrected_later() {
    use BopAction::{Change, Delete, New};
    use BopKind::{Actual, Restored, Unattributed};
    let mut corridor = Corridor::new(10_050);
    let rows = corridor.declare().unwrap_or_default();
    let expected = [(Actual, New, 100), (Unattributed, New, 100)];
    assert_eq!(actions(&rows), expected);
    assert_eq!(rows[0].rptno.as_str(), "440100000101261124N001");
    corridor.share(1, 4_000, 0);
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(
        actions(&rows),
        [(Restored, New, 40), (Unattributed, Change, 60)]
    );
    corridor.share(2, 6_050, 0);
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(
        actions(&rows),
        [(Restored, New, 60), (Unattributed, Delete, 0)]
    );
    assert_eq!(corridor.declare(), Err(Rejection::AlreadyDeclared));
    // A recall takes the second merchant's part back; later it gets some again, under a new number.
    corridor.share(2, 0, 0);
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(
        actions(&rows),
        [(Unattributed, New, 60), (Restored, Delete, 0)]
    );
    corridor.share(2, 6_050, 0);
    assert!(corridor.declare().is_ok());
    assert_eq!(corridor.declare(), Err(Rejection::AlreadyDeclared));
    assert_eq!(corridor.standing(Restored), [(1, 40, 0), (2, 60, 0)]);
    assert_eq!(corridor.standing(Unattributed), []);
}

#[test]
fn parts_below_one_unit_are_merged() {
    let mut corridor = Corridor::new(1_099);
    for merchant in 1..=5 {
        corridor.share(merchant, 99, 0);
    }
    corridor.share(6, 600, 0);
    assert!(corridor.declare().is_ok());
    // 10 units over 600 and 499 cents: 5.46 and 4.54.
    assert_eq!(corridor.standing(BopKind::Restored), [(6, 5, 0)]);
    assert_eq!(
        corridor.standing(BopKind::Unattributed),
        [(ENTERPRISE, 5, 0)]
    );
    // Less than a unit in all is one unit.
    let mut corridor = Corridor::new(7);
    corridor.share(1, 7, 0);
    assert!(corridor.declare().is_ok());
    assert_eq!(corridor.standing(BopKind::Actual), [(ENTERPRISE, 1, 0)]);
    assert_eq!(
        corridor.standing(BopKind::Unattributed),
        [(ENTERPRISE, 1, 0)]
    );
}

#[test]
fn settled_units_follow_each_merchants_own_conversion() {
    let mut corridor = Corridor::new(100_000);
    corridor.share(1, 40_000, 40_000);
    corridor.share(2, 20_000, 0);
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(
        corridor.standing(BopKind::Restored),
        [(1, 400, 400), (2, 200, 0)]
    );
    assert_eq!(
        corridor.standing(BopKind::Actual),
        [(ENTERPRISE, 1_000, 400)]
    );
    let rates: Vec<i64> = rows.iter().map(|row| row.rate_e8).collect();
    assert_eq!(rates, [712_345_678, 712_345_678, 0, 0]);
}

#[test]
fn refused_reports_are_told_again() {
    use BopAction::{Change, Delete, New};
    use BopKind::{Restored, Unattributed};
    let mut corridor = Corridor::new(10_000);
    corridor.share(1, 4_000, 0);
    let first = corridor.declare().unwrap_or_default();
    corridor.take_in(false);
    corridor.take_in(true);
    corridor.settle();
    // SAFE never took the merchant's record in, so it goes as new under its number.
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(actions(&rows), [(Restored, New, 40)]);
    assert_eq!(rows[0].rptno, first[1].rptno);
    corridor.settle();
    corridor.share(1, 10_000, 0);
    corridor.declare().unwrap_or_default();
    corridor.take_in(true);
    corridor.take_in(true);
    corridor.settle();
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(
        actions(&rows),
        [(Restored, Change, 100), (Unattributed, Delete, 0)]
    );
    corridor.settle();
    assert_eq!(corridor.declare(), Err(Rejection::AlreadyDeclared));
    assert_eq!(corridor.sum_at_safe(true), corridor.sum_at_safe(false));
}

#[test]
fn ten_thousand_merchants_take_two_entries_and_two_branches() {
    let mut corridor = Corridor::with(MANY, i64::from(MANY) * 200);
    let remittance = corridor.state.remittances.get_mut(corridor.remittance_id);
    let Some(remittance) = remittance else {
        panic!("the remittance was recorded");
    };
    let share = Share {
        allocated_minor: 200,
        ..Share::default()
    };
    remittance.shares = (1..=MANY).map(|merchant| (merchant, share)).collect();
    let rows = corridor.declare().unwrap_or_default();
    assert_eq!(rows.len(), 1 + MANY as usize);
    assert!(rows[1..].iter().all(|row| row.amount == 2));
    assert_eq!(rows[5_993].rptno.as_str(), "440100000101261124T999");
    assert_eq!(rows[5_994].rptno.as_str(), "440100000102261124N001");
    corridor.settle();
    assert_eq!(corridor.safe.len(), rows.len());
    assert_eq!(corridor.declare(), Err(Rejection::AlreadyDeclared));
}

#[derive(Clone, Debug)]
enum Happening {
    Share(u32, i64, i64),
    Declare,
    TakeIn(bool),
    Hear,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (1..=MERCHANTS, 0..30_000_i64, 0..30_000_i64).prop_map(|(merchant, amount, converted)| {
            Happening::Share(merchant, amount, converted)
        }),
        Just(Happening::Declare),
        (0..4_u8).prop_map(|chance| Happening::TakeIn(chance == 0)),
        Just(Happening::Hear),
    ]
}

proptest! {
    #[test]
    fn any_history_adds_up(credited in 1..100_000_i64, history in prop::collection::vec(happening(), 0..60)) {
        let mut corridor = Corridor::new(credited);
        for happening in history {
            match happening {
                Happening::Share(merchant, amount, converted) => corridor.share(merchant, amount, converted),
                Happening::Declare => drop(corridor.declare()),
                Happening::TakeIn(refuses) => corridor.take_in(refuses),
                Happening::Hear => corridor.hear(),
            }
        }
        for _ in 0..8 {
            drop(corridor.declare());
            corridor.settle();
        }
        prop_assert_eq!(corridor.declare(), Err(Rejection::AlreadyDeclared));
        prop_assert_eq!(corridor.sum_at_safe(true), (credited / 100).max(1));
        prop_assert_eq!(corridor.sum_at_safe(false), corridor.sum_at_safe(true));
        let standing = corridor.state.bop.records().filter(|(_, record)| record.stands());
        let ours: BTreeMap<Rptno, (BopKind, i64)> =
            standing.map(|(rptno, record)| (*rptno, (record.row.kind, record.row.amount))).collect();
        prop_assert_eq!(&corridor.safe, &ours);
        for (_, (_, amount)) in ours {
            prop_assert!(amount >= 1);
        }
        let restored = corridor.standing(BopKind::Restored);
        prop_assert!(restored.windows(2).all(|pair| pair[0].0 < pair[1].0), "one record a merchant");
        prop_assert!(restored.iter().all(|(_, amount, settled)| (0..=*amount).contains(settled)));
    }
}
