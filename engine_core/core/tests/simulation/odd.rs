//! What is rare in a world of habits: holds that end in every way, rows that stand and fall together, grants that end by
//! themselves, relations that end, requests that are no requests.

use whampoa_core::contract::whampoa::ledger::v1 as ledger;
use whampoa_core::contract::whampoa::registry::v1 as registry;
use whampoa_core::contract::whampoa::registry::v1::{Purpose, RelationKind};
use whampoa_core::decide::Method;
use whampoa_core::event::ledger::{
    BALANCING_DEBIT, CAPTURE_HOLD, DEBITS_LIMITED, LINKED, PLACE_HOLD, VOID_HOLD,
};
use whampoa_core::ids::Id;

use crate::money::OPERATOR;
use crate::world::World;

/// One row: id, debit, credit, amount, flags, hold.
type Row = (Id, u32, u32, u64, u16, Id);

impl World {
    pub fn odd(&mut self) {
        match self.random.below(11) {
            0..=2 => self.end_holds(),
            10 => self.close_idle(),
            8 | 9 => self.spend_to_the_limit(),
            3 | 4 => self.linked(),
            5 => self.passing_grant(),
            6 => self.relations(),
            _ => self.again_with_other_content(),
        }
    }

    /// Accounts of partners in one currency.
    fn partners(&mut self) -> Vec<u32> {
        let currency = if self.random.one_in(4) { "EUR" } else { "USD" };
        let accounts = self.machine.state.ledger.accounts().iter().enumerate();
        accounts
            .filter(|(_, it)| it.code != 0 && !it.is_closed && it.currency.iso() == currency)
            .map(|(index, _)| index as u32)
            .collect()
    }

    fn submit(&mut self, rows: &[Row]) {
        let mut request = ledger::SubmitTransfersRequest {
            row_count: rows.len() as u32,
            ..Default::default()
        };
        for (id, debit, credit, amount, flags, hold) in rows {
            let (id, hold) = (u128::from_be_bytes(id.0), u128::from_be_bytes(hold.0));
            request.id_high.push((id >> 64) as u64);
            request.id_low.push(id as u64);
            request.debit_account.push(*debit);
            request.credit_account.push(*credit);
            request.amount_minor.push(*amount);
            request.code_flags.push(7 | u32::from(*flags) << 16);
            request.hold_id_high.push((hold >> 64) as u64);
            request.hold_id_low.push(hold as u64);
            let soon = self.machine.now_ms + [1, 600_000, 0][self.random.below(3)];
            request.expires_at_ms.push(soon);
        }
        if self
            .call(Method::SubmitTransfers, OPERATOR, &request)
            .is_ok()
        {
            self.transfers.extend(rows.iter().map(|row| row.0));
        }
    }

