//! The join of order, waybill and list: one judgement over everything known under a trade key.
//!
//! It is made again on every arrival, in whatever order documents come, from the cases alone. Only what customs took
//! disputes anything, so that a stranger's unread filing cannot stop a released trade.

use super::desk::Desk;
use super::merchant::{self, Named};
use crate::event::NO_INDEX;
use crate::money::Currency;
use crate::state::document::{Line, ListCase, OrderCase, Slots, Version};
use crate::state::trade::{Disputes, MerchantReason};

/// How far the documents of a line have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Declared,
    Matched,
    Released,
}

/// A line of the order with what all documents say of it.
#[derive(Clone, Debug)]
pub struct Judged {
    pub gnum: u16,
    pub currency: Currency,
    pub total_e5: u64,
    pub merchant: u32,
    /// Why this merchant; `Unknown` when there is none.
    pub reason: MerchantReason,
    pub disputes: Disputes,
    pub stage: Stage,
    /// Value of the released list line, never above the order's.
    pub verified_e5: u64,
    /// The list that released the line first.
    pub list: Option<u32>,
    /// Declarant whose use of the merchant's data a grant covers.
    pub declarant: u32,
}

/// A list as far as the judgement needs it.
struct Seen<'a> {
    slot: u32,
    list: &'a ListCase,
    is_carried: bool,
    proves_from_ms: Option<u64>,
    waybill_differs: bool,
}

/// Judges every line of an order; `None` while nothing was declared.
pub fn judge(desk: &Desk<'_>, order: &OrderCase, now_ms: u64) -> Option<Vec<Judged>> {
    let reference = order.reference()?;
    let is_accepted = order.versions.iter().any(Version::is_accepted);
    let mut seen: Vec<Seen<'_>> = order
        .lists
        .iter()
        .filter_map(|slot| see(desk, *slot))
        .collect();
    // The list that proved a line first stands for it, also when another agent's is released later.
    seen.sort_by_key(|one| one.proves_from_ms.unwrap_or(u64::MAX));
    let whole = disputes_of_order(order, reference, &seen);
    let judge_line = |line: &Line| {
        let mut judged = start(order, reference, line, whole);
        let mut named = named_by_versions(order, reference, line);
        for one in &seen {
            let Some(other) = one.list.lines.iter().find(|other| other.gnum == line.gnum) else {
                continue;
            };
            named.push((other.merchant, other.reason));
            judged.disputes = judged.disputes.and(disputes_of_line(one, line, other));
            if judged.list.is_none() {
                judged.declarant = one.list.head.agent_party;
            }
            if is_accepted && one.is_carried {
                cover(&mut judged, one, line, other);
            }
        }
        let times = [order.first_ms, now_ms];
        (judged.merchant, judged.reason) = merchant::combine(&desk.state.registry, &named, &times);
        if judged.reason == MerchantReason::Contradiction {
            judged.disputes.add(MerchantReason::Contradiction);
        }
        if !is_entrusted(desk, &judged, &seen, now_ms) {
            judged.disputes.add(MerchantReason::NotEntrusted);
        }
        judged
    };
    Some(reference.lines.iter().map(judge_line).collect())
}

fn start(order: &OrderCase, reference: &Version, line: &Line, disputes: Disputes) -> Judged {
    debug_assert!(!order.versions.is_empty());
    Judged {
        gnum: line.gnum,
        currency: line.currency,
        total_e5: line.total_e5,
        merchant: NO_INDEX,
        reason: MerchantReason::Unknown,
        disputes,
        stage: Stage::Declared,
        verified_e5: 0,
        list: None,
        declarant: reference.consignor_party,
    }
}

