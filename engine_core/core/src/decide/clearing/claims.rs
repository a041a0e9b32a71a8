//! Who may share in a remittance, with which open trades, and how much of each (level 1 and 2 of DESIGN section 6).

use std::collections::{BTreeMap, BTreeSet};

use crate::event::registry::Purpose;
use crate::ids::{Id, Step};
use crate::money::{Currency, Rate};
use crate::rejection::Rejection;
use crate::share::Claim;
use crate::state::State;
use crate::state::trade::{Trade, TradeState};

/// A trade that may take money: at most `cap_minor` of the remittance's currency.
#[derive(Clone, Copy, Debug)]
pub struct TradeClaim {
    pub released_at_ms: u64,
    pub trade_id: Id,
    pub slot: u32,
    pub cap_minor: i64,
    pub open_minor: i64,
    pub rate: Option<(Rate, Step)>,
}

impl TradeClaim {
    /// Trade currency that `amount_minor` of the remittance uses: all that is open when the trade is filled.
    pub fn used_by(&self, amount_minor: i64, full_minor: i64) -> i64 {
        match self.rate {
            _ if amount_minor == full_minor => self.open_minor,
            None => amount_minor,
            Some((rate, _)) => rate
                .base_for(amount_minor)
                .unwrap_or(self.open_minor)
                .min(self.open_minor),
        }
    }
}

/// A merchant's claim: its trades in the order in which they are served.
#[derive(Clone, Debug)]
pub struct MerchantClaim {
    pub merchant: u32,
    pub grant: u32,
    pub cap_minor: i64,
    pub trades: Vec<TradeClaim>,
}

/// What an advised row asks for.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    pub row: u32,
    pub id: Id,
    pub amount_minor: i64,
}

/// Claims against one remittance, by merchant; rows of the advice that cannot be used, with the reason.
pub struct Claims<'a> {
    state: &'a State,
    enterprise: u32,
    currency: Currency,
    now_ms: u64,
    merchants: BTreeMap<u32, Result<MerchantClaim, Rejection>>,
    rates: BTreeMap<Currency, Option<(Rate, Step)>>,
    pub refused: Vec<(u32, u16)>,
}

impl<'a> Claims<'a> {
    pub fn new(state: &'a State, enterprise: u32, currency: Currency, now_ms: u64) -> Self {
        let (merchants, rates) = (BTreeMap::new(), BTreeMap::new());
        Self {
            state,
            enterprise,
            currency,
            now_ms,
            merchants,
            rates,
            refused: Vec::new(),
        }
    }

    /// Every merchant of the enterprise with all its open trades.
    pub fn by_volume(mut self) -> Self {
        for merchant in self
            .state
            .registry
            .merchants_of(self.enterprise, self.now_ms)
        {
            if self.admit(merchant).is_ok() {
                let trades = self.open_trades(merchant);
                let cap_minor = total_cap(&trades);
                self.fill(merchant, trades, cap_minor);
            }
        }
        self
    }

    /// The merchants that the advice names, each up to what it names. The first row of an id counts, later ones are
    /// refused.
    pub fn by_merchants(mut self, advice: &[Advice]) -> Self {
        let mut seen = BTreeSet::new();
        for told in advice {
            let outcome = match self.state.registry.index_of(told.id) {
                _ if !seen.insert(told.id) => Err(Rejection::FieldInvalid),
                _ if told.amount_minor <= 0 => Err(Rejection::InvalidAmount),
                None => Err(Rejection::UnknownParty),
                Some(merchant) => self.admit(merchant).map(|()| merchant),
            };
            let Some(merchant) = self.accept(told, outcome) else {
                continue;
            };
            let trades = self.open_trades(merchant);
            let cap_minor = total_cap(&trades).min(told.amount_minor);
            if cap_minor == 0 {
                self.refused
                    .push((told.row, Rejection::NothingToAllocate as u16));
            }
            self.fill(merchant, trades, cap_minor);
        }
        self
    }

    /// The trades that the advice names, each up to what it names; again the first row of an id counts.
    pub fn by_orders(mut self, advice: &[Advice]) -> Self {
        let mut seen = BTreeSet::new();
        let mut named: BTreeMap<u32, Vec<TradeClaim>> = BTreeMap::new();
        for told in advice {
            let outcome = if seen.insert(told.id) {
                self.advised_trade(told)
            } else {
                Err(Rejection::FieldInvalid)
            };
            let Some((merchant, claim)) = self.accept(told, outcome) else {
                continue;
            };
            named.entry(merchant).or_default().push(claim);
        }
        for (merchant, mut trades) in named {
            trades.sort_unstable_by_key(|trade| (trade.released_at_ms, trade.trade_id));
            let cap_minor = total_cap(&trades);
            self.fill(merchant, trades, cap_minor);
        }
        self
    }

