//! Reads one document into rows: its keys, the case it is about, and what it says.

use super::desk::Desk;
use super::key::{self, OrderKey};
use super::merchant::Evidence;
use super::names::Names;
use super::{field, lines};
use crate::contract::whampoa::customs::v1 as proto;
use crate::contract::whampoa::customs::v1::document::Body;
use crate::contract::whampoa::customs::v1::{Document, DocumentType};
use crate::decide::Context;
use crate::event::NO_INDEX;
use crate::event::codec::Text;
use crate::event::customs::{LineRow, ListRow, NameKind, NameRow, OrderRow, WaybillRow};
use crate::ids::KeyDigest;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::document::{Cases, DECLARED, Slots, is_held};

const APP_TYPE_DELETE: u32 = 3;

/// A document as read, before it has a place in an entry.
#[derive(Default)]
pub struct Reading {
    pub key: KeyDigest,
    pub subject: u32,
    pub part: u16,
    pub status: i32,
    pub stamp: u64,
    pub app_status: u8,
    pub order: Option<OrderRow>,
    pub list: Option<ListRow>,
    pub waybill: Option<WaybillRow>,
    pub lines: Vec<LineRow>,
    pub names: Vec<NameRow>,
    pub members: Vec<u32>,
    /// Business key in words.
    pub words: String,
    pub order_no: String,
    pub platform: String,
}

impl Reading {
    /// Rows it takes, its own included.
    pub fn rows(&self) -> usize {
        let heads =
            usize::from(self.order.is_some() || self.list.is_some() || self.waybill.is_some());
        1 + heads + self.lines.len() + self.names.len() + self.members.len()
    }
}

/// Reads documents against what is known so far.
pub struct Reader<'b, 'a> {
    pub desk: &'b Desk<'a>,
    pub context: &'b Context<'b>,
}

impl Reader<'_, '_> {
    pub fn read(&self, document: &Document, doc_type: DocumentType) -> Result<Reading, Refusal> {
        use DocumentType as T;
        let (stamp, app_status) = application(document, doc_type)?;
        let mut reading = match (&document.body, doc_type) {
            (Some(Body::Order(order)), T::Order) => {
                self.order(order, app_status).map_err(within("order"))?
            }
            (Some(Body::Waybill(waybill)), T::Waybill) => self
                .waybill(waybill, app_status)
                .map_err(within("waybill"))?,
            (Some(Body::List(list)), T::List) => {
                self.list(list, app_status).map_err(within("list"))?
            }
            (Some(Body::Departure(departure)), T::Departure) => {
                self.departure(departure).map_err(within("departure"))?
            }
            (Some(Body::Withdrawal(withdrawal)), T::Withdrawal) => {
                self.withdrawal(withdrawal).map_err(within("withdrawal"))?
            }
            (Some(Body::CollectionNote(note)), T::CollectionNote) => self
                .collection_note(note)
                .map_err(within("collection_note"))?,
            (Some(Body::Aggregation(aggregation)), T::Aggregation) => self
                .aggregation(aggregation)
                .map_err(within("aggregation"))?,
            (Some(Body::AggregationResult(result)), T::AggregationResult) => self
                .aggregation_result(result)
                .map_err(within("aggregation_result"))?,
            (Some(Body::Reply(reply)), _) if is_reply(doc_type) => {
                return self.answer(reply, doc_type).map_err(within("reply"));
            }
            (None, _) if !has_body(doc_type) => self.bare(document, doc_type)?,
            (None, _) => return refuse(Rejection::FieldMissing, "body", ""),
            _ => return refuse(Rejection::FieldInvalid, "body", doc_type.as_str_name()),
        };
        (reading.stamp, reading.app_status) = (stamp, app_status);
        Ok(reading)
    }

    fn party(&self, code: &str) -> u32 {
        field::party(self.desk.state, code)
    }