/// Lists that customs took, with the state of their waybill.
fn see<'a>(desk: &'a Desk<'_>, slot: u32) -> Option<Seen<'a>> {
    let list = desk.lists.at(slot).filter(|list| list.stands())?;
    let waybill = desk.waybills.at(list.head.waybill)?;
    let names_another_order = waybill
        .lists
        .iter()
        .filter_map(|other| desk.lists.at(*other))
        .any(|other| other.stands() && other.head.order != list.head.order);
    let consignor = &waybill.head;
    let head = &list.head;
    let names_a_party_of_the_list = consignor.consignor_party != NO_INDEX
        && [head.consignor_party, head.owner_party, head.agent_party]
            .into_iter()
            .chain(list.lines.iter().map(|line| line.merchant))
            .any(|party| party == consignor.consignor_party);
    // Two agents of one merchant file the same order, and one waybill carries it: it names the one or the other.
    let names_another_agent = || {
        let party = consignor.consignor_party;
        party != NO_INDEX
            && list.lines.iter().any(|line| {
                merchant::acts_for(
                    &desk.state.registry,
                    party,
                    line.merchant,
                    &[list.declared_ms],
                )
            })
    };
    let is_consistent = consignor.consignor.is_empty()
        || consignor.consignor == head.consignor
        || names_a_party_of_the_list
        || names_another_agent();
    Some(Seen {
        slot,
        list,
        is_carried: waybill.is_accepted(),
        proves_from_ms: list.proves_from_ms(waybill),
        waybill_differs: names_another_order || !is_consistent,
    })
}

/// What disputes the order as a whole.
fn disputes_of_order(order: &OrderCase, reference: &Version, seen: &[Seen<'_>]) -> Disputes {
    let mut disputes = Disputes::default();
    let accepted = || {
        order
            .versions
            .iter()
            .filter(|version| version.is_accepted())
    };
    if accepted().any(|version| !version.says_the_same(reference)) {
        disputes.add(MerchantReason::OrderDiffers);
    }
    if accepted().any(|version| version.platform_differs)
        || seen.iter().any(|one| one.list.head.platform_differs)
    {
        disputes.add(MerchantReason::PlatformDiffers);
    }
    let is_ordered = |line: &Line| {
        reference
            .lines
            .iter()
            .any(|ordered| ordered.gnum == line.gnum)
    };
    let lists_more = seen
        .iter()
        .any(|one| !one.list.lines.iter().all(is_ordered));
    if lists_more {
        disputes.add(MerchantReason::ListDiffers);
    }
    disputes
}

fn disputes_of_line(one: &Seen<'_>, ordered: &Line, listed: &Line) -> Disputes {
    let mut disputes = Disputes::default();
    if !listed.agrees(ordered) {
        disputes.add(MerchantReason::ListDiffers);
    }
    if one.waybill_differs {
        disputes.add(MerchantReason::WaybillDiffers);
    }
    disputes
}

/// A line is counted once, however many agents list it: the first released list stands for it.
fn cover(judged: &mut Judged, one: &Seen<'_>, ordered: &Line, listed: &Line) {
    if one.list.is_released() {
        if judged.list.is_none() {
            judged.list = Some(one.slot);
            judged.verified_e5 = listed.total_e5.min(ordered.total_e5);
        }
        judged.stage = Stage::Released;
    } else {
        judged.stage = judged.stage.max(Stage::Matched);
    }
}

/// The evidence of the order's versions: the one that speaks for it, and those that customs took as well.
fn named_by_versions(order: &OrderCase, reference: &Version, line: &Line) -> Vec<Named> {
    let mut named = vec![(line.merchant, line.reason)];
    let others = order
        .versions
        .iter()
        .filter(|version| version.is_accepted() && version.consignor != reference.consignor);
    let same_line = |version: &Version| {
        version
            .lines
            .iter()
            .find(|other| other.gnum == line.gnum)
            .copied()
    };
    named.extend(
        others
            .filter_map(same_line)
            .map(|other| (other.merchant, other.reason)),
    );
    named
}

/// Whoever declared for the merchant in its own name was entrusted when it did, or is by now.
fn is_entrusted(desk: &Desk<'_>, judged: &Judged, seen: &[Seen<'_>], now_ms: u64) -> bool {
    if judged.merchant == NO_INDEX {
        return true;
    }
    let registry = &desk.state.registry;
    let holds_line = |one: &&Seen<'_>| one.list.lines.iter().any(|line| line.gnum == judged.gnum);
    seen.iter().filter(holds_line).all(|one| {
        [one.list.head.agent_party, one.list.head.consignor_party]
            .into_iter()
            .all(|party| {
                party == judged.merchant
                    || !merchant::may_declare(registry, party)
                    || merchant::acts_for(
                        registry,
                        party,
                        judged.merchant,
                        &[one.list.declared_ms, now_ms],
                    )
            })
    })
}
