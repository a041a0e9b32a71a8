//! What partners do with accounts of their own: open, move, hold, close.

use whampoa_core::contract::whampoa::ledger::v1 as ledger;
use whampoa_core::decide::Method;
use whampoa_core::ids::Id;

use crate::money::OPERATOR;
use crate::world::World;

impl World {
    pub fn ledger(&mut self) {
        let opened = self.machine.state.ledger.len();
        match self.random.below(8) {
            0 => {
                let account = ledger::Account {
                    account_id: self.machine.id().0.to_vec(),
                    party_id: self.merchants[self.random.below(7)].id.0.to_vec(),
                    currency: if self.random.one_in(4) { "EUR" } else { "USD" }.to_owned(),
                    code: 1,
                    debits_must_not_exceed_credits: self.random.one_in(3),
                    credits_must_not_exceed_debits: self.random.one_in(6),
                };
                let request = ledger::OpenAccountsRequest {
                    accounts: vec![account],
                    ..Default::default()
                };
                let _ = self.call(Method::OpenAccounts, OPERATOR, &request);
            }
            1 => {
                let account_index = self.random.below(opened as usize + 1) as u32;
                let request = ledger::CloseAccountRequest {
                    account_index,
                    ..Default::default()
                };
                let _ = self.call(Method::CloseAccount, OPERATOR, &request);
            }
            _ => self.transfer(),
        }
    }

    fn transfer(&mut self) {
        let partners: Vec<u32> = self
            .machine
            .state
            .ledger
            .accounts()
            .iter()
            .enumerate()
            .filter(|(_, account)| account.code != 0)
            .map(|(index, _)| index as u32)
            .collect();
        let mut request = ledger::SubmitTransfersRequest::default();
        let mut placed = Vec::new();
        for _ in 0..1 + self.random.below(8) {
            let pick = |world: &mut Self| match world.random.one_in(30) {
                true => world.random.below(200) as u32,
                false => world.random.pick(&partners).copied().unwrap_or(0),
            };
            let (debit, credit) = (pick(self), pick(self));
            let flags = [0, 0, 0, 1, 2, 2, 4, 8, 16][self.random.below(9)];
            let known = match self.random.one_in(20) {
                true => self.random.pick(&self.transfers).copied(),
                false => None,
            };
            let id = known.unwrap_or_else(|| self.machine.id());
            let hold = self
                .random
                .pick(&self.transfers)
                .copied()
                .unwrap_or(Id::ZERO);
            let (id, hold) = (u128::from_be_bytes(id.0), u128::from_be_bytes(hold.0));
            request.id_high.push((id >> 64) as u64);
            request.id_low.push(id as u64);
            request.debit_account.push(debit);
            request.credit_account.push(credit);
            request.amount_minor.push(match self.random.below(20) {
                0 => 0,
                1 => u64::MAX >> 1,
                _ => self.random.between(1, 900) as u64,
            });
            request.code_flags.push(1 | flags << 16);
            request.hold_id_high.push((hold >> 64) as u64);
            request.hold_id_low.push(hold as u64);
            request.expires_at_ms.push(self.machine.now_ms + 3_600_000);
            placed.push(Id(id.to_be_bytes()));
        }
        request.row_count = placed.len() as u32;
        if self
            .call(Method::SubmitTransfers, OPERATOR, &request)
            .is_ok()
        {
            self.transfers.extend(placed);
            let count = self.transfers.len();
            self.transfers.drain(..count.saturating_sub(60));
        }
    }
}