    fn evidence(&self, platform: &str, order_no: &str, owner: u32, consignor: u32) -> Evidence<'_> {
        let platform = (self.party(platform), order_no);
        Evidence::new(
            &self.desk.state.registry,
            platform,
            owner,
            consignor,
            self.context.now_ms,
        )
    }

    fn order(&self, order: &proto::Order, app_status: u8) -> Result<Reading, Refusal> {
        let log_key = self.context.log_key;
        let consignor: Text<18> =
            field::code(field::key(&order.ebc_code, "ebc_code", 18)?, "ebc_code")?;
        let platform = (order.ebp_code.as_str(), order.ebp_name.as_str());
        let key = OrderKey::new(log_key, platform, &order.order_no, &order.ebc_code, false)?;
        let mut names = Names::new(self.desk);
        let (subject, platform_differs) = names.order(&key, true);
        let known = self.desk.orders.at(subject);
        let part = known.map_or(0, |known| {
            known.version_of(consignor).unwrap_or(known.versions.len())
        });
        let before = known.and_then(|known| known.versions.get(part));
        if before.is_some_and(|before| before.app_status == DECLARED && is_held(before.status)) {
            return refuse(Rejection::StatusRefusesResend, "order_no", key.order_no);
        }
        let consignor_party = self.party(&order.ebc_code);
        let lines = match (app_status, before) {
            (0, None) => return refuse(Rejection::UnknownDocument, "order_no", key.order_no),
            (0, Some(_)) => Vec::new(),
            _ => {
                let evidence =
                    self.evidence(&order.ebp_code, key.order_no, NO_INDEX, consignor_party);
                lines::read(log_key, key.key, &evidence, &order.lines)?
            }
        };
        let Ok(part) = u16::try_from(part) else {
            return refuse(Rejection::BatchTooLarge, "ebc_code", "versions");
        };
        let head = OrderRow {
            consignor,
            consignor_party,
            lines: lines.len() as u16,
            platform_differs,
        };
        Ok(Reading {
            key: key.key,
            subject,
            part,
            order: Some(head),
            lines,
            names: names.rows,
            words: format!("order {} of platform {}", key.order_no, key.platform),
            order_no: key.order_no.to_owned(),
            platform: key.platform,
            ..Reading::default()
        })
    }

    fn waybill(&self, waybill: &proto::Waybill, app_status: u8) -> Result<Reading, Refusal> {
        let code = field::key(&waybill.logistics_code, "logistics_code", 18)?;
        let number = field::key(&waybill.logistics_no, "logistics_no", 80)?;
        let key = key::waybill(self.context.log_key, code, number);
        let mut names = Names::new(self.desk);
        let subject = names.waybill(key, self.context.now_ms);
        let before = self
            .desk
            .waybills
            .at(subject)
            .filter(|before| before.app_status != 0);
        if before.is_some_and(|before| before.app_status == DECLARED && is_held(before.status)) {
            return refuse(Rejection::StatusRefusesResend, "logistics_no", number);
        }
        if app_status == 0 && before.is_none() {
            return refuse(Rejection::UnknownDocument, "logistics_no", number);
        }
        let consignor = field::code(&waybill.ebc_code, "ebc_code")?;
        Ok(Reading {
            key,
            subject,
            waybill: Some(WaybillRow {
                consignor,
                consignor_party: self.party(&waybill.ebc_code),
            }),
            names: names.rows,
            words: format!("waybill {number} of carrier {code}"),
            ..Reading::default()
        })
    }

    fn list(&self, list: &proto::List, app_status: u8) -> Result<Reading, Refusal> {
        let log_key = self.context.log_key;
        let consignor = field::key(&list.ebc_code, "ebc_code", 18)?;
        let agent = field::key(&list.agent_code, "agent_code", 18)?;
        let cop_no = field::key(&list.cop_no, "cop_no", 30)?;
        let carrier = field::key(&list.logistics_code, "logistics_code", 18)?;
        let number = field::key(&list.logistics_no, "logistics_no", 80)?;
        let platform = (list.ebp_code.as_str(), list.ebp_name.as_str());
        let order = OrderKey::new(log_key, platform, &list.order_no, consignor, false)?;
        let key = key::list(log_key, &order, consignor);
        let mut names = Names::new(self.desk);
        let subject = names.slot(NameKind::List, key);
        let before = self
            .desk
            .lists
            .at(subject)
            .filter(|before| before.head.order != NO_INDEX);
        if before.is_some_and(|list| {
            list.app_status == DECLARED && !list.is_withdrawn && is_held(list.status)
        }) {
            return refuse(Rejection::StatusRefusesResend, "cop_no", cop_no);
        }
        let (order_slot, platform_differs) = names.order(&order, false);
        let waybill = names.waybill(key::waybill(log_key, carrier, number), self.context.now_ms);
        names.alias(
            NameKind::List,
            key::list_by_cop(log_key, agent, cop_no),
            subject,
        );
        if !list.invt_no.trim().is_empty() {
            names.alias(
                NameKind::List,
                key::list_by_invt(log_key, &list.invt_no),
                subject,
            );
        }
        let (owner_party, consignor_party) = (self.party(&list.owner_code), self.party(consignor));
        let lines = match (app_status, before) {
            (0, None) => return refuse(Rejection::UnknownDocument, "cop_no", cop_no),
            (0, Some(_)) => Vec::new(),
            _ => {
                let evidence =
                    self.evidence(&list.ebp_code, order.order_no, owner_party, consignor_party);
                lines::read(log_key, key, &evidence, &list.lines)?
            }
        };
        let trade_mode = list.trade_mode.trim().parse();
        let head = ListRow {
            // A list that was under another spelling of the platform stays with the order it found then.
            order: before.map_or(order_slot, |before| before.head.order),
            waybill,
            consignor: field::code(consignor, "ebc_code")?,
            consignor_party,
            agent_party: self.party(agent),
            owner_party,
            statistics_flag: statistics_flag(&list.statistics_flag)?,
            trade_mode: trade_mode.map_err(|_| {
                Refusal::new(Rejection::FieldInvalid, "trade_mode", &list.trade_mode)
            })?,
            export_date: field::date(&list.ie_date, "ie_date")?,
            customs_code: field::code(&list.customs_code, "customs_code")?,
            lines: lines.len() as u16,
            platform_differs,
        };
        Ok(Reading {
            key,
            subject,
            list: Some(head),
            lines,
            names: names.rows,
            words: format!(
                "list {cop_no} of declarant {agent} for order {} of platform {}",
                order.order_no, order.platform
            ),
            order_no: order.order_no.to_owned(),
            platform: order.platform,
            ..Reading::default()
        })
    }

    fn departure(&self, departure: &proto::Departure) -> Result<Reading, Refusal> {
        let log_key = self.context.log_key;
        let carrier = field::key(&departure.logistics_code, "logistics_code", 18)?;
        let cop_no = field::key(&departure.cop_no, "cop_no", 30)?;
        let key = key::departure(log_key, carrier, cop_no, departure.msg_seq_no.max(1));
        let mut names = Names::new(self.desk);
        let subject = names.slot(NameKind::Departure, key);
        let approved = self
            .desk
            .departures
            .at(subject)
            .is_some_and(|before| before.status == 399);
        if approved {
            return refuse(Rejection::StatusRefusesResend, "cop_no", cop_no);
        }
        let mut members = Vec::with_capacity(departure.logistics_nos.len());
        for number in &departure.logistics_nos {
            let number = field::key(number, "logistics_nos", 80)?;
            members
                .push(names.waybill(key::waybill(log_key, carrier, number), self.context.now_ms));
        }
        let words = format!("departure {cop_no} of carrier {carrier}");
        Ok(Reading {
            key,
            subject,
            members,
            names: names.rows,
            words,
            ..Reading::default()
        })
    }

    /// Slot of a list by customs' number, else by the declarant's.
    pub(super) fn find_list(&self, invt_no: &str, agent_code: &str, cop_no: &str) -> Option<u32> {
        let log_key = self.context.log_key;
        let by_invt = (!invt_no.trim().is_empty()).then(|| key::list_by_invt(log_key, invt_no));
        let by_invt = by_invt.and_then(|key| self.desk.named(key));
        by_invt.or_else(|| {
            self.desk
                .named(key::list_by_cop(log_key, agent_code, cop_no))
        })
    }

    fn withdrawal(&self, withdrawal: &proto::Withdrawal) -> Result<Reading, Refusal> {
        let found = self.find_list(
            &withdrawal.invt_no,
            &withdrawal.agent_code,
            &withdrawal.cop_no,
        );
        self.about_list(
            found,
            format!(
                "withdrawal {} of list {}",
                withdrawal.cop_no, withdrawal.invt_no
            ),
        )
    }

    /// A document about a list that is known.
    pub(super) fn about_list(&self, slot: Option<u32>, words: String) -> Result<Reading, Refusal> {
        let found = slot.and_then(|slot| Some((slot, self.desk.lists.at(slot)?)));
        let Some((subject, list)) = found.filter(|(_, list)| list.head.order != NO_INDEX) else {
            return refuse(Rejection::UnknownDocument, "cop_no", words);
        };
        Ok(Reading {
            key: list.key,
            subject,
            words,
            ..Reading::default()
        })
    }

    /// A document that no trade depends on.
    pub(super) fn message(&self, key: KeyDigest, words: String) -> Reading {
        let mut names = Names::new(self.desk);
        let subject = names.slot(NameKind::Message, key);
        Reading {
            key,
            subject,
            names: names.rows,
            words,
            ..Reading::default()
        }
    }

    fn collection_note(&self, note: &proto::CollectionNote) -> Result<Reading, Refusal> {
        let consignor = field::key(&note.ebc_code, "ebc_code", 18)?;
        let order_no = field::key(&note.order_no, "order_no", 60)?;
        let key = key::message(self.context.log_key, "note", consignor, order_no, 0);
        Ok(self.message(
            key,
            format!("collection note for order {order_no} of {consignor}"),
        ))
    }

    fn aggregation(&self, aggregation: &proto::Aggregation) -> Result<Reading, Refusal> {
        let agent = field::key(&aggregation.agent_code, "agent_code", 18)?;
        let cop_no = field::key(&aggregation.cop_no, "cop_no", 30)?;
        let key = key::message(
            self.context.log_key,
            "aggregation",
            agent,
            cop_no,
            aggregation.msg_seq_no.max(1),
        );
        let mut reading = self.message(key, format!("aggregation {cop_no} of declarant {agent}"));
        reading.members = self.lists_of(aggregation.invt_nos.iter());
        Ok(reading)
    }

    fn aggregation_result(&self, result: &proto::AggregationResult) -> Result<Reading, Refusal> {
        let sum_no = field::key(&result.sum_no, "sum_no", 20)?;
        let parts = (&result.decl_seq_no, result.msg_seq_no.max(1));
        let key = key::message(
            self.context.log_key,
            "aggregation-result",
            sum_no,
            parts.0,
            parts.1,
        );
        let mut reading = self.message(
            key,
            format!("result {} of aggregation {sum_no}", result.decl_seq_no),
        );
        reading.members = self.lists_of(result.lines.iter().map(|line| &line.invt_no));
        Ok(reading)
    }

    /// Lists by the numbers customs gave them, each once; a number of no list here belongs to another engine.
    fn lists_of<'s>(&self, invt_nos: impl Iterator<Item = &'s String>) -> Vec<u32> {
        let log_key = self.context.log_key;
        let mut slots: Vec<u32> = invt_nos
            .filter_map(|number| self.desk.named(key::list_by_invt(log_key, number)))
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// A document of which only the bytes as received are kept.
    fn bare(&self, document: &Document, doc_type: DocumentType) -> Result<Reading, Refusal> {
        let guid = field::key(&document.guid, "guid", 36)?;
        let key = key::message(
            self.context.log_key,
            "guid",
            guid,
            doc_type.as_str_name(),
            0,
        );
        Ok(self.message(key, format!("{} {guid}", doc_type as i32)))
    }
}