    /// Merchants with something to take, in index order, and their claims for level 1.
    pub fn finish(self) -> (Vec<MerchantClaim>, Vec<Claim>, Vec<(u32, u16)>) {
        let merchants: Vec<MerchantClaim> = self
            .merchants
            .into_values()
            .flatten()
            .filter(|merchant| merchant.cap_minor > 0)
            .collect();
        let claim = |merchant: &MerchantClaim| Claim {
            cap: merchant.cap_minor,
            weight: merchant.cap_minor,
            tie: self.state.registry.id_of(merchant.merchant).0,
        };
        let claims = merchants.iter().map(claim).collect();
        (merchants, claims, self.refused)
    }

    /// The grant and the open trades of one merchant.
    pub fn admitted_trades(mut self, merchant: u32) -> Result<(u32, Vec<TradeClaim>), Rejection> {
        self.admit(merchant)?;
        let trades = self.open_trades(merchant);
        match self.merchants.remove(&merchant) {
            Some(Ok(claim)) => Ok((claim.grant, trades)),
            _ => Err(Rejection::UnknownRelation),
        }
    }

    fn accept<T>(&mut self, told: &Advice, outcome: Result<T, Rejection>) -> Option<T> {
        outcome
            .map_err(|rejection| self.refused.push((told.row, rejection as u16)))
            .ok()
    }

    fn fill(&mut self, merchant: u32, trades: Vec<TradeClaim>, cap_minor: i64) {
        if let Some(Ok(claim)) = self.merchants.get_mut(&merchant) {
            (claim.trades, claim.cap_minor) = (trades, cap_minor);
        }
    }

    /// Whether the merchant may be given money of this enterprise: relation, sanctions, grant.
    fn admit(&mut self, merchant: u32) -> Result<(), Rejection> {
        let (state, enterprise, now_ms, currency) =
            (self.state, self.enterprise, self.now_ms, self.currency);
        let claim = self.merchants.entry(merchant).or_insert_with(|| {
            let registry = &state.registry;
            if registry.party(merchant).sanctioned {
                return Err(Rejection::PartySanctioned);
            }
            if !registry.served_by(merchant, enterprise, now_ms) {
                return Err(Rejection::UnknownRelation);
            }
            let grant = registry.grant_for(
                merchant,
                enterprise,
                Purpose::ForexSettlement,
                Some(currency),
                now_ms,
            )?;
            Ok(MerchantClaim {
                merchant,
                grant,
                cap_minor: 0,
                trades: Vec::new(),
            })
        });
        claim.as_ref().map(|_| ()).map_err(|rejection| *rejection)
    }

    fn advised_trade(&mut self, told: &Advice) -> Result<(u32, TradeClaim), Rejection> {
        if told.amount_minor <= 0 {
            return Err(Rejection::InvalidAmount);
        }
        let slot = self
            .state
            .trades
            .slot_of(told.id)
            .ok_or(Rejection::UnknownTrade)?;
        let trade = self.state.trades.at(slot);
        match trade.state() {
            TradeState::Disputed => return Err(Rejection::TradeDisputed),
            TradeState::Closed => return Err(Rejection::TradeClosed),
            TradeState::Declared | TradeState::Matched => return Err(Rejection::TradeNotReleased),
            TradeState::Released => self.admit(trade.merchant)?,
        }
        let claim = self.claim(slot, trade).ok_or(Rejection::RateMissing)?;
        if claim.cap_minor == 0 {
            return Err(Rejection::ExceedsOpenValue);
        }
        Ok((
            trade.merchant,
            TradeClaim {
                cap_minor: claim.cap_minor.min(told.amount_minor),
                ..claim
            },
        ))
    }

    /// Open trades of a merchant in every currency that has a rate, oldest release first.
    fn open_trades(&mut self, merchant: u32) -> Vec<TradeClaim> {
        let state = self.state;
        let mut trades = Vec::new();
        let currencies: Vec<Currency> = state.trades.currencies_of(merchant).collect();
        for currency in &currencies {
            for open in state.trades.open_of(merchant, *currency) {
                let claim = self.claim(open.slot, state.trades.at(open.slot));
                trades.extend(claim.filter(|claim| claim.cap_minor > 0));
            }
        }
        if currencies.len() > 1 {
            trades.sort_unstable_by_key(|trade| (trade.released_at_ms, trade.trade_id));
        }
        trades
    }

    /// What a trade may take; `None` when no rate between its currency and the remittance's was published.
    fn claim(&mut self, slot: u32, trade: &Trade) -> Option<TradeClaim> {
        let open_minor = trade.open_minor();
        let rate = if trade.currency == self.currency {
            None
        } else {
            let (state, quote) = (self.state, self.currency);
            let base = trade.currency;
            Some(
                (*self
                    .rates
                    .entry(base)
                    .or_insert_with(|| state.remittances.rate(base, quote)))?,
            )
        };
        let cap_minor = match rate {
            None => open_minor,
            Some((rate, _)) => rate.convert_down(open_minor)?,
        };
        Some(TradeClaim {
            released_at_ms: trade.released_at_ms,
            trade_id: trade.trade_id,
            slot,
            cap_minor,
            open_minor,
            rate,
        })
    }
}

/// Sum of the caps, at most what an amount may be.
fn total_cap(trades: &[TradeClaim]) -> i64 {
    trades
        .iter()
        .fold(0_i64, |sum, trade| sum.saturating_add(trade.cap_minor))
}
