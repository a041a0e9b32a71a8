//! A small log of the whole corridor that requests are decided against: the recorded requests of a simulated day.
//!
//! Only requests are kept, so the log is made anew by the rules and layouts of today.

use std::sync::OnceLock;

use prost::Message;
use whampoa_core::contract::whampoa::tax::v1 as tax;
use whampoa_core::decide::{self, Context, Method};
use whampoa_core::event::registry::ActorAdmitted;
use whampoa_core::event::{At, Draft, Event};
use whampoa_core::ids::{Id, LogKey};
use whampoa_core::journal::entry::{Sealed, seal};
use whampoa_core::pipeline::Submission;
use whampoa_core::pipeline::seal::entry_draft;
use whampoa_core::rejection::Refusal;
use whampoa_core::state::State;

pub const LOG: &str = "whampoa-1";
pub const OPERATOR: &str = "spiffe://whampoa/operator";
/// Requests as a seed of the simulation made them: length 4 ‖ method 2 ‖ time 8 ‖ identity length 1 ‖ identity ‖ request.
const REQUESTS: &[u8] = include_bytes!("../ground/requests.bin");
const LOG_KEY: LogKey = LogKey([9; 32]);

/// One entry: as it was decided, and as it stands in the journal.
pub struct Made {
    pub at: At,
    pub event: Event,
    pub sealed: Sealed,
}

/// A log that grows; on the ground, or from its beginning.
#[derive(Default)]
pub struct Log {
    pub state: State,
    pub link: [u8; 32],
}

/// The ground: its entries, and the state after them.
pub struct Ground {
    pub log: Log,
    pub made: Vec<Made>,
}

pub fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(Ground::new)
}

impl Ground {
    fn new() -> Self {
        let mut ground = Self {
            log: Log::default(),
            made: Vec::new(),
        };
        let mut rest = REQUESTS;
        while let Some((submission, behind)) = recorded(rest) {
            ground.take(&submission);
            rest = behind;
        }
        for (method, request) in taxes(&ground.log.state) {
            let now_ms = ground.log.state.time_ms;
            ground.take(&submission(method as u16, request, now_ms));
        }
        ground
    }

    /// A request that the rules of today refuse leaves a smaller ground; the test of the corpora tells when it is too small.
    fn take(&mut self, submission: &Submission) {
        if let Ok(made) = self.log.take(submission) {
            self.made.extend(made);
        }
    }

    /// The log again, for an operation to be put on it.
    pub fn log(&self) -> Log {
        let mut state = State::default();
        for made in &self.made {
            state.evolve(&made.at, &made.event, made.sealed.rows);
        }
        Log {
            state,
            link: self.log.link,
        }
    }
}

impl Log {
    /// Checks and decides; what the deciding thread does before anything is applied.
    pub fn decide(&self, submission: &Submission) -> Result<Vec<Draft>, Refusal> {
        let checked = submission.check()?;
        let context = Context {
            now_ms: submission.now_ms,
            rights: submission.rights,
            actor: self.state.actors.index_of(&submission.identity),
            next_index: self.state.next_index,
            log_key: &LOG_KEY,
        };
        decide::decide(&self.state, &context, checked.method, &submission.request)
    }

    /// Seals and applies drafts.
    pub fn apply(&mut self, drafts: Vec<Draft>, submission: &Submission) -> Vec<Made> {
        drafts
            .into_iter()
            .map(|draft| self.put(draft, submission))
            .collect()
    }

    fn take(&mut self, submission: &Submission) -> Result<Vec<Made>, Refusal> {
        let mut made = Vec::new();
        if self.state.actors.index_of(&submission.identity).is_none() {
            let identity = submission.identity.clone();
            made.push(self.put(
                Draft::first(Id::ZERO, ActorAdmitted { identity }),
                submission,
            ));
        }
        let drafts = self.decide(submission)?;
        made.extend(self.apply(drafts, submission));
        Ok(made)
    }

