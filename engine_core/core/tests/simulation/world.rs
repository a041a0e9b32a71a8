//! Who takes part in a run, and the choice of the next request.

use std::collections::BTreeSet;

use prost::Message;
use whampoa_core::contract::whampoa::forex::v1::PublishRateRequest;
use whampoa_core::contract::whampoa::money::v1::Rate;
use whampoa_core::contract::whampoa::registry::v1 as proto;
use whampoa_core::contract::whampoa::registry::v1::{Purpose, RelationKind, Role};
use whampoa_core::decide::Method;
use whampoa_core::decide::registry::is_uscc;
use whampoa_core::event::{At, Event};
use whampoa_core::ids::Id;
use whampoa_core::rejection::Refusal;
use whampoa_core::seeded::Random;

use crate::customs::Order;
use crate::machine::Machine;

/// 2026-11-25, noon UTC.
const START_MS: u64 = 1_795_608_000_000;
/// One world in so many has a disk that lies.
const WORLDS_A_LIE: u64 = 6;

/// A party with the code that stands in documents.
#[derive(Clone)]
pub struct Party {
    pub id: Id,
    pub code: String,
}

pub struct World {
    pub machine: Machine,
    pub random: Random,
    pub enterprises: Vec<Party>,
    pub merchants: Vec<Party>,
    pub declarants: Vec<Party>,
    pub officers: Vec<Party>,
    pub platform: Party,
    pub grants: Vec<Id>,
    pub orders: Vec<Order>,
    pub remittances: Vec<Id>,
    pub conversions: Vec<Id>,
    pub transfers: Vec<Id>,
    /// Entries made and refusals told, by name.
    pub reached: BTreeSet<String>,
    seed: u64,
    parties: u32,
}

pub type Outcome = Result<Vec<(At, Event)>, Refusal>;

impl World {
    /// Everybody registered, on a disk that does as it is told.
    pub fn new(seed: u64) -> Self {
        let nobody = Party {
            id: Id::ZERO,
            code: String::new(),
        };
        let mut world = Self {
            machine: Machine::new(START_MS, seed),
            random: Random::nth(seed, u64::MAX),
            enterprises: Vec::new(),
            merchants: Vec::new(),
            declarants: Vec::new(),
            officers: Vec::new(),
            platform: nobody,
            grants: Vec::new(),
            orders: Vec::new(),
            remittances: Vec::new(),
            conversions: Vec::new(),
            transfers: Vec::new(),
            reached: BTreeSet::new(),
            seed,
            parties: 0,
        };
        world.enterprises = (0..2)
            .map(|_| world.party(Role::ServiceEnterprise, false))
            .collect();
        world.declarants = (0..2)
            .map(|_| world.party(Role::Declarant, false))
            .collect();
        world.officers = (0..2).map(|_| world.party(Role::Officer, false)).collect();
        world.platform = world.party(Role::Platform, false);
        // The last one is sanctioned; one of the others never names a payee.
        world.merchants = (0..7)
            .map(|at| world.party(Role::Merchant, at == 6))
            .collect();
        world.relate();
        for merchant in world.merchants.clone() {
            // One merchant lets its data be used for euros only.
            let currency = if merchant.id == world.merchants[5].id {
                "EUR"
            } else {
                ""
            };
            for enterprise in world.enterprises.clone() {
                world.grant(&merchant, &enterprise, Purpose::ForexSettlement, currency);
            }
            let declarant = world.declarants[0].clone();
            world.grant(&merchant, &declarant, Purpose::CustomsMatch, "");
        }
        for (base, quote, rate_e8) in [
            ("USD", "CNY", 712_345_678),
            ("CNY", "USD", 14_012_345),
            ("EUR", "USD", 108_765_432),
            ("EUR", "CNY", 773_210_987),
        ] {
            world.publish_rate(base, quote, rate_e8);
        }
        let suspected = world.merchants[4].clone();
        world.review_rules(&suspected);
        world.load_rates();
        world
    }