    /// Captures all, a part or too much of a hold, voids it, or comes too late; the same hold twice in one request.
    fn end_holds(&mut self) {
        let held = self.transfers.iter();
        let open = &self.machine.state.ledger;
        let open: Vec<(Id, u64)> = held
            .filter_map(|id| open.hold(*id).map(|hold| (*id, hold.amount)))
            .collect();
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let Some((hold, held)) = self.random.pick(&open).copied() else {
                break;
            };
            let amount = match self.random.below(4) {
                0 => 0,
                1 => held + 1,
                _ => 1 + self.random.below(held as usize) as u64,
            };
            let flags = if self.random.one_in(4) {
                VOID_HOLD
            } else {
                CAPTURE_HOLD
            };
            rows.push((self.machine.id(), 0, 0, amount, flags, hold));
        }
        let partners = self.partners();
        for _ in 0..2 {
            let pick = |world: &mut Self| world.random.pick(&partners).copied().unwrap_or(0);
            let (debit, credit) = (pick(self), pick(self));
            let amount = self.random.between(1, 500) as u64;
            rows.push((
                self.machine.id(),
                debit,
                credit,
                amount,
                PLACE_HOLD,
                Id::ZERO,
            ));
        }
        self.submit(&rows);
    }

    /// A chain of rows, of which one may fail; some take what an account has left.
    fn linked(&mut self) {
        let partners = self.partners();
        let count = 2 + self.random.below(4);
        let mut rows: Vec<Row> = Vec::new();
        for at in 0..count {
            let pick = |world: &mut Self| world.random.pick(&partners).copied().unwrap_or(0);
            let (debit, credit) = (pick(self), pick(self));
            let amount = match self.random.below(10) {
                0 => 0,
                _ => self.random.between(1, 3_000) as u64,
            };
            let own = [0, 0, BALANCING_DEBIT, PLACE_HOLD][self.random.below(4)];
            let link = if at + 1 < count && !self.random.one_in(4) {
                LINKED
            } else {
                0
            };
            rows.push((
                self.machine.id(),
                debit,
                credit,
                amount,
                own | link,
                Id::ZERO,
            ));
        }
        // Some come once more, alone: nothing of a refused chain stands.
        for (id, debit, credit, amount, flags, hold) in rows.clone() {
            if self.random.one_in(3) {
                rows.push((id, debit, credit, amount, flags & !LINKED, hold));
            }
        }
        self.submit(&rows);
    }

    /// An account that may not be overdrawn gets money, holds half of it, and spends as much again and one more.
    fn spend_to_the_limit(&mut self) {
        let accounts = self.machine.state.ledger.accounts().iter().enumerate();
        let limited: Vec<(u32, u64)> = accounts
            .filter(|(_, it)| it.code != 0 && !it.is_closed && it.currency.iso() == "USD")
            .filter(|(_, it)| it.flags & DEBITS_LIMITED != 0)
            .map(|(index, it)| {
                let spent = it.debits_posted + it.debits_pending;
                (index as u32, it.credits_posted.saturating_sub(spent))
            })
            .collect();
        let Some((account, left)) = self.random.pick(&limited).copied() else {
            return;
        };
        let others = self.machine.state.ledger.accounts().iter().enumerate();
        let others: Vec<u32> = others
            .filter(|(_, it)| it.code != 0 && it.flags == 0 && it.currency.iso() == "USD")
            .map(|(index, _)| index as u32)
            .collect();
        let other = self.random.pick(&others).copied().unwrap_or(0);
        let more = self.random.between(2, 900) as u64;
        let half = (left + more) / 2 + 1;
        let ids = [(); 3].map(|()| self.machine.id());
        self.submit(&[
            (ids[0], other, account, more, 0, Id::ZERO),
            (ids[1], account, other, half, PLACE_HOLD, Id::ZERO),
            (ids[2], account, other, half, 0, Id::ZERO),
        ]);
    }

    /// An account that never moved is closed.
    fn close_idle(&mut self) {
        let accounts = self.machine.state.ledger.accounts().iter().enumerate();
        let idle: Vec<u32> = accounts
            .filter(|(_, it)| it.code != 0 && it.debits_posted + it.credits_posted == 0)
            .map(|(index, _)| index as u32)
            .collect();
        let Some(account_index) = self.random.pick(&idle).copied() else {
            return;
        };
        let request = ledger::CloseAccountRequest {
            account_index,
            ..Default::default()
        };
        let _ = self.call(Method::CloseAccount, OPERATOR, &request);
    }

    /// A row of before, with one more unit or as it was.
    fn again_with_other_content(&mut self) {
        let partners = self.partners();
        let Some(known) = self.random.pick(&self.transfers).copied() else {
            return;
        };
        let pick = |world: &mut Self| world.random.pick(&partners).copied().unwrap_or(0);
        let (debit, credit) = (pick(self), pick(self));
        let fresh = self.machine.id();
        let row = (fresh, debit, credit, 5, 0, Id::ZERO);
        let other = (known, debit, credit, 5, 0, Id::ZERO);
        self.submit(&[row, other, row, (fresh, debit, credit, 6, 0, Id::ZERO)]);
    }

    /// A grant that begins later, ends soon, or is for something else.
    fn passing_grant(&mut self) {
        let merchant = self.random.pick(&self.merchants).expect("merchants").id;
        let enterprise = self.random.pick(&self.enterprises).expect("enterprises").id;
        let now_ms = self.machine.now_ms;
        let (from, until, purpose) = match self.random.below(4) {
            0 => (now_ms + 600_000, 0, Purpose::ForexSettlement),
            1 => (0, 0, Purpose::Tax),
            _ => (0, now_ms + 1_800_000, Purpose::ForexSettlement),
        };
        let id = self.machine.id();
        let grant = registry::Grant {
            grant_id: id.0.to_vec(),
            grantor_party_id: merchant.0.to_vec(),
            grantee_party_id: enterprise.0.to_vec(),
            purpose: purpose as i32,
            currency: String::new(),
            valid_from_ms: from,
            valid_until_ms: until,
            policy_sha256: vec![7; 32],
        };
        let request = registry::RegisterGrantsRequest {
            grants: vec![grant],
            ..Default::default()
        };
        if self
            .call(Method::RegisterGrants, OPERATOR, &request)
            .is_ok()
        {
            self.grants.push(id);
        }
    }

    /// An enterprise stops collecting for a merchant, and begins again.
    fn relations(&mut self) {
        let merchant = self
            .random
            .pick(&self.merchants[..5])
            .expect("merchants")
            .id;
        let enterprise = self.random.pick(&self.enterprises).expect("enterprises").id;
        let id = self.machine.id();
        let relation = registry::Relation {
            relation_id: id.0.to_vec(),
            kind: RelationKind::ServedBy as i32,
            from_party_id: merchant.0.to_vec(),
            to_party_id: enterprise.0.to_vec(),
            ..Default::default()
        };
        let request = registry::RegisterRelationsRequest {
            relations: vec![relation],
            ..Default::default()
        };
        let _ = self.call(Method::RegisterRelations, OPERATOR, &request);
        let ended = match self.random.one_in(3) {
            true => self.machine.id(),
            false => id,
        };
        let request = registry::EndRelationRequest {
            relation_id: ended.0.to_vec(),
            ..Default::default()
        };
        if self.random.one_in(2) {
            let _ = self.call(Method::EndRelation, OPERATOR, &request);
        }
    }
}
