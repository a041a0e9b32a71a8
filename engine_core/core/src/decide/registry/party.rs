//! Registers parties and sets where they are paid.

use std::collections::HashMap;

use prost::Message;

use super::{check_count, content_digest, is_uscc, parse_id, party_index};
use crate::contract::whampoa::registry::v1::{
    Party as PartyRequest, PayeeAccount, RegisterPartiesRequest, Role, SetPayeeRequest, VatClass,
};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::{Secret, Text};
use crate::event::registry::{
    PartiesRegistered, PartyCodeRow, PartyRow, PartySecret, PayeeRow, PayeeSet,
};
use crate::ids::{Id, Step};
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

/// Longest name, in characters, and most customs codes of one party.
const NAME_CHARACTERS_MAX: usize = 200;
const CUSTOMS_CODES_MAX: usize = 64;
const CUSTOMS_CODE_CHARACTERS: usize = 10;

/// Registers parties; one registered before with the same content is passed over.
pub fn register_parties(
    state: &State,
    context: &Context<'_>,
    request: &RegisterPartiesRequest,
) -> Decision {
    check_count(request.parties.len(), "parties")?;
    let mut intake = Intake {
        state,
        context,
        taken: HashMap::new(),
        ids: HashMap::new(),
        event: empty(),
    };
    for (ordinal, party) in request.parties.iter().enumerate() {
        intake.take(party, &format!("parties[{ordinal}]"))?;
    }
    Ok(vec![Draft::first(Id::ZERO, intake.event)])
}

fn empty() -> PartiesRegistered {
    PartiesRegistered {
        secrets: Vec::new(),
        parties: Vec::new(),
        codes: Vec::new(),
    }
}

/// Parties of one request so far.
struct Intake<'a> {
    state: &'a State,
    context: &'a Context<'a>,
    /// Codes that earlier parties of the request took.
    taken: HashMap<String, Id>,
    ids: HashMap<Id, [u8; 8]>,
    event: PartiesRegistered,
}

impl Intake<'_> {
    fn take(&mut self, party: &PartyRequest, path: &str) -> Result<(), Refusal> {
        let party_id = parse_id(&party.party_id, format!("{path}.party_id"))?;
        let content = content_digest(self.context.log_key, party);
        let registered = self
            .state
            .registry
            .index_of(party_id)
            .map(|index| self.state.registry.party(index).content);
        if let Some(before) = registered.or(self.ids.get(&party_id).copied()) {
            return match before == content {
                true => Ok(()),
                false => refuse(
                    Rejection::PartyExistsDifferent,
                    format!("{path}.party_id"),
                    party_id,
                ),
            };
        }
        let roles = self.check(party, path)?;
        let codes = party.customs_codes.iter().map(String::as_str);
        for code in codes
            .chain(Some(party.uscc.as_str()))
            .filter(|code| !code.is_empty())
        {
            self.claim(code, party_id, path)?;
        }
        let index = self.state.registry.len() + self.event.parties.len() as u32;
        let row = PartyRow {
            party_id,
            index,
            roles,
            vat_class: party.vat_class as u8,
            refund_filing_date: party.refund_filing_date,
            sanctioned: party.sanctioned,
            has_payee: party.payee.is_some(),
            uscc: text(&party.uscc, format!("{path}.uscc"))?,
            institution_code: text(&party.institution_code, format!("{path}.institution_code"))?,
            content,
            previous: Step::NONE,
        };
        for code in &party.customs_codes {
            let code = text(code, format!("{path}.customs_codes"))?;
            self.event.codes.push(PartyCodeRow { index, code });
        }
        self.event
            .secrets
            .push(secret(party_id, &party.name, party.payee.clone()));
        self.event.parties.push(row);
        self.ids.insert(party_id, content);
        Ok(())
    }

    /// Checks a party by itself; its roles as a mask.
    fn check(&self, party: &PartyRequest, path: &str) -> Result<u16, Refusal> {
        let mut roles = 0;
        for role in &party.roles {
            match Role::try_from(*role) {
                Ok(Role::Unspecified) | Err(_) => {
                    return refuse(Rejection::FieldInvalid, format!("{path}.roles"), role);
                }
                Ok(role) => roles |= 1 << (role as u16),
            }
        }
        if roles == 0 {
            return refuse(Rejection::FieldMissing, format!("{path}.roles"), "");
        }
        check_uscc(party, roles, path)?;
        check_codes(party, path)?;
        if party.name.trim().is_empty() {
            return refuse(Rejection::FieldMissing, format!("{path}.name"), "");
        }
        if party.name.chars().count() > NAME_CHARACTERS_MAX {
            return refuse(Rejection::FieldInvalid, format!("{path}.name"), "too long");
        }
        if VatClass::try_from(party.vat_class).is_err() {
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.vat_class"),
                party.vat_class,
            );
        }
        if party.refund_filing_date != 0 && !super::super::tax::is_date(party.refund_filing_date) {
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.refund_filing_date"),
                party.refund_filing_date,
            );
        }
        let institution = &party.institution_code;
        if !institution.is_empty()
            && (institution.len() != 12 || !institution.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.institution_code"),
                institution,
            );
        }
        party
            .payee
            .as_ref()
            .map_or(Ok(()), |payee| check_payee(payee, &format!("{path}.payee")))?;
        Ok(roles)
    }

    /// A code belongs to one party only.
    fn claim(&mut self, code: &str, party_id: Id, path: &str) -> Result<(), Refusal> {
        let is_taken = self.state.registry.by_code(code).is_some()
            || self.taken.get(code).is_some_and(|other| *other != party_id);
        if is_taken {
            return refuse(Rejection::PartyCodeTaken, format!("{path}.codes"), code);
        }
        self.taken.insert(code.to_owned(), party_id);
        Ok(())
    }
}