    /// Sends a request and notes what came of it.
    pub fn call(&mut self, method: Method, identity: &str, request: &impl Message) -> Outcome {
        let outcome = self.machine.call(method, identity, request);
        match &outcome {
            Ok(entries) => {
                self.reached
                    .extend(entries.iter().map(|(_, event)| event.name().to_owned()));
            }
            Err(refusal) => {
                self.reached
                    .insert(format!("{method:?} {}", refusal.code.as_str_name()));
            }
        }
        outcome
    }

    pub fn must(&mut self, method: Method, request: &impl Message) -> Vec<(At, Event)> {
        self.call(method, "spiffe://whampoa/operator", request)
            .unwrap_or_else(|refusal| panic!("{method:?}: {refusal:?}"))
    }

    fn party(&mut self, role: Role, sanctioned: bool) -> Party {
        self.parties += 1;
        let number = self.parties;
        let code = "0123456789ABCDEFGHJKLMNPQRTUWXY"
            .chars()
            .map(|last| format!("91440101MA{number:07}{last}"))
            .find(|code| is_uscc(code))
            .expect("one check character fits");
        let id = self.machine.id();
        let has_payee = role == Role::Merchant && !number.is_multiple_of(3);
        let party = proto::Party {
            party_id: id.0.to_vec(),
            uscc: code.clone(),
            roles: vec![role as i32],
            name: format!("party {number}"),
            vat_class: if number.is_multiple_of(6) { 2 } else { 1 },
            refund_filing_date: if role == Role::Merchant {
                20_260_101
            } else {
                0
            },
            sanctioned,
            payee: has_payee.then(|| payee(number)),
            institution_code: if role == Role::ServiceEnterprise {
                "440100000101".to_owned()
            } else {
                String::new()
            },
            ..Default::default()
        };
        self.must(
            Method::RegisterParties,
            &proto::RegisterPartiesRequest {
                parties: vec![party],
                ..Default::default()
            },
        );
        Party { id, code }
    }

    fn relate(&mut self) {
        let mut relations = Vec::new();
        for (at, merchant) in self.merchants.clone().iter().enumerate() {
            let mut relate = |kind: RelationKind, to: &Party, prefix: &str, id: Id| {
                relations.push(proto::Relation {
                    relation_id: id.0.to_vec(),
                    kind: kind as i32,
                    from_party_id: merchant.id.0.to_vec(),
                    to_party_id: to.id.0.to_vec(),
                    prefix: prefix.to_owned(),
                    ..Default::default()
                });
            };
            for enterprise in self.enterprises.clone().iter().take(1 + at % 2) {
                relate(RelationKind::ServedBy, enterprise, "", self.machine.id());
            }
            let declarant = self.declarants[0].clone();
            relate(RelationKind::Entrusts, &declarant, "", self.machine.id());
            let platform = self.platform.clone();
            relate(
                RelationKind::Item,
                &platform,
                &format!("M{at}-"),
                self.machine.id(),
            );
        }
        self.must(
            Method::RegisterRelations,
            &proto::RegisterRelationsRequest {
                relations,
                ..Default::default()
            },
        );
    }

    pub fn grant(&mut self, from: &Party, to: &Party, purpose: Purpose, currency: &str) {
        let id = self.machine.id();
        let grant = proto::Grant {
            grant_id: id.0.to_vec(),
            grantor_party_id: from.id.0.to_vec(),
            grantee_party_id: to.id.0.to_vec(),
            purpose: purpose as i32,
            currency: currency.to_owned(),
            policy_sha256: vec![7; 32],
            ..Default::default()
        };
        let request = proto::RegisterGrantsRequest {
            grants: vec![grant],
            ..Default::default()
        };
        let outcome = self.call(
            Method::RegisterGrants,
            "spiffe://whampoa/operator",
            &request,
        );
        if outcome.is_ok() && purpose == Purpose::ForexSettlement {
            self.grants.push(id);
        }
    }

