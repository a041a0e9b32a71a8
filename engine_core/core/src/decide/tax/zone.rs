//! Registers merchants' goods on the platform of a pilot zone and labels the items they concern.

use std::collections::{BTreeSet, HashMap};

use super::invoice::{continue_all, gcode};
use super::is_date;
use super::label::{Labelled, Labels};
use super::labels::entries;
use crate::contract::whampoa::registry::v1::Role;
use crate::contract::whampoa::tax::v1::{RegisterZoneGoodsRequest, ZoneRegistration};
use crate::decide::registry::{content_digest, parse_id, party_with_role};
use crate::decide::{Context, Decision};
use crate::event::Draft;
use crate::event::codec::Text;
use crate::event::tax::{ZoneGoodsRegistered, ZoneRow};
use crate::ids::Id;
use crate::rejection::{Refusal, Rejection, refuse};
use crate::state::State;

const REGISTRATIONS_MAX: usize = 1000;

/// Registers goods, all or none; one registered before with the same content is passed over.
pub fn register_zone_goods(
    state: &State,
    context: &Context<'_>,
    request: &RegisterZoneGoodsRequest,
) -> Decision {
    match request.registrations.len() {
        0 => return refuse(Rejection::FieldMissing, "registrations", ""),
        count if count > REGISTRATIONS_MAX => {
            return refuse(Rejection::BatchTooLarge, "registrations", count);
        }
        _ => {}
    }
    let mut event = ZoneGoodsRegistered {
        zones: Vec::new(),
        links: Vec::new(),
        items: Vec::new(),
    };
    let mut seen: HashMap<Id, [u8; 8]> = HashMap::new();
    for (ordinal, registration) in request.registrations.iter().enumerate() {
        let path = format!("registrations[{ordinal}]");
        let id = parse_id(
            &registration.registration_id,
            format!("{path}.registration_id"),
        )?;
        let content = content_digest(context.log_key, registration);
        let before = state
            .tax
            .zone_of(id)
            .map(|known| known.content)
            .or(seen.get(&id).copied());
        match before {
            Some(before) if before == content => continue,
            Some(_) => {
                return refuse(
                    Rejection::FieldInvalid,
                    format!("{path}.registration_id"),
                    id,
                );
            }
            None => seen.insert(id, content),
        };
        let index = state.tax.zones_len() + event.zones.len() as u32;
        let row = check(state, registration, (id, index, content), &path)?;
        check_period(state, &event.zones, &row, &path)?;
        event.zones.push(row);
    }
    let mut labels = Labels::new(state, context.now_ms);
    labels.new_zones.clone_from(&event.zones);
    let merchants: BTreeSet<u32> = event.zones.iter().map(|row| row.merchant).collect();
    let mut labelled = Labelled::default();
    merchants
        .iter()
        .for_each(|merchant| labels.of_merchant(*merchant, &mut labelled));
    let merchant = merchants.first().copied().unwrap_or(crate::event::NO_INDEX);
    let mut drafts = vec![Draft::first(Id::ZERO, event)];
    drafts.extend(entries(merchant, labelled, 0));
    continue_all(&mut drafts);
    Ok(drafts)
}

fn check(
    state: &State,
    registration: &ZoneRegistration,
    (registration_id, index, content): (Id, u32, [u8; 8]),
    path: &str,
) -> Result<ZoneRow, Refusal> {
    let field = |name: &str| format!("{path}.{name}");
    let merchant = party_with_role(
        state,
        &registration.merchant_party_id,
        Role::Merchant,
        field("merchant_party_id"),
    )?;
    let district = &registration.customs_district;
    let is_district = district.len() == 2 && district.bytes().all(|byte| byte.is_ascii_digit());
    let customs_district = Text::new(district).filter(|_| is_district);
    let customs_district = customs_district.ok_or_else(|| {
        Refusal::new(Rejection::FieldInvalid, field("customs_district"), district)
    })?;
    let reg_no = registration.platform_reg_no.trim();
    let platform_reg_no = Text::new(reg_no).filter(|reg_no| !reg_no.is_empty());
    let platform_reg_no = platform_reg_no
        .ok_or_else(|| Refusal::new(Rejection::FieldInvalid, field("platform_reg_no"), reg_no))?;
    if !is_date(registration.valid_from) {
        return refuse(
            Rejection::FieldInvalid,
            field("valid_from"),
            registration.valid_from,
        );
    }
    let until = registration.valid_until;
    if until != 0 && (!is_date(until) || until < registration.valid_from) {
        return refuse(Rejection::FieldInvalid, field("valid_until"), until);
    }
    Ok(ZoneRow {
        registration_id,
        index,
        merchant,
        customs_district,
        platform_reg_no,
        gcode: gcode(&registration.gcode, field("gcode"))?,
        valid_from: registration.valid_from,
        valid_until: until,
        content,
    })
}

/// The same goods are registered once at a time in one zone.
fn check_period(state: &State, new: &[ZoneRow], row: &ZoneRow, path: &str) -> Result<(), Refusal> {
    let is_before = |until: u32, from: u32| until != 0 && until < from;
    let overlaps = |other: &ZoneRow| {
        (other.merchant, other.gcode, other.customs_district)
            == (row.merchant, row.gcode, row.customs_district)
            && !is_before(other.valid_until, row.valid_from)
            && !is_before(row.valid_until, other.valid_from)
    };
    let taken = state
        .tax
        .zones_for(row.merchant, row.gcode)
        .chain(new)
        .any(overlaps);
    match taken {
        true => refuse(
            Rejection::PeriodOverlaps,
            format!("{path}.valid_from"),
            row.valid_from,
        ),
        false => Ok(()),
    }
}
