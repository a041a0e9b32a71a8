//! Takes the documents of a request one after the other: refused ones leave nothing, the others build on each other.

use std::collections::BTreeSet;

use prost::Message;

use super::ROWS_MAX;
use super::body::{Reader, Reading};
use super::desk::{Desk, newest};
use super::page::Page;
use super::release;
use crate::contract::whampoa::customs::v1::document::Body;
use crate::contract::whampoa::customs::v1::{Document, DocumentType, SubmitDocumentsRequest};
use crate::decide::registry::{content_digest, parse_id};
use crate::decide::tax::Labels;
use crate::decide::{Context, Decision};
use crate::event::codec::Secret;
use crate::event::customs::{DocumentRow, DocumentSecret};
use crate::event::{Draft, NO_INDEX};
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::document::{Deposit, Recorded, Slots, record};

const DOCUMENTS_MAX: usize = 1000;

/// Records the documents of a request and what they do to trades and tax items.
pub fn submit_documents(
    state: &State,
    context: &Context<'_>,
    request: SubmitDocumentsRequest,
) -> Decision {
    check_size(&request)?;
    let mut intake = Intake {
        context,
        desk: Desk::new(state),
        labels: Labels::new(state, context.now_ms),
        page: Page::new(context.next_index),
        touched: BTreeSet::new(),
        drafts: Vec::new(),
        first_refusal: None,
    };
    for (ordinal, document) in request.documents.into_iter().enumerate() {
        if let Err(refusal) = intake.take(ordinal as u16, document) {
            let field = format!("documents[{ordinal}].{}", refusal.field);
            intake.page.refuse(ordinal as u16, refusal.code, &field);
            intake
                .first_refusal
                .get_or_insert(Refusal { field, ..refusal });
        }
    }
    intake.finish()
}

fn check_size(request: &SubmitDocumentsRequest) -> Result<(), Refusal> {
    let count = request.documents.len();
    if count == 0 {
        return refuse(Rejection::FieldMissing, "documents", "");
    }
    let rows: usize = request
        .documents
        .iter()
        .map(|document| 1 + parts(document))
        .sum();
    if count > DOCUMENTS_MAX || rows > ROWS_MAX {
        return refuse(
            Rejection::BatchTooLarge,
            "documents",
            format!("{count} documents, {rows} rows"),
        );
    }
    Ok(())
}

fn parts(document: &Document) -> usize {
    match &document.body {
        Some(Body::Order(order)) => order.lines.len(),
        Some(Body::List(list)) => list.lines.len(),
        Some(Body::Departure(departure)) => departure.logistics_nos.len(),
        Some(Body::Aggregation(aggregation)) => aggregation.invt_nos.len(),
        Some(Body::AggregationResult(result)) => result.lines.len(),
        _ => 0,
    }
}

/// A request on its way into entries.
struct Intake<'a> {
    context: &'a Context<'a>,
    desk: Desk<'a>,
    labels: Labels<'a>,
    page: Page,
    /// Orders whose documents changed since the last page was closed.
    touched: BTreeSet<u32>,
    drafts: Vec<Draft>,
    first_refusal: Option<Refusal>,
}