fn within(part: &'static str) -> impl Fn(Refusal) -> Refusal {
    move |refusal| Refusal {
        field: format!("{part}.{}", refusal.field),
        ..refusal
    }
}

fn statistics_flag(flag: &str) -> Result<u8, Refusal> {
    match flag.trim() {
        "A" => Ok(b'A'),
        "B" => Ok(b'B'),
        other => refuse(Rejection::FieldInvalid, "statistics_flag", other),
    }
}

pub fn is_reply(doc_type: DocumentType) -> bool {
    use DocumentType as T;
    matches!(
        doc_type,
        T::OrderReply
            | T::CollectionNoteReply
            | T::WaybillReply
            | T::ArrivalReply
            | T::DepartureReply
            | T::ListReply
            | T::WithdrawalReply
            | T::MasterWaybillReply
            | T::AggregationReply
            | T::ReturnReply
            | T::TallyReply
    )
}

/// Types of which the contract knows the body.
fn has_body(doc_type: DocumentType) -> bool {
    use DocumentType as T;
    is_reply(doc_type)
        || matches!(
            doc_type,
            T::Order
                | T::CollectionNote
                | T::Waybill
                | T::Departure
                | T::List
                | T::Withdrawal
                | T::Aggregation
        )
        || doc_type == T::AggregationResult
}

/// Time and status of the application: 0 for a deletion and for what customs sends by itself.
fn application(document: &Document, doc_type: DocumentType) -> Result<(u64, u8), Refusal> {
    use DocumentType as T;
    if is_reply(doc_type) || matches!(doc_type, T::AggregationResult | T::FormatFailure) {
        return Ok((0, 0));
    }
    let stamp = field::stamp(&document.app_time, "app_time")?;
    match (document.app_type, document.app_status) {
        (APP_TYPE_DELETE, 1 | 2) => Ok((stamp, 0)),
        (1 | 2, status @ (1 | 2)) => Ok((stamp, status as u8)),
        (1 | 2, other) => refuse(Rejection::FieldInvalid, "app_status", other),
        (other, _) => refuse(Rejection::FieldInvalid, "app_type", other),
    }
}