/// Officers, authorities, carriers and foreign platforms may have no USCC; whoever owns or moves money has one.
fn check_uscc(party: &PartyRequest, roles: u16, path: &str) -> Result<(), Refusal> {
    const NEEDS_USCC: u16 = 1 << Role::Merchant as u16
        | 1 << Role::ServiceEnterprise as u16
        | 1 << Role::Declarant as u16
        | 1 << Role::Bank as u16;
    let field = || format!("{path}.uscc");
    if party.uscc.is_empty() {
        return match roles & NEEDS_USCC {
            0 => Ok(()),
            _ => refuse(Rejection::FieldMissing, field(), ""),
        };
    }
    if !is_uscc(&party.uscc) {
        return refuse(Rejection::InvalidUscc, field(), &party.uscc);
    }
    Ok(())
}

/// Ten characters, so that neither the empty code nor "NO" of an unregistered producer ever names a party.
fn check_codes(party: &PartyRequest, path: &str) -> Result<(), Refusal> {
    let field = format!("{path}.customs_codes");
    let codes = &party.customs_codes;
    if codes.len() > CUSTOMS_CODES_MAX {
        return refuse(Rejection::BatchTooLarge, field, codes.len());
    }
    match codes
        .iter()
        .find(|code| code.len() != CUSTOMS_CODE_CHARACTERS)
    {
        Some(code) => refuse(Rejection::FieldInvalid, field, code),
        None => Ok(()),
    }
}

fn check_payee(payee: &PayeeAccount, path: &str) -> Result<(), Refusal> {
    for (value, field, length_max) in [
        (&payee.account_no, "account_no", 34),
        (&payee.account_name, "account_name", NAME_CHARACTERS_MAX),
    ] {
        if value.trim().is_empty() {
            return refuse(Rejection::FieldMissing, format!("{path}.{field}"), "");
        }
        if value.chars().count() > length_max {
            return refuse(
                Rejection::FieldInvalid,
                format!("{path}.{field}"),
                "too long",
            );
        }
    }
    let bank = &payee.bank_code;
    match bank.len() == 14 && bank.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(()),
        false => refuse(Rejection::FieldInvalid, format!("{path}.bank_code"), bank),
    }
}

fn text<const N: usize>(value: &str, field: String) -> Result<Text<N>, Refusal> {
    let is_code = |byte: u8| byte.is_ascii_alphanumeric();
    match Text::new(value).filter(|_| value.bytes().all(is_code)) {
        Some(text) => Ok(text),
        None => refuse(Rejection::FieldInvalid, field, value),
    }
}

fn secret(party_id: Id, name: &str, payee: Option<PayeeAccount>) -> Secret {
    let value = PartySecret {
        name: name.to_owned(),
        payee,
    }
    .encode_to_vec();
    Secret::Open {
        value,
        subject: party_id,
    }
}

/// Sets where a party is paid from now on.
pub fn set_payee(state: &State, _context: &Context<'_>, request: &SetPayeeRequest) -> Decision {
    let index = party_index(state, &request.party_id, "party_id")?;
    let Some(payee) = &request.payee else {
        return refuse(Rejection::FieldMissing, "payee", "");
    };
    check_payee(payee, "payee")?;
    let party = state.registry.party(index);
    let row = PayeeRow {
        party_id: party.party_id,
        index,
        previous: party.last,
    };
    let event = PayeeSet {
        secrets: vec![secret(party.party_id, "", Some(payee.clone()))],
        payees: vec![row],
    };
    Ok(vec![Draft::after(party.last, party.party_id, event)])
}