impl Intake<'_> {
    fn take(&mut self, ordinal: u16, mut document: Document) -> Result<(), Refusal> {
        let document_id = parse_id(&document.document_id, "document_id")?;
        let content = content_digest(self.context.log_key, &document);
        if let Some(deposit) = self.desk.deposit(document_id) {
            if deposit.content != content {
                return refuse(
                    Rejection::DocumentExistsDifferent,
                    "document_id",
                    document_id,
                );
            }
            self.page.repeat(ordinal, deposit.step);
            return Ok(());
        }
        if !document_id.is_in_window(self.context.now_ms) {
            return refuse(Rejection::IdOutOfWindow, "document_id", document_id);
        }
        let doc_type = match DocumentType::try_from(document.r#type) {
            Ok(DocumentType::Unspecified) | Err(_) => {
                return refuse(Rejection::FieldInvalid, "type", document.r#type);
            }
            Ok(doc_type) => doc_type,
        };
        let reading = Reader {
            desk: &self.desk,
            context: self.context,
        }
        .read(&document, doc_type)?;
        if self.page.rows() + reading.rows() > ROWS_MAX {
            self.turn();
        }
        let received = std::mem::take(&mut document.received);
        let transmitter_code = document.transmitter_code;
        self.place(
            (document_id, doc_type, content),
            reading,
            (received, transmitter_code),
        );
        Ok(())
    }

    /// Puts a document on the page and into the cases.
    fn place(
        &mut self,
        (document_id, doc_type, content): (Id, DocumentType, [u8; 8]),
        reading: Reading,
        (received, transmitter_code): (Vec<u8>, String),
    ) {
        let step = self.page.next_step();
        let row = DocumentRow {
            document_id,
            doc_type: doc_type as u16,
            key: reading.key,
            status: reading.status,
            stamp: reading.stamp,
            trade_id: Id::ZERO,
            previous: self.previous(doc_type, &reading),
            grant: NO_INDEX,
            content,
            subject: reading.subject,
            part: reading.part,
            app_status: reading.app_status,
        };
        let recorded = Recorded {
            row: &row,
            order: reading.order.as_ref(),
            list: reading.list.as_ref(),
            waybill: reading.waybill.as_ref(),
            lines: &reading.lines,
            names: &reading.names,
            members: &reading.members,
            step,
            time_ms: self.context.now_ms,
        };
        self.touch(doc_type, row.subject);
        record(&mut self.desk, &recorded);
        self.touch(doc_type, row.subject);
        self.desk
            .deposits
            .insert(document_id, Deposit { step, content });
        let secret = DocumentSecret {
            key_words: reading.words,
            received,
            order_no: reading.order_no,
            platform: reading.platform,
            transmitter_code,
        };
        let secret = Secret::Open {
            value: secret.encode_to_vec(),
            subject: document_id,
        };
        let order = self.order_of(doc_type, row.subject);
        let event = &mut self.page.event;
        event.names_per_document.push(reading.names.len() as u16);
        let ordinal = event.documents.len() as u16;
        event.members.extend(reading.members.iter().map(|member| {
            crate::event::customs::MemberRow {
                document: ordinal,
                member: *member,
            }
        }));
        event.documents.push(row);
        event.secrets.push(secret);
        event.orders.extend(reading.order);
        event.lists.extend(reading.list);
        event.waybills.extend(reading.waybill);
        event.lines.extend(reading.lines);
        event.names.extend(reading.names);
        self.page.orders.push(order);
    }

    /// The step a document follows: the newest of its order, else of its own case.
    fn previous(&self, doc_type: DocumentType, reading: &Reading) -> Step {
        use DocumentType as T;
        let desk = &self.desk;
        let slot = reading.subject;
        let order = match &reading.list {
            Some(head) => Some(head.order),
            None => self.order_of(doc_type, slot),
        };
        let chain = order
            .and_then(|order| desk.orders.at(order))
            .map_or(Step::NONE, |order| desk.chain_of(order));
        let waybill = match (&reading.list, doc_type) {
            (Some(head), _) => Some(head.waybill),
            (None, T::Waybill | T::WaybillReply) => Some(slot),
            _ => None,
        };
        let of_waybill = waybill
            .and_then(|slot| desk.waybills.at(slot))
            .map_or(Step::NONE, |waybill| waybill.last);
        match doc_type {
            T::Order | T::OrderReply | T::ListReply | T::Withdrawal | T::WithdrawalReply => chain,
            // A waybill may have come before anything that names its order.
            T::List => {
                if chain.is_some() {
                    chain
                } else {
                    of_waybill
                }
            }
            T::Waybill | T::WaybillReply => newest(chain, of_waybill),
            T::Departure | T::DepartureReply => desk
                .departures
                .at(slot)
                .map_or(Step::NONE, |departure| departure.last),
            _ => desk
                .messages
                .at(slot)
                .map_or(Step::NONE, |message| message.last),
        }
    }

    /// The order a document belongs to, as far as it is known.
    fn order_of(&self, doc_type: DocumentType, subject: u32) -> Option<u32> {
        use DocumentType as T;
        let order_of_list = |slot: u32| self.desk.lists.at(slot).map(|list| list.head.order);
        let order = match doc_type {
            T::Order | T::OrderReply => Some(subject),
            T::List | T::ListReply | T::Withdrawal | T::WithdrawalReply => order_of_list(subject),
            T::Waybill | T::WaybillReply => {
                let waybill = self.desk.waybills.at(subject);
                waybill
                    .and_then(|waybill| waybill.lists.first())
                    .and_then(|list| order_of_list(*list))
            }
            _ => None,
        };
        order.filter(|order| *order != NO_INDEX)
    }

    /// Notes the orders whose judgement a document may change.
    fn touch(&mut self, doc_type: DocumentType, subject: u32) {
        use DocumentType as T;
        let waybills = match doc_type {
            T::Waybill | T::WaybillReply => vec![subject],
            T::DepartureReply => self
                .desk
                .departures
                .at(subject)
                .map_or(Vec::new(), |case| case.waybills.clone()),
            T::List | T::ListReply | T::WithdrawalReply => self
                .desk
                .lists
                .at(subject)
                .map_or(Vec::new(), |list| vec![list.head.waybill]),
            _ => Vec::new(),
        };
        self.touched.extend(self.order_of(doc_type, subject));
        for waybill in waybills
            .iter()
            .filter_map(|slot| self.desk.waybills.at(*slot))
        {
            let lists = waybill
                .lists
                .iter()
                .filter_map(|slot| self.desk.lists.at(*slot));
            self.touched.extend(
                lists
                    .map(|list| list.head.order)
                    .filter(|order| *order != NO_INDEX),
            );
        }
    }

    /// Closes the page: judges every order that its documents touched, and writes what follows.
    fn turn(&mut self) {
        for slot in std::mem::take(&mut self.touched) {
            let outcome = release::plan(&self.desk, slot, self.context.now_ms);
            let labelled = self.labels.of_order(&self.desk, slot, &outcome);
            if self.page.rows() + 2 * outcome.trades.len() + labelled.rows() > ROWS_MAX {
                self.emit();
            }
            self.page
                .put_outcome(&mut self.desk, slot, outcome, labelled);
        }
        self.emit();
    }

    fn emit(&mut self) {
        if self.page.is_empty() && !self.drafts.is_empty() {
            return;
        }
        let next = Page::new(self.page.index + 1);
        let event = std::mem::replace(&mut self.page, next).close(&mut self.desk, &mut self.labels);
        let case_id = event
            .documents
            .first()
            .map_or(Id::ZERO, |row| row.document_id);
        self.drafts.push(Draft {
            continues: true,
            ..Draft::first(case_id, event)
        });
    }

    fn finish(mut self) -> Decision {
        let nothing_is_new = self.drafts.is_empty() && self.page.event.documents.is_empty();
        if let (true, true, Some(refusal)) = (
            nothing_is_new,
            self.page.event.repeated.is_empty(),
            self.first_refusal.take(),
        ) {
            return Err(refusal);
        }
        self.turn();
        if let Some(last) = self.drafts.last_mut() {
            last.continues = false;
        }
        Ok(self.drafts)
    }
}
