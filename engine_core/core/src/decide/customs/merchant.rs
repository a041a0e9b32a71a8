//! The genuine merchant of a line: from registered relations first, then from what the documents themselves say.

use crate::contract::whampoa::registry::v1::Role;
use crate::event::NO_INDEX;
use crate::state::registry::{Registry, Resolved};
use crate::state::trade::MerchantReason;

/// Who a line belongs to, and why.
pub type Named = (u32, MerchantReason);

/// What one document says about the owner of its lines.
pub struct Evidence<'a> {
    pub registry: &'a Registry,
    /// Party of the platform; `NO_INDEX` when it is not registered.
    pub platform: u32,
    /// Party of the producer or seller of a list.
    pub owner: u32,
    pub consignor: u32,
    pub now_ms: u64,
    shop: Resolved,
}

impl<'a> Evidence<'a> {
    pub fn new(
        registry: &'a Registry,
        (platform, order_no): (u32, &str),
        owner: u32,
        consignor: u32,
        now_ms: u64,
    ) -> Self {
        let shop = registry.owner_of_shop(platform, order_no, now_ms);
        Self {
            registry,
            platform,
            owner,
            consignor,
            now_ms,
            shop,
        }
    }

    /// An item prefix before a shop, before the owner code, before the consignor code.
    pub fn of_item(&self, item_no: &str) -> Named {
        let item = self
            .registry
            .owner_of_item(self.platform, item_no, self.now_ms);
        let related = match item {
            Resolved::Nobody => (self.shop, MerchantReason::Shop),
            found => (found, MerchantReason::Item),
        };
        let is_merchant = |party: u32| self.registry.has_role(party, Role::Merchant);
        match related {
            (Resolved::Ambiguous, _) => (NO_INDEX, MerchantReason::Contradiction),
            (Resolved::Merchant(merchant), reason) => match self.contradicts(merchant) {
                true => (merchant, MerchantReason::Contradiction),
                false => (merchant, reason),
            },
            (Resolved::Nobody, _) if is_merchant(self.owner) => {
                match self.is_claimed_by_consignor(self.owner) {
                    true => (self.owner, MerchantReason::Contradiction),
                    false => (self.owner, MerchantReason::Owner),
                }
            }
            (Resolved::Nobody, _) if is_merchant(self.consignor) => {
                (self.consignor, MerchantReason::Consignor)
            }
            _ => (NO_INDEX, MerchantReason::Unknown),
        }
    }

    fn contradicts(&self, merchant: u32) -> bool {
        let is_another_owner =
            self.owner != merchant && self.registry.has_role(self.owner, Role::Merchant);
        is_another_owner || self.is_claimed_by_consignor(merchant)
    }

    /// The consignor is another merchant, and does not declare for this one.
    fn is_claimed_by_consignor(&self, merchant: u32) -> bool {
        self.consignor != merchant
            && self.registry.has_role(self.consignor, Role::Merchant)
            && !acts_for(self.registry, self.consignor, merchant, &[self.now_ms])
    }
}

/// Whoever is entrusted by the merchant files in its own name without claiming the goods, even if it is a merchant too.
pub fn acts_for(registry: &Registry, declarant: u32, merchant: u32, times_ms: &[u64]) -> bool {
    times_ms
        .iter()
        .any(|time_ms| registry.entrusts(merchant, declarant, *time_ms))
}

/// Parties that declare for others, and have to be entrusted.
pub fn may_declare(registry: &Registry, party: u32) -> bool {
    registry.has_role(party, Role::Declarant) || registry.has_role(party, Role::ServiceEnterprise)
}

/// What several documents say together of one line: the strongest evidence wins, unless it is contradicted.
pub fn combine(registry: &Registry, named: &[Named], times_ms: &[u64]) -> Named {
    use MerchantReason as Reason;
    if let Some(contradicted) = named
        .iter()
        .find(|(_, reason)| *reason == Reason::Contradiction)
    {
        return *contradicted;
    }
    let known = || {
        named
            .iter()
            .filter(|(merchant, reason)| *merchant != NO_INDEX && *reason != Reason::Unknown)
    };
    let Some((merchant, reason)) = known().min_by_key(|(_, reason)| *reason).copied() else {
        return (NO_INDEX, Reason::Unknown);
    };
    let is_related = matches!(reason, Reason::Item | Reason::Shop);
    let contradicts = |(other, why): &&Named| {
        *other != merchant
            && match why {
                // Two documents with equally strong evidence for different merchants.
                _ if *why == reason => true,
                Reason::Owner => is_related,
                Reason::Consignor => !acts_for(registry, *other, merchant, times_ms),
                _ => false,
            }
    };
    match known().any(|other| contradicts(&other)) {
        true => (merchant, Reason::Contradiction),
        false => (merchant, reason),
    }
}