    fn put(&mut self, draft: Draft, submission: &Submission) -> Made {
        let index = self.state.next_index;
        let actor = self
            .state
            .actors
            .index_of(&submission.identity)
            .unwrap_or(0);
        let is_asked = !matches!(draft.event, Event::ActorAdmitted(_));
        let mark = submission
            .check()
            .ok()
            .filter(|_| is_asked)
            .map(|it| it.mark);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&index.to_be_bytes());
        let sealed = seal(
            entry_draft(&draft, actor, submission.now_ms, mark.as_ref()),
            index,
            self.link,
            seed,
        );
        self.link = sealed.link;
        let at = At {
            index,
            time_ms: submission.now_ms,
            actor,
            case_id: draft.case_id,
            request: mark,
            continues: draft.continues,
        };
        self.state.evolve(&at, &draft.event, sealed.rows);
        Made {
            at,
            event: draft.event,
            sealed,
        }
    }
}

/// A request of the operator at a time.
pub fn submission(method: u16, request: Vec<u8>, now_ms: u64) -> Submission {
    Submission {
        token: 0,
        method,
        request,
        identity: OPERATOR.to_owned(),
        rights: 0,
        now_ms,
        seed: [0; 32],
    }
}

/// The first request of a record, and what stands behind it.
fn recorded(record: &[u8]) -> Option<(Submission, &[u8])> {
    let (length, rest) = record.split_first_chunk::<4>()?;
    let (mut one, behind) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (method, now_ms) = (one.split_off(..2)?, one.split_off(..8)?);
    let identity = usize::from(*one.split_off_first()?);
    let identity = String::from_utf8(one.split_off(..identity)?.to_vec()).ok()?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    };
    let mut submission = submission(number(method) as u16, one.to_vec(), number(now_ms));
    submission.identity = identity;
    Some((submission, behind))
}

/// Requests about taxes, which the simulated day has none of.
pub fn taxes(state: &State) -> Vec<(Method, Vec<u8>)> {
    let id = |number: u8| Id::derive(state.time_ms, "fuzz", &[&[number]]).0.to_vec();
    let merchant = (0..).map_while(|index| state.registry.get(index)).last();
    let merchant = merchant.map_or_else(Vec::new, |party| party.party_id.0.to_vec());
    let rates = tax::LoadRefundRatesRequest {
        request_id: id(1),
        library_version: "2026B".to_owned(),
        rates: vec![tax::RefundRate {
            code: "6109100010".to_owned(),
            refund_rate_bp: 1300,
            levy_rate_bp: 1300,
            valid_from: 20_260_101,
            ..Default::default()
        }],
    };
    let invoices = tax::SubmitInvoicesRequest {
        request_id: id(2),
        invoices: vec![tax::Invoice {
            invoice_id: id(3),
            number: "26440000000000000001".to_owned(),
            kind: 1,
            buyer_party_id: merchant.clone(),
            date: 20_261_101,
            amount_minor: 100_000,
            tax_rate_bp: 1300,
            gcode: "6109100010".to_owned(),
            qty_e5: 1_000_000,
            unit: "011".to_owned(),
        }],
    };
    let zone = tax::RegisterZoneGoodsRequest {
        request_id: id(4),
        registrations: vec![tax::ZoneRegistration {
            registration_id: id(5),
            merchant_party_id: merchant.clone(),
            customs_district: "51".to_owned(),
            platform_reg_no: "P1".to_owned(),
            gcode: "6109100010".to_owned(),
            valid_from: 20_260_101,
            valid_until: 20_271_231,
        }],
    };
    let label = tax::LabelItemsRequest {
        request_id: id(6),
        merchant_party_id: merchant,
    };
    vec![
        (Method::LoadRefundRates, rates.encode_to_vec()),
        (Method::SubmitInvoices, invoices.encode_to_vec()),
        (Method::RegisterZoneGoods, zone.encode_to_vec()),
        (Method::LabelItems, label.encode_to_vec()),
    ]
}
