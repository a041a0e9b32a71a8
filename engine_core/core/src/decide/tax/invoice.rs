//! Takes purchase invoices and labels the items they cover.

use std::collections::{BTreeSet, HashMap};

use super::is_date;
use super::label::{Labelled, Labels};
use super::labels::entries;
use crate::contract::whampoa::registry::v1::Role;
use crate::contract::whampoa::tax::v1::{
    Invoice as InvoiceRequest, InvoiceKind as KindRequest, SubmitInvoicesRequest,
};
use crate::decide::registry::{content_digest, parse_id, party_with_role};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::{Secret, Text};
use crate::event::tax::{InvoiceKind, InvoiceRow, InvoicesRecorded};
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;
use crate::state::tax::Invoice;

const INVOICES_MAX: usize = 1000;
const BASIS_POINTS_MAX: u32 = 10_000;

/// Records invoices, all or none; one recorded before with the same content is passed over.
pub fn submit_invoices(
    state: &State,
    context: &Context<'_>,
    request: &SubmitInvoicesRequest,
) -> Decision {
    match request.invoices.len() {
        0 => return refuse(Rejection::FieldMissing, "invoices", ""),
        count if count > INVOICES_MAX => {
            return refuse(Rejection::BatchTooLarge, "invoices", count);
        }
        _ => {}
    }
    let mut event = InvoicesRecorded {
        secrets: Vec::new(),
        invoices: Vec::new(),
        links: Vec::new(),
        items: Vec::new(),
    };
    let mut labels = Labels::new(state, context.now_ms);
    let mut seen: HashMap<Id, [u8; 8]> = HashMap::new();
    for (ordinal, invoice) in request.invoices.iter().enumerate() {
        let path = format!("invoices[{ordinal}]");
        let invoice_id = parse_id(&invoice.invoice_id, format!("{path}.invoice_id"))?;
        let content = content_digest(context.log_key, invoice);
        let before = state
            .tax
            .invoice_of(invoice_id)
            .map(|known| known.row.content)
            .or(seen.get(&invoice_id).copied());
        match before {
            Some(before) if before == content => continue,
            Some(_) => {
                return refuse(
                    Rejection::InvoiceExistsDifferent,
                    format!("{path}.invoice_id"),
                    invoice_id,
                );
            }
            None => seen.insert(invoice_id, content),
        };
        let index = state.tax.invoices_len() + event.invoices.len() as u32;
        let row = check(state, invoice, (invoice_id, index, content), &path)?;
        let number = invoice.number.trim().as_bytes().to_vec();
        event.secrets.push(Secret::Open {
            value: number,
            subject: invoice_id,
        });
        event.invoices.push(row.clone());
        labels.new_invoices.push(Invoice {
            row,
            used_qty_e5: 0,
            used_amount_minor: 0,
            recorded: Step::NONE,
        });
    }
    let buyers: BTreeSet<u32> = event.invoices.iter().map(|row| row.buyer).collect();
    let mut labelled = Labelled::default();
    buyers
        .iter()
        .for_each(|buyer| labels.of_merchant(*buyer, &mut labelled));
    let merchant = buyers.first().copied().unwrap_or(crate::event::NO_INDEX);
    let mut drafts = vec![Draft::first(Id::ZERO, event)];
    drafts.extend(entries(merchant, labelled, 0));
    continue_all(&mut drafts);
    Ok(drafts)
}

/// Every entry of an operation but the last says that more follow.
pub(super) fn continue_all(drafts: &mut [Draft]) {
    if let Some((_, before)) = drafts.split_last_mut() {
        before.iter_mut().for_each(|draft| draft.continues = true);
    }
}

fn check(
    state: &State,
    invoice: &InvoiceRequest,
    (invoice_id, index, content): (Id, u32, [u8; 8]),
    path: &str,
) -> Result<InvoiceRow, Refusal> {
    let field = |name: &str| format!("{path}.{name}");
    let kind = match KindRequest::try_from(invoice.kind) {
        Ok(KindRequest::SpecialVat) => InvoiceKind::SpecialVat,
        Ok(KindRequest::Ordinary) => InvoiceKind::Ordinary,
        _ => return refuse(Rejection::FieldInvalid, field("kind"), invoice.kind),
    };
    let number = invoice.number.trim();
    if number.len() != 20 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse(Rejection::FieldInvalid, field("number"), number);
    }
    if !is_date(invoice.date) {
        return refuse(Rejection::FieldInvalid, field("date"), invoice.date);
    }
    if invoice.amount_minor <= 0 {
        return refuse(
            Rejection::InvalidAmount,
            field("amount_minor"),
            invoice.amount_minor,
        );
    }
    if invoice.tax_rate_bp > BASIS_POINTS_MAX {
        return refuse(
            Rejection::FieldInvalid,
            field("tax_rate_bp"),
            invoice.tax_rate_bp,
        );
    }
    if invoice.qty_e5 == 0 || i64::try_from(invoice.qty_e5).is_err() {
        return refuse(Rejection::InvalidAmount, field("qty_e5"), invoice.qty_e5);
    }
    let unit = Text::new(invoice.unit.trim()).filter(|unit| !unit.is_empty());
    Ok(InvoiceRow {
        invoice_id,
        index,
        kind,
        buyer: party_with_role(
            state,
            &invoice.buyer_party_id,
            Role::Merchant,
            field("buyer_party_id"),
        )?,
        date: invoice.date,
        amount_minor: invoice.amount_minor,
        tax_rate_bp: invoice.tax_rate_bp as u16,
        gcode: gcode(&invoice.gcode, field("gcode"))?,
        qty_e5: invoice.qty_e5,
        unit: unit
            .ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field("unit"), &invoice.unit))?,
        content,
    })
}

/// A ten-digit commodity code.
pub(super) fn gcode(code: &str, field: String) -> Result<u64, Refusal> {
    let is_code = code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_digit());
    let number = code.parse().ok().filter(|_| is_code);
    number.ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field, code))
}
