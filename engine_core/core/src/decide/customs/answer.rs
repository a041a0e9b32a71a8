//! Reads the replies of customs: the document each answers, and whether it is news.

use super::body::{Reader, Reading};
use super::field;
use super::key::{self, OrderKey};
use super::names::Names;
use crate::contract::whampoa::customs::v1 as proto;
use crate::contract::whampoa::customs::v1::DocumentType;
use crate::event::codec::Text;
use crate::event::customs::NameKind;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::document::{Cases, Slots};

impl Reader<'_, '_> {
    /// Reads a reply; an older one than the newest known is refused.
    pub(super) fn answer(
        &self,
        reply: &proto::Reply,
        doc_type: DocumentType,
    ) -> Result<Reading, Refusal> {
        let stamp = field::stamp(&reply.return_time, "return_time")?;
        if reply.return_status == 0 || !(-999_999..=999).contains(&reply.return_status) {
            return refuse(
                Rejection::FieldInvalid,
                "return_status",
                reply.return_status,
            );
        }
        let (mut reading, newest) = match doc_type {
            DocumentType::OrderReply => self.order_reply(reply)?,
            DocumentType::WaybillReply => self.waybill_reply(reply)?,
            DocumentType::ListReply => self.list_reply(reply)?,
            DocumentType::DepartureReply => self.departure_reply(reply)?,
            DocumentType::WithdrawalReply => {
                let found = self.find_list(&reply.invt_no, &reply.agent_code, &reply.cop_no);
                (
                    self.about_list(found, format!("withdrawal of list {}", reply.invt_no))?,
                    0,
                )
            }
            _ => self.message_reply(reply, doc_type),
        };
        if stamp < newest {
            return refuse(Rejection::StaleReply, "return_time", &reply.return_time);
        }
        (reading.status, reading.stamp) = (reply.return_status, stamp);
        Ok(reading)
    }

    fn order_reply(&self, reply: &proto::Reply) -> Result<(Reading, u64), Refusal> {
        let platform = (reply.ebp_code.as_str(), reply.ebp_name.as_str());
        let key = OrderKey::new(
            self.context.log_key,
            platform,
            &reply.order_no,
            &reply.ebc_code,
            true,
        )?;
        let consignor: Text<18> = field::code(&reply.ebc_code, "ebc_code")?;
        let by_key = self.desk.named(key.key);
        let slot = by_key.or_else(|| key.nameless.and_then(|key| self.desk.named(key)));
        let order = slot.and_then(|slot| self.desk.orders.at(slot));
        let part = order.and_then(|order| order.version_of(consignor));
        let (Some(subject), Some(order), Some(part)) = (slot, order, part) else {
            return refuse(Rejection::UnknownDocument, "order_no", key.order_no);
        };
        let words = format!("order {} of platform {}", key.order_no, key.platform);
        let newest = order.versions[part].stamp;
        Ok((
            Reading {
                key: order.key,
                subject,
                part: part as u16,
                words,
                ..Reading::default()
            },
            newest,
        ))
    }

    fn waybill_reply(&self, reply: &proto::Reply) -> Result<(Reading, u64), Refusal> {
        let key = key::waybill(
            self.context.log_key,
            &reply.logistics_code,
            &reply.logistics_no,
        );
        let slot = self.desk.named(key);
        let waybill = slot
            .and_then(|slot| self.desk.waybills.at(slot))
            .filter(|waybill| waybill.app_status != 0);
        let (Some(subject), Some(waybill)) = (slot, waybill) else {
            return refuse(
                Rejection::UnknownDocument,
                "logistics_no",
                &reply.logistics_no,
            );
        };
        let words = format!(
            "waybill {} of carrier {}",
            reply.logistics_no.trim(),
            reply.logistics_code.trim()
        );
        Ok((
            Reading {
                key,
                subject,
                words,
                ..Reading::default()
            },
            waybill.stamp,
        ))
    }

    fn list_reply(&self, reply: &proto::Reply) -> Result<(Reading, u64), Refusal> {
        let found = self.list_of_order(reply).or_else(|| {
            let by_cop = self.desk.named(key::list_by_cop(
                self.context.log_key,
                &reply.agent_code,
                &reply.cop_no,
            ));
            by_cop.or_else(|| self.find_list(&reply.invt_no, &reply.agent_code, &reply.cop_no))
        });
        let words = format!(
            "list {} of declarant {}",
            reply.cop_no.trim(),
            reply.agent_code.trim()
        );
        let mut reading = self.about_list(found, words)?;
        if !reply.invt_no.trim().is_empty() {
            let mut names = Names::new(self.desk);
            names.alias(
                NameKind::List,
                key::list_by_invt(self.context.log_key, &reply.invt_no),
                reading.subject,
            );
            reading.names = names.rows;
        }
        let newest = self
            .desk
            .lists
            .at(reading.subject)
            .map_or(0, |list| list.stamp);
        Ok((reading, newest))
    }

    /// Slot of the list by the order it names; replies that name none are found by the list's own numbers.
    fn list_of_order(&self, reply: &proto::Reply) -> Option<u32> {
        let platform = (reply.ebp_code.as_str(), reply.ebp_name.as_str());
        let consignor = reply.ebc_code.trim();
        let order = OrderKey::new(
            self.context.log_key,
            platform,
            &reply.order_no,
            consignor,
            true,
        )
        .ok()?;
        self.desk
            .named(key::list(self.context.log_key, &order, consignor))
    }

    fn departure_reply(&self, reply: &proto::Reply) -> Result<(Reading, u64), Refusal> {
        let sequence = reply.msg_seq_no.max(1);
        let key = key::departure(
            self.context.log_key,
            &reply.logistics_code,
            &reply.cop_no,
            sequence,
        );
        let slot = self.desk.named(key);
        let departure = slot.and_then(|slot| self.desk.departures.at(slot));
        let (Some(subject), Some(departure)) = (slot, departure) else {
            return refuse(Rejection::UnknownDocument, "cop_no", &reply.cop_no);
        };
        let words = format!(
            "departure {} of carrier {}",
            reply.cop_no.trim(),
            reply.logistics_code.trim()
        );
        Ok((
            Reading {
                key,
                subject,
                words,
                ..Reading::default()
            },
            departure.stamp,
        ))
    }

    /// Replies that no trade depends on: kept in the order they come, under the message they answer where it is known.
    fn message_reply(&self, reply: &proto::Reply, doc_type: DocumentType) -> (Reading, u64) {
        let log_key = self.context.log_key;
        let key = match doc_type {
            DocumentType::CollectionNoteReply => {
                key::message(log_key, "note", &reply.ebc_code, &reply.order_no, 0)
            }
            DocumentType::AggregationReply => key::message(
                log_key,
                "aggregation",
                &reply.agent_code,
                &reply.cop_no,
                reply.msg_seq_no.max(1),
            ),
            _ => key::message(
                log_key,
                doc_type.as_str_name(),
                &reply.agent_code,
                &reply.cop_no,
                reply.msg_seq_no,
            ),
        };
        let newest = self
            .desk
            .named(key)
            .and_then(|slot| self.desk.messages.at(slot));
        let newest = newest
            .filter(|message| message.status != 0)
            .map_or(0, |message| message.stamp);
        (
            self.message(key, format!("{} {}", doc_type as i32, reply.cop_no.trim())),
            newest,
        )
    }
}