    fn publish_rate(&mut self, base: &str, quote: &str, rate_e8: i64) {
        let rate = Rate {
            base: base.to_owned(),
            quote: quote.to_owned(),
            rate_e8,
        };
        let request = PublishRateRequest {
            rate: Some(rate),
            source: "test".to_owned(),
            ..Default::default()
        };
        let _ = self.call(Method::PublishRate, "spiffe://whampoa/operator", &request);
    }

    /// One request, valid or not, and some time. Each step has numbers of its own, one half of them for faults.
    pub fn step(&mut self, at: u32) {
        self.random = Random::nth(self.seed, 2 * u64::from(at));
        self.machine.random = Random::nth(self.seed, 2 * u64::from(at) + 1);
        self.machine.is_hostile = true;
        self.forget_lost();
        if self.seed.is_multiple_of(WORLDS_A_LIE) && self.machine.random.one_in(100) {
            self.machine.lie();
        }
        if self.random.one_in(4) {
            self.machine.now_ms += self.random.next() % 900_000;
        }
        match self.random.below(100) {
            0..=24 => self.documents(),
            25..=28 => self.taxes(),
            29 => self.declare(),
            30..=36 => self.remit(),
            37..=50 => self.allocate(),
            51..=56 => self.convert(),
            57..=62 => self.finish_conversion(),
            63..=69 => self.payouts(),
            70..=73 => self.report_return(),
            74..=78 => self.settle_clawback(),
            79..=80 => self.recall(),
            81..=82 => self.charge_or_return(),
            83..=85 => self.review(),
            86..=87 => self.dispute_or_close(),
            88 => self.declare(),
            89 => self.feedback(),
            90..=92 => self.registry(),
            93..=95 => self.ledger(),
            96 | 97 => self.odd(),
            98 => self.change_rate(),
            _ => self.machine.repeat_one(&mut self.random),
        }
    }

    /// What was lost with the power before anybody was told of it never was.
    fn forget_lost(&mut self) {
        let state = &self.machine.state;
        self.remittances
            .retain(|id| state.remittances.get(*id).is_some());
        self.conversions
            .retain(|id| state.conversions.get(*id).is_some());
    }

    fn change_rate(&mut self) {
        let change = self.random.between(-2_000_000, 2_000_000);
        match self.random.below(3) {
            0 => self.publish_rate("USD", "CNY", 712_345_678 + change * 10),
            1 => self.publish_rate("CNY", "USD", 14_012_345 + change / 10),
            _ => self.publish_rate("EUR", "USD", 108_765_432 + change),
        }
    }

    /// Grants end and begin, payees change, merchants come under suspicion.
    fn registry(&mut self) {
        let merchant = self
            .random
            .pick(&self.merchants[..5])
            .expect("merchants")
            .clone();
        let enterprise = self
            .random
            .pick(&self.enterprises)
            .expect("enterprises")
            .clone();
        match self.random.below(9) {
            0..=3 => {
                let Some(grant) = self.random.pick(&self.grants).copied() else {
                    return;
                };
                let request = proto::RevokeGrantRequest {
                    grant_id: grant.0.to_vec(),
                    reason: "asked to".to_owned(),
                    ..Default::default()
                };
                let _ = self.call(Method::RevokeGrant, "spiffe://whampoa/operator", &request);
            }
            4 => self.grant(&merchant, &enterprise, Purpose::ForexSettlement, "EUR"),
            5 => self.grant(&merchant, &enterprise, Purpose::ForexSettlement, ""),
            6 => {
                let request = proto::SetPayeeRequest {
                    party_id: merchant.id.0.to_vec(),
                    payee: Some(payee(self.random.below(1000) as u32)),
                    ..Default::default()
                };
                let _ = self.call(Method::SetPayee, "spiffe://whampoa/operator", &request);
            }
            _ => self.review_rules(&merchant),
        }
    }
}

fn payee(number: u32) -> proto::PayeeAccount {
    proto::PayeeAccount {
        account_no: format!("6222{number:012}"),
        account_name: format!("party {number}"),
        bank_code: "10300000000002".to_owned(),
    }
}
